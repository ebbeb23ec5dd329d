#include "services/trainer_worker/core/serving/evaluate_model.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/serving/exported_model.h"

namespace sda::trainer {
namespace {

// Ids and dense values mean the same in both: same columns, same fitted state.
absl::Status CheckColumns(const DatasetManifest& model, const DatasetManifest& dataset) {
  const auto differs = [&](const std::string& what) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(dataset.name, " was not encoded as the model's data was: ", what),
                     {.reason = "COLUMNS_DIFFER", .metadata = {{"dataset", dataset.name}}, .violations = {}});
  };
  if (model.columns.size() != dataset.columns.size()) {
    return differs(absl::StrCat("it has ", dataset.columns.size(), " columns, not ", model.columns.size()));
  }
  if (model.pipeline_sha256 != dataset.pipeline_sha256)
    return differs("its pipeline has learned something else");
  if (model.max_ind_range != dataset.max_ind_range) {
    return differs(absl::StrCat("max_ind_range is ", dataset.max_ind_range, ", not ", model.max_ind_range));
  }
  for (size_t i = 0; i < model.columns.size(); ++i) {
    const ManifestColumn& a = model.columns[i];
    const ManifestColumn& b = dataset.columns[i];
    if (a.name != b.name || a.role != b.role || a.table_rows != b.table_rows ||
        a.vocabulary_sha256 != b.vocabulary_sha256 || a.list_separator != b.list_separator ||
        a.list_max_values != b.list_max_values || !(a.dense == b.dense)) {
      return differs(absl::StrCat("column ", b.name, " differs"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::map<std::string, double>> EvaluateModel(const EvaluationJob& job, std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const ModelDescription model, ReadModelDescription(job.model_folder));
  SDA_RETURN_IF_ERROR(CheckColumns(model.manifest, job.manifest));
  SDA_ASSIGN_OR_RETURN(const auto split, SplitReader::Open(job.manifest, job.dataset_folder, job.split));
  SDA_ASSIGN_OR_RETURN(const auto group_by, TableToGroupBy(split->shape(), job.group_by, "group_by"));
  SDA_RETURN_IF_ERROR(CheckAucMethod(job.auc_method, job.group_by, "group_by"));
  if (split->rows() == 0) return std::map<std::string, double>();
  const DlrmLayout layout(model.spec, split->shape());
  DlrmWeights weights(layout);
  SDA_RETURN_IF_ERROR(ReadModelWeights(job.model_folder, weights));
  ThreadTeam team(job.threads);
  Evaluator evaluator(layout, *split, job.batch_size, team, group_by, job.auc_method);
  SDA_ASSIGN_OR_RETURN(const SplitMetrics metrics, evaluator.Run(weights, std::move(stop), [&](int64_t rows) {
    if (job.progress) job.progress(rows, split->rows());
  }));
  return MetricMap(metrics);
}

}  // namespace sda::trainer
