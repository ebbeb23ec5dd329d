#include "services/trainer_worker/core/optimizers/update_rules.h"

#include <cmath>

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

StepRule::StepRule(const UpdateOptions& options, int64_t step, double factor)
    : algorithm(options.algorithm),
      rate(static_cast<float>(options.learning_rate * factor)),
      epsilon(static_cast<float>(options.epsilon)),
      beta1(static_cast<float>(options.beta1)),
      beta2(static_cast<float>(options.beta2)) {
  if (algorithm != Algorithm::kAdam) return;
  // η·(m/c₁)/(√(v/c₂) + ε) = (η·√c₂/c₁)·m/(√v + ε·√c₂): one division a parameter.
  const double c1 = 1 - std::pow(options.beta1, static_cast<double>(step));
  const double c2 = std::sqrt(1 - std::pow(options.beta2, static_cast<double>(step)));
  rate = static_cast<float>(options.learning_rate * factor * c2 / c1);
  epsilon = static_cast<float>(options.epsilon * c2);
}

void ApplyRule(const StepRule& rule, int64_t n, const float* g, float* w, float* first, float* second) {
  switch (rule.algorithm) {
    case Algorithm::kSgd:
      for (int64_t i = 0; i < n; ++i) w[i] -= rule.rate * g[i];
      return;
    case Algorithm::kAdagrad:
      for (int64_t i = 0; i < n; ++i) {
        first[i] += g[i] * g[i];
        w[i] -= rule.rate * g[i] / (std::sqrt(first[i]) + rule.epsilon);
      }
      return;
    case Algorithm::kRowwiseAdagrad: {
      float sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += g[i] * g[i];
      *first += sum / static_cast<float>(n);
      const float rate = rule.rate / (std::sqrt(*first) + rule.epsilon);
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

}  // namespace sda::trainer
