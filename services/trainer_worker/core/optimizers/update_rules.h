#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_

#include <cstdint>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

// The update rules on runs of floats, with g the gradient, η the learning rate of the step:
//   SGD               w ← w − η·g
//   Adagrad           h ← h + g²;  w ← w − η·g / (√h + ε)                            (Duchi et al. 2011)
//   row-wise Adagrad  h ← h + mean(g²), one h a row;  w ← w − η·g / (√h + ε)
//   Adam              m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;
//                     w ← w − η·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)                     (Kingma and Ba 2015)
namespace sda::trainer {

// Floats of state that `size` parameters in rows of `row` floats need; row must divide size.
int64_t StateFloats(Algorithm algorithm, int64_t size, int64_t row);

// A rule at one step: everything that is the same for all parameters.
struct StepRule {
  // `step` counts from 1; `factor` is the schedule's.
  StepRule(const UpdateOptions& options, int64_t step, double factor);

  Algorithm algorithm;
  float rate;     // η, for Adam with both bias corrections' first part folded in
  float epsilon;  // ε, for Adam scaled to match
  float beta1, beta2;
};

// Updates w[0..n) by g[0..n). `first` and `second` are the rule's states: Adagrad h [n] in first; row-wise Adagrad one
// float in first; Adam m [n] in first, v [n] in second; SGD none.
void ApplyRule(const StepRule& rule, int64_t n, const float* g, float* w, float* first, float* second);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_
