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

#include "common/numerics/classification_metrics.h"
#include "common/numerics/grouped_metrics.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/training/thread_team.h"

namespace sda::trainer {

// Of the rows of a split, and of its groups where there is a column to group by.
struct SplitMetrics : ClassificationMetrics {
  std::optional<GroupedMetrics> grouped = {};
};

// Scores whole splits with a model. Keeps its memory from call to call. Not thread-safe.
class Evaluator {
 public:
  // All must outlive this. Rows with the same id of table `group_by` are a group.
  Evaluator(const DlrmLayout& layout, const SplitReader& split, int64_t batch_size, ThreadTeam& team,
            std::optional<int64_t> group_by = std::nullopt);

  static int64_t Bytes(const DlrmLayout& layout, int64_t rows, int64_t batch_size, int threads);

  // Exact metrics over all rows. CANCELLED once `stop` fires. `progress` hears of rows done; may be empty.
  absl::StatusOr<SplitMetrics> Run(const DlrmWeights& weights, std::stop_token stop = {},
                                   const std::function<void(int64_t rows)>& progress = {});

 private:
  absl::Status RunPart(const DlrmWeights& weights, std::stop_token stop, int part,
                       const std::function<void(int64_t)>& progress);

  const DlrmLayout& layout_;
  const SplitReader& split_;
  const int64_t batch_size_;
  ThreadTeam& team_;
  std::vector<std::unique_ptr<DlrmWorkspace>> workspaces_;  // one a thread
  std::vector<BatchBuffer> buffers_;                        // one a thread
  std::vector<float> logits_, labels_;                      // [rows]
  const std::optional<int64_t> group_by_;
  std::vector<int32_t> groups_;  // [rows] where there is a column to group by
};

// By the names recipes use; what is not defined (NaN) is left out.
std::map<std::string, double> MetricMap(const SplitMetrics& metrics);

// The table of a categorical column; nothing for "". INVALID_ARGUMENT names `field` where there is no such
// column.
absl::StatusOr<std::optional<int64_t>> TableToGroupBy(const InputShape& inputs, const std::string& column,
                                                      const std::string& field);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_EVALUATION_H_
