#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_OPTIMIZER_OPTIONS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_OPTIMIZER_OPTIONS_H_

#include <cstdint>

namespace sda::trainer {

enum class Algorithm {
  kSgd,
  kAdagrad,
  kRowwiseAdagrad,  // embeddings only
  kAdam,
};

// One update rule with its constants; formulas in update_rules.h.
struct UpdateOptions {
  Algorithm algorithm = Algorithm::kAdagrad;
  double learning_rate = 0.01;
  double epsilon = 1e-10;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double initial_accumulator = 0;
};

enum class Decay { kNone, kLinear, kCosine };

// The factor on the learning rates over the steps of training.
struct ScheduleOptions {
  double warmup_fraction = 0;  // of all steps, linear from 0
  Decay decay = Decay::kNone;
  double final_factor = 0;  // at the last step, with a decay
};

struct OptimizerOptions {
  UpdateOptions dense;
  UpdateOptions sparse;
  ScheduleOptions schedule;
};

// The factor of step `step`, counted from 1, of `total` steps: warm-up first, then the decay over what is
// left.
double ScheduleFactor(const ScheduleOptions& schedule, int64_t step, int64_t total);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_OPTIMIZER_OPTIONS_H_
