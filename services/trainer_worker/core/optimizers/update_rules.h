#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_

#include <cmath>
#include <cstdint>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

// The update rules on runs of parameters, with g the gradient, η the learning rate of the step:
//   SGD               w ← w − η·g
//   Adagrad           h ← h + g²;  w ← w − η·g / (√h + ε)                            (Duchi et al. 2011)
//   row-wise Adagrad  h ← h + mean(g²), one h a row;  w ← w − η·g / (√h + ε)
//   Adam              m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;
//                     w ← w − η·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)                     (Kingma and Ba 2015)
// Training runs them in float; in double they are the oracle of the tests.
namespace sda::trainer {

// Floats of state that `size` parameters in rows of `row` floats need; row must divide size.
int64_t StateFloats(Algorithm algorithm, int64_t size, int64_t row);

// A rule at one step: everything that is the same for all parameters.
template <class Real>
struct BasicStepRule {
  // `step` counts from 1; `factor` is the schedule's.
  BasicStepRule(const UpdateOptions& options, int64_t step, double factor)
      : algorithm(options.algorithm),
        rate(static_cast<Real>(options.learning_rate * factor)),
        epsilon(static_cast<Real>(options.epsilon)),
        beta1(static_cast<Real>(options.beta1)),
        beta2(static_cast<Real>(options.beta2)) {
    if (algorithm != Algorithm::kAdam) return;
    // η·(m/c₁)/(√(v/c₂) + ε) = (η·√c₂/c₁)·m/(√v + ε·√c₂): one division a parameter.
    const double c1 = 1 - std::pow(options.beta1, static_cast<double>(step));
    const double c2 = std::sqrt(1 - std::pow(options.beta2, static_cast<double>(step)));
    rate = static_cast<Real>(options.learning_rate * factor * c2 / c1);
    epsilon = static_cast<Real>(options.epsilon * c2);
  }

  Algorithm algorithm;
  Real rate;     // η, for Adam with the bias corrections folded in
  Real epsilon;  // ε, for Adam scaled to match
  Real beta1, beta2;
};
using StepRule = BasicStepRule<float>;

// Updates w[0..n) by g[0..n). `first` and `second` are the rule's states: Adagrad h [n] in first; row-wise
// Adagrad one number in first; Adam m [n] in first, v [n] in second; SGD none.
template <class Real>
void ApplyRule(const BasicStepRule<Real>& rule, int64_t n, const Real* g, Real* w, Real* first, Real* second);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_
