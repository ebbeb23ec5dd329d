#include "services/optimizer/core/lifecycle.h"

namespace sda::optimizer {

bool IsFinal(TrialState state) {
  return state != TrialState::kQueued && state != TrialState::kActive;
}

bool UsesBudget(TrialState state) {
  return state == TrialState::kSucceeded || state == TrialState::kStopped || state == TrialState::kInfeasible;
}

bool MayCreateTrial(const TrialCounts& counts, const ExperimentLimits& limits) {
  return counts.counted() + counts.open() < limits.observation_budget;
}

bool MayHandOut(const TrialCounts& counts, int64_t expired, const ExperimentLimits& limits) {
  return counts.active - expired < limits.parallel_bandwidth;
}

Verdict Judge(const TrialCounts& counts, const ExperimentLimits& limits) {
  if (counts.failed >= limits.max_failed_trials) return Verdict::kTooManyFailures;
  if (counts.counted() >= limits.observation_budget && counts.open() == 0) return Verdict::kCompleted;
  return Verdict::kGoOn;
}

bool NearMemoryLimit(const LostAttempt& lost) {
  return lost.memory_available_bytes > 0 && static_cast<double>(lost.memory_required_bytes) >
                                                0.9 * static_cast<double>(lost.memory_available_bytes);
}

Fate FateOfLostAttempt(const LostAttempt& lost) {
  if (lost.told_to_stop) {
    if (lost.has_measurement) return {TrialState::kStopped, ""};
    return {TrialState::kCancelled, "STOPPED_BEFORE_FIRST_MEASUREMENT"};
  }
  if (NearMemoryLimit(lost) && lost.losses_near_memory_limit >= 1)
    return {TrialState::kInfeasible, "OUT_OF_MEMORY"};
  if (lost.attempt >= lost.max_attempts) return {TrialState::kFailed, "WORKER_LOST"};
  return {TrialState::kQueued, ""};
}

}  // namespace sda::optimizer
