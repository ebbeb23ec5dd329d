#ifndef SDA_SERVICES_OPTIMIZER_CORE_LIFECYCLE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_LIFECYCLE_H_

#include <cstdint>
#include <string_view>

namespace sda::optimizer {

// The life of a trial: QUEUED → ACTIVE → one of the final states. Numbers as in sda.optimizer.v1.Trial.State.
enum class TrialState : int {
  kQueued = 1,
  kActive = 2,
  kSucceeded = 3,
  kStopped = 4,
  kInfeasible = 5,
  kFailed = 6,
  kCancelled = 7,
};

bool IsFinal(TrialState state);

// Whether trials in this final state use up the budget.
bool UsesBudget(TrialState state);

// How many trials are in which state.
struct TrialCounts {
  int64_t queued = 0, active = 0, succeeded = 0, stopped = 0, infeasible = 0, failed = 0, cancelled = 0;

  int64_t open() const { return queued + active; }
  int64_t counted() const { return succeeded + stopped + infeasible; }
};

struct ExperimentLimits {
  int64_t observation_budget = 0;
  int32_t parallel_bandwidth = 1;
  int64_t max_failed_trials = 0;
};

// Whether one more trial may be made: finished and open ones together stay within the budget.
bool MayCreateTrial(const TrialCounts& counts, const ExperimentLimits& limits);

// Whether one more trial may be handed out. `expired` of the active ones have a lease that has run out; one
// of them may be handed out in its own place.
bool MayHandOut(const TrialCounts& counts, int64_t expired, const ExperimentLimits& limits);

// What the counts say about an experiment that is not paused or stopped.
enum class Verdict { kGoOn, kCompleted, kTooManyFailures };
Verdict Judge(const TrialCounts& counts, const ExperimentLimits& limits);

// What is known of an attempt whose lease ended without a word.
struct LostAttempt {
  int32_t attempt = 0;  // its number, from 1
  int32_t max_attempts = 3;
  bool told_to_stop = false;
  bool has_measurement = false;
  int64_t memory_required_bytes = 0;     // 0 while unknown
  int64_t memory_available_bytes = 0;    // 0 while unknown
  int32_t losses_near_memory_limit = 0;  // of earlier attempts
};

// Whether the attempt needed more than 90 % of its worker's memory.
bool NearMemoryLimit(const LostAttempt& lost);

// What becomes of the trial, with the reason for the states that carry one: STOPPED; INFEASIBLE
// "OUT_OF_MEMORY" at the second loss near the memory limit; FAILED "WORKER_LOST" after the last attempt; else
// QUEUED.
struct Fate {
  TrialState state = TrialState::kQueued;
  std::string_view reason;
};
Fate FateOfLostAttempt(const LostAttempt& lost);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_LIFECYCLE_H_
