#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TRAINING_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TRAINING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/trainer_worker/core/model/model_spec.h"
#include "services/trainer_worker/core/optimizers/optimizer_options.h"
#include "services/trainer_worker/core/training/evaluation.h"
#include "services/trainer_worker/core/training/initial_model.h"
#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {

enum class Keep { kBest, kLast };

// How training goes; meanings and ranges as in sda.trainer.v1.TrainingConfig.
struct TrainingOptions {
  int64_t batch_size = 2048;
  double epochs = 1;
  int evaluations_per_epoch = 1;
  // Either of them replaces evaluations_per_epoch; 0: not used. Seconds are those of training steps alone.
  int64_t evaluate_every_samples = 0;
  double evaluate_every_seconds = 0;
  int patience = 0;  // 0: never
  Keep keep = Keep::kBest;
  std::optional<double> target_auc;
  // A second target: stop where this metric is at least, of losses at most, target_value.
  std::string target_metric = "auc";
  std::optional<double> target_value = {};
  AucMethod auc_method = AucMethod::kExact;
  std::string group_by =
      {};  // a categorical column; evaluations report grouped_auc, map and ndcg. Empty: none
  bool shuffle = true;
  int checkpoint_interval = 1;  // evaluations; 0: none
  GradientOptions gradients;
  // Of the operands of matrix products, while training; where the CPU does not gain from bf16, fp32 is used
  // instead. Weights and optimizer state are fp32 either way, whose upper half is the weight in bfloat16 and
  // whose lower half is what Split-SGD-BF16 keeps beside it.
  Precision precision = Precision::kFp32;
};

// One model to train on one dataset.
struct TrainingJob {
  DatasetManifest manifest;
  std::string dataset_folder;  // where the manifest lies, on a local disk
  ModelSpec model;
  TrainingOptions options;
  OptimizerOptions optimizer;
  uint64_t seed = 0;
  int threads = 1;
  std::string output_folder;      // of this attempt; made if missing. Checkpoints and "model" go below it
  InitialModel initial_model;     // whose weights a fresh start begins with; optimizer state starts anew
  std::string resume_checkpoint;  // a file that an earlier attempt wrote; empty for a fresh start
  std::string spec_json = "{}";   // kept in the exported model as it is
};

// A reading at an evaluation of the validation split.
struct Measurement {
  int64_t step = 0;
  int64_t samples = 0;
  double train_seconds = 0;  // in training steps, without data, evaluation and checkpoints; over all attempts
  std::map<std::string, double> metrics;
  std::string checkpoint_path;  // complete and on disk; empty if none was made
};

// Called from the thread that trains.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  // Before the first step: the step it follows, 0 for a fresh start, and why a checkpoint that was to be
  // resumed could not be used.
  virtual void OnStart(int64_t step, const absl::Status& resumed) {}

  // False: stop here and keep what there is.
  virtual bool OnMeasurement(const Measurement& measurement) = 0;

  virtual void OnProgress(int64_t samples, int64_t total) {}

  // The newest checkpoint that others may resume from; older ones are removed. Empty while none is known to
  // be.
  virtual std::string AcceptedCheckpoint() { return ""; }
};

// How training ended. A point that diverges is a result, not an error.
struct TrainingResult {
  enum class End {
    kFinished,       // all epochs, or patience was over
    kTargetReached,  // target_auc or target_value
    kStopped,        // the observer said so
    kDiverged,       // reason and message say how; no model
    kCancelled,      // the stop token; no model
  };
  End end = End::kFinished;
  std::string reason;   // "LOSS_NOT_FINITE" (or beyond 10^4), "AUC_STUCK"; empty unless kDiverged
  std::string message;  // for people
  int64_t step = 0;     // the last one, or where divergence began as far as was seen
  // Of the kept weights on the validation split, with train_seconds and samples_per_second of the whole
  // training: auc, logloss, normalized_entropy, accuracy, calibration.
  std::map<std::string, double> metrics;
  // Wall time of this attempt by stage: data, embedding, bottom, interaction, top, backward, update (means
  // over the threads), evaluation, checkpoint. Empty without a model.
  std::map<std::string, double> stage_seconds;
  std::string model_folder;  // "<output_folder>/model"; empty without a model
};

// Trains, reports at each evaluation, writes checkpoints and the model. Deterministic in the bytes of model
// and weights for the same job on the same machine; a resumed training ends in the same bytes as an
// uninterrupted one. A checkpoint that cannot be used (gone, damaged, of another job) means a fresh start,
// see OnStart.
//
// With Keep::kBest the model has the weights of the evaluation with the best validation AUC, the earlier one
// where two are equal: small data overfits within an epoch or two. Checkpoints stay when training ends
// (RemoveCheckpoints).
//
// Errors: INVALID_ARGUMENT and FAILED_PRECONDITION for jobs that can never run (a split without rows or
// without both classes, a damaged dataset), OUT_OF_RANGE for an id outside its table, RESOURCE_EXHAUSTED for
// a full disk.
absl::StatusOr<TrainingResult> Train(const TrainingJob& job, TrainingObserver& observer,
                                     std::stop_token stop);

// Memory that Train will need: weights, the kept best ones, optimizer state, batches, permutation. An upper
// estimate.
int64_t EstimateMemoryBytes(const TrainingJob& job);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TRAINING_H_
