#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_EVALUATION_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_EVALUATION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/numerics/bounded_auc.h"
#include "common/numerics/classification_metrics.h"
#include "common/numerics/grouped_metrics.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/training/thread_team.h"

namespace sda::trainer {

// How the AUC is measured.
enum class AucMethod {
  kExact,      // all scores are kept and sorted: 24 bytes a row
  kHistogram,  // in memory that does not depend on the rows, with a bound on the error (bounded_auc.h)
};

// Of the rows of a split, and of its groups where there is a column to group by.
struct SplitMetrics : ClassificationMetrics {
  std::optional<GroupedMetrics> grouped = {};
};

// Scores whole splits with a model. Keeps its memory from call to call. Not thread-safe.
class Evaluator {
 public:
  // All must outlive this. Rows with the same id of table `group_by` are a group; needs kExact.
  Evaluator(const DlrmLayout& layout, const SplitReader& split, int64_t batch_size, ThreadTeam& team,
            std::optional<int64_t> group_by = std::nullopt, AucMethod method = AucMethod::kExact);

  static int64_t Bytes(const DlrmLayout& layout, int64_t rows, int64_t batch_size, int threads,
                       AucMethod method = AucMethod::kExact);

  // Metrics over all rows, weighted where rows have weights, those of groups excepted. CANCELLED once `stop`
  // fires. `progress` hears of rows done; may be empty.
  absl::StatusOr<SplitMetrics> Run(const DlrmWeights& weights, std::stop_token stop = {},
                                   const std::function<void(int64_t rows)>& progress = {});

 private:
  absl::Status RunPart(const DlrmWeights& weights, std::stop_token stop, int part,
                       const std::function<void(int64_t)>& progress);

  absl::Status ScorePart(const DlrmWeights& weights, int part, int64_t begin, int64_t end);

  const DlrmLayout& layout_;
  const SplitReader& split_;
  const int64_t batch_size_;
  const AucMethod method_;
  ThreadTeam& team_;
  std::vector<std::unique_ptr<DlrmWorkspace>> workspaces_;  // one a thread
  std::vector<BatchBuffer> buffers_;                        // one a thread
  // kExact: [rows], weights_ empty where rows have none. Else of logits_ a batch a thread.
  std::vector<float> logits_, labels_, row_weights_;
  std::vector<BoundedMetrics> bounded_;  // kHistogram: one a thread
  std::vector<char> finite_;             // one a thread: whether all logits were
  const std::optional<int64_t> group_by_;
  std::vector<int32_t> groups_;  // [rows] where there is a column to group by
};

// INVALID_ARGUMENT names training.group_by where groups are wanted without all scores being kept.
absl::Status CheckAucMethod(AucMethod method, const std::string& group_by, const std::string& field);

// By the names recipes use; what is not defined (NaN) is left out, and so is an error bound of 0.
std::map<std::string, double> MetricMap(const SplitMetrics& metrics);

// The table of a categorical column; nothing for "". INVALID_ARGUMENT names `field` where there is no such
// column.
absl::StatusOr<std::optional<int64_t>> TableToGroupBy(const InputShape& inputs, const std::string& column,
                                                      const std::string& field);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_EVALUATION_H_
