#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_EVALUATE_MODEL_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_EVALUATE_MODEL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/trainer_worker/core/training/evaluation.h"

namespace sda::trainer {

// What to measure.
struct EvaluationJob {
  std::string model_folder;
  DatasetManifest manifest;
  std::string dataset_folder;
  std::string split;          // "train", "validation" or "test"
  std::string group_by = {};  // a categorical column; adds grouped_auc, map and ndcg. Empty: no groups
  AucMethod auc_method = AucMethod::kExact;
  int64_t batch_size = 8192;
  int threads = 1;
  std::function<void(int64_t rows, int64_t total)> progress;  // may be empty; called from any thread
};

// Exact metrics by name; what the split does not define (AUC without both classes) is left out. NOT_FOUND for
// a missing model or dataset; FAILED_PRECONDITION COLUMNS_DIFFER for a dataset that was not encoded as the
// model's; INVALID_ARGUMENT for a column to group by that is none; CANCELLED.
absl::StatusOr<std::map<std::string, double>> EvaluateModel(const EvaluationJob& job, std::stop_token stop);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_EVALUATE_MODEL_H_
