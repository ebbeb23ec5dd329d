#include "services/trainer_worker/server/prediction.h"

#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/telemetry/metrics.h"

namespace sda::trainer {
namespace {

absl::Status Check(const trainer::v1::PredictRequest& request) {
  if (request.columns().empty()) return InvalidField("columns", "is empty; must hold at least one column");
  const int rows = request.columns(0).values_size();
  if (rows < 1 || rows > kMaxPredictRows) {
    return InvalidField(absl::StrCat("columns[", request.columns(0).name(), "].values"),
                        absl::StrCat("has ", rows, " rows; must have 1 to ", kMaxPredictRows));
  }
  return absl::OkStatus();
}

BatchScorer::Options ScorerOptions(const PredictionOptions& options, MetricsRegistry& metrics) {
  return {.threads = options.threads,
          .max_batch_rows = options.batch_rows,
          .max_delay = std::chrono::microseconds(absl::ToInt64Microseconds(options.delay)),
          .max_queued_rows = options.queue_rows,
          .on_batch = [&metrics](int64_t rows, int64_t) {
            metrics.Increment(metrics::kPredictRows, static_cast<double>(rows));
            metrics.Observe(metrics::kPredictBatchRows, static_cast<double>(rows));
          }};
}

}  // namespace

Prediction::Prediction(const PredictionOptions& options, ArtefactFolders folders, MetricsRegistry& metrics)
    : folders_(std::move(folders)), models_(options.cache_bytes), scorer_(ScorerOptions(options, metrics)) {}

absl::Status Prediction::Predict(const trainer::v1::PredictRequest& request,
                                 trainer::v1::PredictResponse& response, rpc::RequestContext& call) {
  SDA_RETURN_IF_ERROR(Check(request));
  SDA_ASSIGN_OR_RETURN(const std::string folder, folders_.Resolve("model_uri", request.model_uri()));
  SDA_ASSIGN_OR_RETURN(const auto model, models_.Get(folder));
  std::vector<RawColumn> columns;
  for (const auto& column : request.columns()) {
    columns.push_back({column.name(), {column.values().begin(), column.values().end()}});
  }
  SDA_ASSIGN_OR_RETURN(const EncodedRows rows, model->Encode(columns));
  SDA_ASSIGN_OR_RETURN(const std::vector<float> probabilities, scorer_.Score(model, rows, call.stop_token()));
  response.mutable_probabilities()->Add(probabilities.begin(), probabilities.end());
  return absl::OkStatus();
}

}  // namespace sda::trainer
