#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"
#include "services/optimizer/server/trial_rules.h"

// What people do to trials by hand: add points, correct observations, take them back.
namespace sda::optimizer {
namespace {

using v1::Amendment;
using v1::Trial;

constexpr int kMaxBatch = 10'000;
constexpr size_t kMaxReasonBytes = 1'000;
constexpr int kMaxAmendments = 100;

absl::Status CheckReason(const std::string& reason) {
  if (!reason.empty() && reason.size() <= kMaxReasonBytes) return absl::OkStatus();
  return InvalidField("reason",
                      absl::StrCat("has ", reason.size(), " bytes; must have 1 to ", kMaxReasonBytes));
}

// Puts what is there now on record.
absl::Status Record(Amendment::Kind kind, const std::string& reason, absl::Time now, Trial& trial) {
  if (trial.amendments_size() >= kMaxAmendments) {
    return error::WrongState(trial.name(),
                             absl::StrCat("was corrected ", kMaxAmendments, " times, which is the limit"));
  }
  Amendment& amendment = *trial.add_amendments();
  amendment.set_kind(kind);
  amendment.set_reason(reason);
  *amendment.mutable_previous_metrics() = trial.metrics();
  amendment.set_previous_state(trial.state());
  FromTime(now, *amendment.mutable_time());
  return absl::OkStatus();
}

bool IsVoided(const Trial& trial) {
  return trial.state() == Trial::STATE_CANCELLED && trial.error().reason() == "VOIDED";
}

}  // namespace

absl::StatusOr<std::vector<store::TrialRow>> Engine::AddTrials(
    Transaction& tx, store::ExperimentRow& experiment, const std::vector<const Trial*>& trials,
    const std::function<std::string(size_t)>& path) {
  const std::string name = ExperimentName(experiment.id);
  if (HasEnded(experiment.message)) return error::WrongState(name, "has ended and takes no further trial");
  const Space space = ToSpace(experiment.message);
  const std::vector<Metric> metrics = ToMetrics(experiment.message);
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < trials.size(); ++i) CheckGivenTrial(space, metrics, *trials[i], path(i), violations);
  if (!violations.empty()) return InvalidFields(violations);
  SDA_ASSIGN_OR_RETURN(TrialCounts counts, store::CountTrials(tx, experiment.id));
  std::vector<store::TrialRow> rows;
  bool any_measured = false;
  for (const Trial* given : trials) {
    if (!MayCreateTrial(counts, ToLimits(experiment.message))) return error::BudgetUsedUp(name);
    store::TrialRow trial;
    trial.id.experiment_id = experiment.id;
    trial.message.set_state(Trial::STATE_QUEUED);
    *trial.message.mutable_assignments() = given->assignments();
    *trial.message.mutable_metadata() = given->metadata();
    trial.message.mutable_explanation()->set_source(v1::Explanation::SOURCE_USER);
    trial.message.mutable_explanation()->set_text("given by a user");
    FromTime(clock_.Now(), *trial.message.mutable_create_time());
    const bool measured = !given->metrics().empty();
    ++(measured ? counts.succeeded : counts.queued);
    any_measured = any_measured || measured;
    if (measured) {
      *trial.message.mutable_metrics() = given->metrics();
      trial.message.set_state(Trial::STATE_SUCCEEDED);
      *trial.message.mutable_complete_time() = trial.message.create_time();
    }
    SDA_RETURN_IF_ERROR(store::InsertTrial(tx, trial));
    rows.push_back(std::move(trial));
  }
  if (any_measured) SDA_RETURN_IF_ERROR(SettleExperiment(tx, experiment));
  return rows;
}

absl::StatusOr<v1::CreateTrialResponse> Engine::CreateTrial(const v1::CreateTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("parent", request.parent()));
  return Once<v1::CreateTrialResponse>(
      "CreateTrial", request, request.parent(),
      [&](Transaction& tx) -> absl::StatusOr<v1::CreateTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id));
        SDA_ASSIGN_OR_RETURN(const auto rows, AddTrials(tx, experiment, {&request.trial()},
                                                        [](size_t) { return std::string("trial"); }));
        v1::CreateTrialResponse response;
        *response.mutable_trial() = rows[0].message;
        return response;
      });
}

absl::StatusOr<v1::BatchCreateTrialsResponse> Engine::BatchCreateTrials(
    const v1::BatchCreateTrialsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("parent", request.parent()));
  if (request.trials().empty() || request.trials_size() > kMaxBatch) {
    return InvalidField("trials",
                        absl::StrCat("has ", request.trials_size(), " entries; must have 1 to ", kMaxBatch));
  }
  return Once<v1::BatchCreateTrialsResponse>(
      "BatchCreateTrials", request, request.parent(),
      [&](Transaction& tx) -> absl::StatusOr<v1::BatchCreateTrialsResponse> {
        SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id));
        std::vector<const Trial*> trials;
        for (const Trial& trial : request.trials()) trials.push_back(&trial);
        SDA_ASSIGN_OR_RETURN(const auto rows, AddTrials(tx, experiment, trials, [](size_t i) {
                               return absl::StrCat("trials[", i, "]");
                             }));
        v1::BatchCreateTrialsResponse response;
        for (const store::TrialRow& row : rows) *response.add_trials() = row.message;
        return response;
      });
}

absl::StatusOr<v1::AmendTrialResponse> Engine::AmendTrial(const v1::AmendTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("name", request.name()));
  SDA_RETURN_IF_ERROR(CheckReason(request.reason()));
  if (request.metrics().empty())
    return InvalidField("metrics", "is empty; must have the values that are to replace others");
  return Once<v1::AmendTrialResponse>(
      "AmendTrial", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::AmendTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, store::GetTrial(tx, id));
        SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment,
                             store::GetExperiment(tx, id.experiment_id));
        std::vector<FieldViolation> violations;
        CheckGivenMetrics(ToMetrics(experiment.message), request.metrics(), "metrics", violations);
        if (!violations.empty()) return InvalidFields(violations);
        if (trial.state() != TrialState::kSucceeded && trial.state() != TrialState::kStopped)
          return error::WrongState(request.name(), "has no final values that could be corrected");
        SDA_RETURN_IF_ERROR(Record(Amendment::KIND_AMENDED, request.reason(), clock_.Now(), trial.message));
        for (const auto& [name, value] : request.metrics()) (*trial.message.mutable_metrics())[name] = value;
        SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
        v1::AmendTrialResponse response;
        *response.mutable_trial() = trial.message;
        return response;
      });
}

absl::StatusOr<v1::VoidTrialResponse> Engine::VoidTrial(const v1::VoidTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("name", request.name()));
  SDA_RETURN_IF_ERROR(CheckReason(request.reason()));
  return Once<v1::VoidTrialResponse>(
      "VoidTrial", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::VoidTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, store::GetTrial(tx, id));
        v1::VoidTrialResponse response;
        if (IsVoided(trial.message)) {
          *response.mutable_trial() = trial.message;
          return response;
        }
        if (!UsesBudget(trial.state()))
          return error::WrongState(request.name(), "is no observation; CancelTrial withdraws open trials");
        SDA_RETURN_IF_ERROR(Record(Amendment::KIND_VOIDED, request.reason(), clock_.Now(), trial.message));
        trial.message.clear_metrics();
        trial.message.clear_truncated();
        trial.message.set_state(Trial::STATE_CANCELLED);
        auto& why = *trial.message.mutable_error();
        why.set_code(static_cast<int>(absl::StatusCode::kCancelled));
        why.set_reason("VOIDED");
        why.set_message(request.reason());
        SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
        SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id.experiment_id));
        SDA_RETURN_IF_ERROR(ReopenExperiment(tx, experiment));
        *response.mutable_trial() = trial.message;
        return response;
      });
}

absl::Status Engine::ReopenExperiment(Transaction& tx, store::ExperimentRow& experiment) {
  if (experiment.message.state() != v1::Experiment::STATE_COMPLETED) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, experiment.id));
  if (counts.counted() >= experiment.message.observation_budget()) return absl::OkStatus();
  experiment.message.set_state(v1::Experiment::STATE_ACTIVE);
  experiment.message.clear_complete_time();
  FromTime(clock_.Now(), *experiment.message.mutable_update_time());
  return store::UpdateExperiment(tx, experiment);
}

}  // namespace sda::optimizer
