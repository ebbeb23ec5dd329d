#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_OPTIMIZER_OPTIONS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_OPTIMIZER_OPTIONS_H_

#include <algorithm>
#include <cstdint>

namespace sda::trainer {

enum class Algorithm {
  kSgd,
  kAdagrad,
  kRowwiseAdagrad,  // embeddings only
  kAdam,
  kLamb,
  kIntelLamb,  // as Intel's DLRM submissions computed it
};

// One update rule with its constants; formulas in update_rules.h.
struct UpdateOptions {
  Algorithm algorithm = Algorithm::kAdagrad;
  double learning_rate = 0.01;
  double epsilon = 1e-10;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double initial_accumulator = 0;
  double momentum = 0;      // SGD
  double weight_decay = 0;  // LAMB
};

enum class Decay {
  kNone,
  kLinear,
  kCosine,
  kPolynomial,
  kMlperf,  // the policy of MLPerf's DLRM reference, by steps
};

// The factor on the learning rates over the steps of training.
struct ScheduleOptions {
  double warmup_fraction = 0;  // of all steps, linear from 0
  Decay decay = Decay::kNone;
  double final_factor = 0;   // at the last step, with a decay
  double hold_fraction = 0;  // of all steps, at 1 between warm-up and decay
  double power = 2;          // of the polynomial decay
  // kMlperf alone, which takes nothing of the above.
  int64_t warmup_steps = 0;
  int64_t decay_start_step = 0;
  int64_t decay_steps = 0;
};

struct OptimizerOptions {
  UpdateOptions dense;
  UpdateOptions sparse;
  ScheduleOptions schedule;
};

// What a schedule makes of a learning rate at one step.
struct RateOfStep {
  // A factor alone, as most schedules give.
  RateOfStep(double factor_in = 1, double floor_in = 0)  // NOLINT(misc-explicit-constructor)
      : factor(factor_in), floor(floor_in) {}

  double Rate(double base) const { return std::max(base * factor, floor); }

  double factor = 1;
  double floor = 0;
};

// The rate of step `step`, counted from 1, of `total` steps: warm-up, hold, then the decay over what is left.
//
// kMlperf, with warm-up W, decay start D and decay steps N: s/W for s < W; ((N − (s − D))/N)² for D <= s < D
// + N, the rate itself at least 1e-7; between and after them the value last reached stays, so that it is (W −
// 1)/W from step W − 1 to D − 1 and jumps to 1 at D. Without a warm-up the plateau is 1.
RateOfStep ScheduleRate(const ScheduleOptions& schedule, int64_t step, int64_t total);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_OPTIMIZER_OPTIONS_H_
