#include <map>
#include <optional>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/experiment_proto.h"
#include "services/advisor/server/proto_time.h"
#include "services/advisor/server/report.h"
#include "services/advisor/server/resource_table.h"
#include "services/advisor/server/steps.h"

namespace sda::advisor {
namespace {

using optimizer::v1::Trial;
using trainer::v1::EvaluateResponse;
using Optimizer = optimizer::v1::OptimizerService;

absl::StatusOr<std::string> ModelOf(const Trial& trial) {
  const auto found = trial.artifacts().find("model");
  if (found != trial.artifacts().end()) return found->second;
  return MakeError(absl::StatusCode::kInternal,
                   absl::StrCat(trial.name(), " succeeded without a model among its artifacts"),
                   {.reason = "NO_MODEL", .metadata = {{"trial", trial.name()}}, .violations = {}});
}

common::v1::Progress Doing(const std::string& what) {
  common::v1::Progress progress;
  progress.set_stage(what);
  return progress;
}

// Metrics over the test split by the worker that answers first.
absl::StatusOr<std::map<std::string, double>> MeasureTest(StepContext& context, const std::string& model_uri,
                                                          const preprocessing::v1::Dataset& dataset) {
  trainer::v1::EvaluateRequest request;
  request.set_model_uri(model_uri);
  request.set_dataset_manifest_uri(dataset.manifest_uri());
  request.set_split("test");
  std::optional<EvaluateResponse> last;
  SDA_RETURN_IF_ERROR(context.AskTrainers([&](const TrainerPeer& peer) -> absl::Status {
    last.reset();
    bool heard = false;
    SDA_RETURN_IF_ERROR(context.ReadStream<EvaluateResponse>(
        peer, kEvaluateTime, [&](grpc::ClientContext* call) { return peer.stub->Evaluate(call, request); },
        [&](const EvaluateResponse& response) {
          context.SetProgress(response.progress());
          if (response.done()) last = response;
          return false;
        },
        &heard));
    return last ? absl::OkStatus() : absl::UnavailableError("the evaluation ended without a result");
  }));
  std::map<std::string, double> metrics;
  for (const auto& [name, value] : last->metrics()) metrics["test_" + name] = value;
  return metrics;
}

// The first trials of the experiment, for the report.
absl::StatusOr<std::vector<Trial>> ListTrials(StepContext& context, const std::string& experiment) {
  std::vector<Trial> trials;
  optimizer::v1::ListTrialsRequest request;
  request.set_parent(experiment);
  request.set_page_size(static_cast<int32_t>(kMaxTrialsInReport));
  do {
    SDA_ASSIGN_OR_RETURN(const auto response, context.Call(*context.services().peers.optimizer,
                                                           &Optimizer::Stub::ListTrials, request));
    trials.insert(trials.end(), response.trials().begin(), response.trials().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && trials.size() < static_cast<size_t>(kMaxTrialsInReport));
  return trials;
}

v1::Model ModelRecord(const RunEntry& entry, const std::string& id, absl::Time now) {
  const v1::RunResult& result = entry.run.result();
  v1::Model model;
  model.set_name(ResourceName("models", id));
  model.set_uri(model.name());
  model.set_dataset(entry.run.dataset());
  model.set_trial(result.best().name());
  model.set_run(entry.run.name());
  *model.mutable_spec() = SpecOfTrial(entry.recipe, result.best());
  for (const auto& [name, value] : result.best().metrics()) (*model.mutable_metrics())[name] = value.value();
  model.mutable_metrics()->insert(result.test_metrics().begin(), result.test_metrics().end());
  *model.mutable_create_time() = ToTimestamp(now);
  return model;
}

}  // namespace

absl::Status Evaluate(StepContext& context, const RunEntry& entry) {
  context.SetProgress(Doing("evaluate"));
  SDA_ASSIGN_OR_RETURN(const std::string model_uri, ModelOf(entry.run.result().best()));
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::Dataset dataset, FetchDataset(context, entry.run.dataset()));
  std::map<std::string, double> metrics;
  const auto test = dataset.profile().splits().find("test");
  if (test != dataset.profile().splits().end() && test->second.rows_count() > 0) {
    SDA_ASSIGN_OR_RETURN(metrics, MeasureTest(context, model_uri, dataset));
  }
  return context.Record([&](sql::Transaction&, RunEntry& recorded) {
    recorded.run.mutable_result()->mutable_test_metrics()->insert(metrics.begin(), metrics.end());
    recorded.is_evaluated = true;
    return absl::OkStatus();
  });
}

absl::Status Publish(StepContext& context, const RunEntry& entry) {
  context.SetProgress(Doing("publish"));
  RunServices& services = context.services();
  SDA_ASSIGN_OR_RETURN(const std::string source, ModelOf(entry.run.result().best()));
  SDA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(context, entry.run.experiment()));
  const std::string id = context.id();
  RunEntry done = entry;
  const absl::Time now = services.clock.Now();
  done.run.mutable_result()->set_model_uri(ResourceName("models", id));
  *done.run.mutable_result()->mutable_elapsed() = ToDuration(now - FromTimestamp(done.run.create_time()));
  done.run.set_model(ResourceName("models", id));
  SDA_RETURN_IF_ERROR(
      services.folders
          .Publish(id, source,
                   {{"report.json", ReportJson(done, trials)}, {"report.md", ReportMarkdown(done, trials)}})
          .status());
  const v1::Model model = ModelRecord(done, id, now);
  return context.Record([&](sql::Transaction& transaction, RunEntry& recorded) {
    recorded.run.set_model(done.run.model());
    *recorded.run.mutable_result() = done.run.result();
    recorded.run.set_state(v1::Run::STATE_SUCCEEDED);
    *recorded.run.mutable_complete_time() = ToTimestamp(now);
    return kModels.Insert(transaction, id, model.SerializeAsString());
  });
}

}  // namespace sda::advisor
