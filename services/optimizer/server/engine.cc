#include "services/optimizer/server/engine.h"

#include <utility>

#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"

// What all operations share: settling experiments and trials.
namespace sda::optimizer {
namespace {

bool IsFinal(v1::Experiment::State state) {
  return state == v1::Experiment::STATE_COMPLETED || state == v1::Experiment::STATE_STOPPED;
}

}  // namespace

absl::Status Engine::FillCounts(Transaction& tx, const std::string& id, v1::Experiment& experiment) {
  SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
  *experiment.mutable_trial_counts() = FromCounts(counts);
  return absl::OkStatus();
}

absl::Status Engine::EndExperiment(Transaction& tx, store::ExperimentRow& experiment,
                                   v1::Experiment::State state, const std::string& reason) {
  experiment.message.set_state(state);
  experiment.message.set_state_reason(reason);
  FromTime(clock_.Now(), *experiment.message.mutable_complete_time());
  FromTime(clock_.Now(), *experiment.message.mutable_update_time());
  SDA_RETURN_IF_ERROR(store::UpdateExperiment(tx, experiment));
  SDA_ASSIGN_OR_RETURN(auto open, store::ListTrials(tx, experiment.id,
                                                    {.states = {TrialState::kQueued, TrialState::kActive}}));
  for (store::TrialRow& trial : open) {
    if (trial.state() == TrialState::kQueued) {
      auto& why = *trial.message.mutable_error();
      why.set_code(static_cast<int>(absl::StatusCode::kCancelled));
      why.set_reason("EXPERIMENT_STOPPED");
      why.set_message("the experiment ended before the trial began");
      trial.message.set_state(v1::Trial::STATE_CANCELLED);
      FromTime(clock_.Now(), *trial.message.mutable_complete_time());
    } else if (trial.stop_reason.empty()) {
      trial.stop_reason = "EXPERIMENT_STOPPED";
    }
    SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
  }
  return absl::OkStatus();
}

absl::Status Engine::SettleExperiment(Transaction& tx, store::ExperimentRow& experiment) {
  if (IsFinal(experiment.message.state())) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, experiment.id));
  switch (Judge(counts, ToLimits(experiment.message))) {
    case Verdict::kGoOn:
      return absl::OkStatus();
    case Verdict::kCompleted:
      return EndExperiment(tx, experiment, v1::Experiment::STATE_COMPLETED, "");
    case Verdict::kTooManyFailures:
      return EndExperiment(tx, experiment, v1::Experiment::STATE_STOPPED, "TOO_MANY_FAILURES");
  }
  return absl::OkStatus();
}

absl::Status Engine::ReadHeldAhead(Transaction& tx, const TrialId& id) {
  SDA_RETURN_IF_ERROR(store::ReadTrialAhead(tx, id));
  return store::ReadExperimentAhead(tx, id.experiment_id);
}

absl::StatusOr<store::TrialRow> Engine::HeldTrial(Transaction& tx, const v1::Lease& lease) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", lease.trial()));
  SDA_ASSIGN_OR_RETURN(store::TrialRow trial, store::GetTrial(tx, id));
  const bool held = trial.state() == TrialState::kActive && !trial.token.empty() &&
                    trial.token == lease.token() && trial.message.attempt() == lease.attempt();
  if (!held) return error::LeaseLost(lease.trial());
  return trial;
}

absl::Status Engine::FinishTrial(Transaction& tx, store::TrialRow& trial, TrialState state) {
  trial.message.set_state(static_cast<v1::Trial::State>(state));
  trial.message.clear_worker();
  trial.token.clear();
  if (IsFinal(state)) FromTime(clock_.Now(), *trial.message.mutable_complete_time());
  SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
  SDA_RETURN_IF_ERROR(store::ReadCountsAhead(tx, trial.id.experiment_id));
  SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, trial.id.experiment_id));
  // A trial that went back to the queue of an experiment that has ended meanwhile waits for nobody.
  if (state == TrialState::kQueued && IsFinal(experiment.message.state())) {
    trial.message.set_state(v1::Trial::STATE_CANCELLED);
    auto& why = *trial.message.mutable_error();
    why.set_code(static_cast<int>(absl::StatusCode::kCancelled));
    why.set_reason("EXPERIMENT_STOPPED");
    why.set_message("the experiment ended while the trial had no worker");
    FromTime(clock_.Now(), *trial.message.mutable_complete_time());
    return store::UpdateTrial(tx, trial);
  }
  return SettleExperiment(tx, experiment);
}

absl::Status Engine::LoseAttempt(Transaction& tx, store::TrialRow& trial, const v1::Experiment& experiment) {
  const LostAttempt lost{.attempt = trial.counted_attempts,
                         .max_attempts = experiment.lease_policy().max_attempts(),
                         .told_to_stop = !trial.stop_reason.empty(),
                         .has_measurement = trial.message.has_last_measurement(),
                         .memory_required_bytes = trial.memory_required_bytes,
                         .memory_available_bytes = trial.memory_available_bytes,
                         .losses_near_memory_limit = trial.losses_near_memory_limit};
  const Fate fate = FateOfLostAttempt(lost);
  trial.losses_near_memory_limit += NearMemoryLimit(lost) ? 1 : 0;
  if (fate.state == TrialState::kStopped) {
    trial.message.set_truncated(true);
    for (const auto& [name, value] : trial.message.last_measurement().metrics())
      (*trial.message.mutable_metrics())[name].set_value(value);
  } else if (!fate.reason.empty()) {
    auto& why = *trial.message.mutable_error();
    why.set_code(static_cast<int>(fate.state == TrialState::kCancelled ? absl::StatusCode::kCancelled
                                                                       : absl::StatusCode::kUnavailable));
    why.set_reason(std::string(fate.reason));
    why.set_message(
        absl::StrCat("attempt ", trial.message.attempt(), " ended without a word from its worker"));
  }
  return FinishTrial(tx, trial, fate.state);
}

v1::Lease Engine::LeaseOf(const store::TrialRow& trial, const v1::Experiment& experiment) const {
  v1::Lease lease;
  lease.set_trial(trial.message.name());
  lease.set_attempt(trial.message.attempt());
  lease.set_token(trial.token);
  const absl::Duration term = ToDuration(experiment.lease_policy().duration());
  FromDuration(term, *lease.mutable_duration());
  FromDuration(term / 4, *lease.mutable_renew_interval());
  return lease;
}

}  // namespace sda::optimizer
