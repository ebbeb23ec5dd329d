#ifndef SDA_SERVICES_ADVISOR_CORE_ADVICE_H_
#define SDA_SERVICES_ADVISOR_CORE_ADVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/advisor/core/cost_model.h"
#include "services/advisor/core/metric.h"
#include "services/advisor/core/recipe.h"

namespace sda::advisor {

// What is known of a dataset.
struct CategoricalColumn {
  std::string name;
  int64_t table_rows = 0;  // vocabulary and reserved ids
};
struct DatasetProfile {
  std::string dataset;  // "datasets/{d}"
  int64_t train_rows = 0;
  int64_t train_positives = 0;
  int64_t validation_rows = 0;
  std::vector<std::string> dense_columns;
  std::vector<CategoricalColumn> categorical_columns;
};

// The shape of a model as far as the dataset decides it; the rest is as it is by default.
ModelShape ShapeOf(const DatasetProfile& profile);

// The machine of one worker and how it is shared out.
struct WorkerProfile {
  Machine machine;
  int64_t slots = 1;
  int64_t threads_per_slot = 1;
};

// The model families that recipes are written for: "dlrm", "wide_deep", "deepfm", "dcnv2".
const std::vector<std::string>& KnownModels();

// Why a model family cannot be advised, as "is …; must be one of …", or "" if it can.
std::string CheckKnownModel(const std::string& model);

struct AdviceRequest {
  DatasetProfile profile;
  WorkerProfile worker;
  std::vector<Metric> goal;    // empty: maximise auc; must have passed CheckMetrics
  std::string model = "dlrm";  // one of KnownModels
  int64_t observation_budget = 1;
  int64_t parallel_bandwidth = 1;
  int64_t seed = 0;
};

// A recipe whose default is a good first trial on this data and whose ranges hold nothing that cannot fit
// into the machine: the larger the budget, the more parameters. A pure function. Errors:
//   INVALID_ARGUMENT for an unknown model ·
//   FAILED_PRECONDITION NO_FEATURES, TOO_FEW_ROWS, ONE_CLASS (nothing to learn), DOES_NOT_FIT (the embedding
//   tables, however narrow)
absl::StatusOr<Recipe> Advise(const AdviceRequest& request);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_ADVICE_H_
