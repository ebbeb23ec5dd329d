#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_CHECKPOINT_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {

// Checkpoints beyond the accepted one that are kept while it is not known which will be accepted.
inline constexpr size_t kPendingCheckpoints = 3;
// Of one attempt on the disk at a time: the accepted one, those, and the one that is being written.
inline constexpr size_t kMostCheckpoints = kPendingCheckpoints + 2;

// Where a training stands, beside its buffers. The data position follows from the step: permutations are made
// from seed and epoch.
struct TrainingPosition {
  int64_t step = 0;
  double train_seconds = 0;
  int64_t evaluations = 0;
  int64_t evaluations_since_best = 0;
  double best_auc = -1;  // below every AUC: none yet
  int64_t best_step = 0;
  int64_t stuck_evaluations = 0;  // in a row with an AUC of 0.5
  int64_t stuck_since = 0;        // step of the first of them
  std::map<std::string, double> best_metrics;
};

// Everything that goes on from a checkpoint. `best` holds the weights of the best evaluation.
struct TrainingState {
  DlrmWeights& weights;
  OptimizerState& optimizer;
  DlrmWeights* best;  // null where the last weights are kept
  TrainingPosition& position;
};

// All buffers of a state, in the order of the file.
std::vector<std::span<float>> BuffersOf(const TrainingState& state);

// Writes all of it to `path` by a temporary file, sync and rename: the file is complete or not there.
// `job_key` names the job; a checkpoint is read back only under the same. RESOURCE_EXHAUSTED for a full disk.
absl::Status WriteCheckpoint(const std::string& path, const std::string& job_key, const TrainingState& state);

// FAILED_PRECONDITION for a file of another job, another version, or damaged (its checksum is verified).
absl::Status ReadCheckpoint(const std::string& path, const std::string& job_key, const TrainingState& state);

// Removes the checkpoints of all attempts of a trial, `trial_folder`/attempt-*/checkpoint-*, once it has
// ended and nobody resumes it, and what a killed worker left half-written. What cannot be removed stays.
void RemoveCheckpoints(const std::string& trial_folder);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_CHECKPOINT_H_
