#include "services/trainer_worker/core/optimizers/update_rules.h"

#include <type_traits>

#include "services/trainer_worker/core/kernels/elementwise.h"

namespace sda::trainer {

int64_t StateFloats(Algorithm algorithm, int64_t size, int64_t row) {
  switch (algorithm) {
    case Algorithm::kSgd:
      return 0;
    case Algorithm::kAdagrad:
      return size;
    case Algorithm::kRowwiseAdagrad:
      return size / row;
    case Algorithm::kAdam:
      return 2 * size;
  }
  return 0;
}

template <class Real>
void ApplyRule(const BasicStepRule<Real>& rule, int64_t n, const Real* g, Real* w, Real* first,
               Real* second) {
  switch (rule.algorithm) {
    case Algorithm::kSgd:
      if constexpr (std::is_same_v<Real, float>) {
        AddScaledTo(n, -rule.rate, g, w);
      } else {
        for (int64_t i = 0; i < n; ++i) w[i] -= rule.rate * g[i];
      }
      return;
    case Algorithm::kAdagrad:
      for (int64_t i = 0; i < n; ++i) {
        first[i] += g[i] * g[i];
        w[i] -= rule.rate * g[i] / (std::sqrt(first[i]) + rule.epsilon);
      }
      return;
    case Algorithm::kRowwiseAdagrad: {
      Real sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += g[i] * g[i];
      *first += sum / static_cast<Real>(n);
      const Real rate = rule.rate / (std::sqrt(*first) + rule.epsilon);
      for (int64_t i = 0; i < n; ++i) w[i] -= rate * g[i];
      return;
    }
    case Algorithm::kAdam:
      for (int64_t i = 0; i < n; ++i) {
        first[i] = rule.beta1 * first[i] + (1 - rule.beta1) * g[i];
        second[i] = rule.beta2 * second[i] + (1 - rule.beta2) * g[i] * g[i];
        w[i] -= rule.rate * first[i] / (std::sqrt(second[i]) + rule.epsilon);
      }
      return;
  }
}

template void ApplyRule(const BasicStepRule<float>&, int64_t, const float*, float*, float*, float*);
template void ApplyRule(const BasicStepRule<double>&, int64_t, const double*, double*, double*, double*);

}  // namespace sda::trainer
