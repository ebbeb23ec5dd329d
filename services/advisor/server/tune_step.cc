#include <map>
#include <optional>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/experiment_proto.h"
#include "services/advisor/server/outcome.h"
#include "services/advisor/server/proto_time.h"
#include "services/advisor/server/steps.h"

namespace sda::advisor {
namespace {

using optimizer::v1::Experiment;
using optimizer::v1::Trial;
using optimizer::v1::WatchExperimentResponse;
using Optimizer = optimizer::v1::OptimizerService;

// The experiment of this run, created where it has not been.
absl::StatusOr<std::string> BeginExperiment(StepContext& context, const RunEntry& entry) {
  if (!entry.run.experiment().empty()) return entry.run.experiment();
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::Dataset dataset, FetchDataset(context, entry.run.dataset()));
  optimizer::v1::CreateExperimentRequest request;
  request.set_request_id(StageRequestId(context.id(), Stage::kTune, "create", entry.attempt));
  request.set_experiment_id(ChildId(context.id(), entry.attempt));
  *request.mutable_experiment() = ToExperiment(entry.recipe, dataset, context.id());
  SDA_ASSIGN_OR_RETURN(const auto response, context.Call(*context.services().peers.optimizer,
                                                         &Optimizer::Stub::CreateExperiment, request));
  std::string name = response.experiment().name();
  SDA_RETURN_IF_ERROR(context.Record([&](sql::Transaction&, RunEntry& recorded) {
    recorded.run.set_experiment(name);
    recorded.recipe.mutable_spec()->set_dataset_manifest_uri(dataset.manifest_uri());
    recorded.recipe.mutable_spec()->set_dataset_manifest_sha256(dataset.manifest_sha256());
    return absl::OkStatus();
  }));
  return name;
}

// Turns changes of trials into the run's progress.
class TrialProgress {
 public:
  TrialProgress(StepContext& context, int64_t budget) : context_(context), budget_(budget) {}

  void Take(const WatchExperimentResponse& change) {
    if (change.has_experiment()) budget_ = change.experiment().observation_budget();
    if (change.has_trial()) states_[change.trial().name()] = change.trial().state();
    Publish();
  }

  void Publish() {
    int64_t done = 0;
    for (const auto& [name, state] : states_) done += CountsAgainstBudget(state);
    const absl::Duration now = context_.services().clock.Monotonic();
    if (!first_done_) {
      first_done_ = done;
      first_time_ = now;
    }
    common::v1::Progress progress;
    progress.set_stage("trials");
    progress.set_unit("trials");
    progress.set_done_count(done);
    progress.set_total_count(budget_);
    if (done > *first_done_ && now > first_time_) {
      const double rate = static_cast<double>(done - *first_done_) / absl::ToDoubleSeconds(now - first_time_);
      progress.set_rate_per_second(rate);
      *progress.mutable_remaining() = ToDuration(absl::Seconds(static_cast<double>(budget_ - done) / rate));
    }
    context_.SetProgress(progress);
  }

 private:
  StepContext& context_;
  int64_t budget_;
  std::map<std::string, Trial::State> states_;
  std::optional<int64_t> first_done_;
  absl::Duration first_time_;
};

absl::StatusOr<Experiment> FetchExperiment(StepContext& context, const std::string& name) {
  optimizer::v1::GetExperimentRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(auto response, context.Call(*context.services().peers.optimizer,
                                                   &Optimizer::Stub::GetExperiment, request));
  return std::move(*response.mutable_experiment());
}

// Until the experiment and all its trials have ended.
absl::Status AwaitEnd(StepContext& context, const std::string& name, int64_t budget) {
  const OptimizerPeer& peer = *context.services().peers.optimizer;
  optimizer::v1::WatchExperimentRequest request;
  request.set_name(name);
  TrialProgress progress(context, budget);
  progress.Publish();
  while (true) {
    SDA_RETURN_IF_ERROR((context.Watch<WatchExperimentResponse>(
        peer, [&](grpc::ClientContext* call) { return peer.stub->WatchExperiment(call, request); },
        [&](const WatchExperimentResponse& change) {
          request.set_resume_token(change.resume_token());
          progress.Take(change);
          return false;
        })));
    SDA_ASSIGN_OR_RETURN(const Experiment experiment, FetchExperiment(context, name));
    const auto& counts = experiment.trial_counts();
    if (IsFinal(experiment.state()) && counts.queued_count() == 0 && counts.active_count() == 0)
      return absl::OkStatus();
    SDA_RETURN_IF_ERROR(context.Pause());
  }
}

// What a trial without success says of itself; empty where none speaks.
absl::StatusOr<std::string> ExampleOfFailure(StepContext& context, const std::string& experiment) {
  optimizer::v1::ListTrialsRequest request;
  request.set_parent(experiment);
  SDA_ASSIGN_OR_RETURN(const auto response, context.Call(*context.services().peers.optimizer,
                                                         &Optimizer::Stub::ListTrials, request));
  for (const Trial& trial : response.trials()) {
    if (!trial.error().message().empty()) {
      return absl::StrCat(trial.name(), ": ", trial.error().reason(), ": ", trial.error().message());
    }
  }
  return std::string();
}

}  // namespace

absl::Status Tune(StepContext& context, const RunEntry& entry) {
  SDA_ASSIGN_OR_RETURN(const std::string name, BeginExperiment(context, entry));
  SDA_RETURN_IF_ERROR(AwaitEnd(context, name, entry.recipe.observation_budget()));
  optimizer::v1::ListBestTrialsRequest request;
  request.set_parent(name);
  SDA_ASSIGN_OR_RETURN(const auto best, context.Call(*context.services().peers.optimizer,
                                                     &Optimizer::Stub::ListBestTrials, request));
  if (!best.has_recommended()) {
    SDA_ASSIGN_OR_RETURN(const std::string example, ExampleOfFailure(context, name));
    context.MarkSpent();
    return error::NoSuccessfulTrial(name, example);
  }
  return context.Record([&](sql::Transaction&, RunEntry& recorded) {
    *recorded.run.mutable_result() = ToResult(recorded.recipe, best);
    return absl::OkStatus();
  });
}

}  // namespace sda::advisor
