#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_

#include <cmath>
#include <cstdint>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

// The update rules on runs of parameters, with g the gradient, η the learning rate of the step:
//   SGD               w ← w − η·g; with momentum μ: v ← μv + g;  w ← w − η·v
//   Adagrad           h ← h + g²;  w ← w − η·g / (√h + ε)                            (Duchi et al. 2011)
//   row-wise Adagrad  h ← h + mean(g²), one h a row;  w ← w − η·g / (√h + ε)
//   Adam              m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;
//                     w ← w − η·(m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)                     (Kingma and Ba 2015)
//   LAMB              m, v as Adam;  u = (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε) + λw;
//                     w ← w − η·(‖w‖/‖u‖)·u, the ratio 1 where a norm is 0           (You et al. 2020)
//   Intel's LAMB      as LAMB, but with 1−β₁ and 1−β₂ at every step, and ‖w‖ at most 10
// The norms of LAMB are those of one weight matrix or bias, or of one row of a table. Training runs them in
// float; in double they are the oracle of the tests.
namespace sda::trainer {

// Floats of state that a rule keeps.
struct StateShape {
  int64_t per_weight = 0;
  int64_t per_row = 0;
};
StateShape StateOf(const UpdateOptions& options);

// The same for `size` parameters in `rows` rows.
int64_t StateFloats(const UpdateOptions& options, int64_t size, int64_t rows);

// A rule at one step: everything that is the same for all parameters.
template <class Real>
struct BasicStepRule {
  // `step` counts from 1; `scheduled` is what the schedule says.
  BasicStepRule(const UpdateOptions& options, int64_t step, RateOfStep scheduled)
      : algorithm(options.algorithm),
        rate(static_cast<Real>(scheduled.Rate(options.learning_rate))),
        epsilon(static_cast<Real>(options.epsilon)),
        beta1(static_cast<Real>(options.beta1)),
        beta2(static_cast<Real>(options.beta2)),
        momentum(static_cast<Real>(options.momentum)),
        weight_decay(static_cast<Real>(options.weight_decay)) {
    if (algorithm == Algorithm::kLamb || algorithm == Algorithm::kIntelLamb) {
      const double exponent = algorithm == Algorithm::kLamb ? static_cast<double>(step) : 1;
      correction1 = static_cast<Real>(1 - std::pow(options.beta1, exponent));
      correction2 = static_cast<Real>(1 - std::pow(options.beta2, exponent));
    }
    if (algorithm != Algorithm::kAdam) return;
    // η·(m/c₁)/(√(v/c₂) + ε) = (η·√c₂/c₁)·m/(√v + ε·√c₂): one division a parameter.
    const double c1 = 1 - std::pow(options.beta1, static_cast<double>(step));
    const double c2 = std::sqrt(1 - std::pow(options.beta2, static_cast<double>(step)));
    rate = static_cast<Real>(scheduled.Rate(options.learning_rate) * c2 / c1);
    epsilon = static_cast<Real>(options.epsilon * c2);
  }

  Algorithm algorithm;
  Real rate;     // η, for Adam with the bias corrections folded in
  Real epsilon;  // ε, for Adam scaled to match
  Real beta1, beta2;
  Real momentum, weight_decay;
  Real correction1 = 1, correction2 = 1;  // LAMB's m and v are divided by these
};
using StepRule = BasicStepRule<float>;

// Updates w[0..n) by g[0..n). `first` and `second` are the rule's states: Adagrad h [n] in first; row-wise
// Adagrad one number in first; Adam and LAMB m [n] in first, v [n] in second; SGD its momentum [n] in first,
// if it has one. LAMB takes the n parameters as one tensor.
template <class Real>
void ApplyRule(const BasicStepRule<Real>& rule, int64_t n, const Real* g, Real* w, Real* first, Real* second);

// LAMB in two halves, for a tensor that several threads share: each adds its part's sums of squares, then all
// apply the ratio of the whole.
struct LambSums {
  double weights = 0;  // ‖w‖²
  double updates = 0;  // ‖u‖²
};
template <class Real>
LambSums LambBegin(const BasicStepRule<Real>& rule, int64_t n, const Real* g, const Real* w, Real* m,
                   Real* v);
template <class Real>
void LambFinish(const BasicStepRule<Real>& rule, const LambSums& sums, int64_t n, Real* w, const Real* m,
                const Real* v);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_UPDATE_RULES_H_
