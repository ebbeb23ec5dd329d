#include "services/trainer_worker/core/optimizers/update_rules.h"

#include <algorithm>
#include <type_traits>

#include "services/trainer_worker/core/kernels/elementwise.h"
#include "services/trainer_worker/core/optimizers/simd_rules.h"

namespace sda::trainer {

namespace {

// Beyond this weight norm Intel's LAMB lets the ratio grow no more.
constexpr double kIntelLargestNorm = 10;

template <class Real>
Real LambUpdate(const BasicStepRule<Real>& rule, Real w, Real m, Real v) {
  return m / rule.correction1 / (std::sqrt(v / rule.correction2) + rule.epsilon) + rule.weight_decay * w;
}

}  // namespace

StateShape StateOf(const UpdateOptions& options) {
  switch (options.algorithm) {
    case Algorithm::kSgd:
      return {.per_weight = options.momentum > 0 ? 1 : 0, .per_row = 0};
    case Algorithm::kAdagrad:
      return {.per_weight = 1, .per_row = 0};
    case Algorithm::kRowwiseAdagrad:
      return {.per_weight = 0, .per_row = 1};
    case Algorithm::kAdam:
    case Algorithm::kLamb:
    case Algorithm::kIntelLamb:
      return {.per_weight = 2, .per_row = 0};
  }
  return {};
}

int64_t StateFloats(const UpdateOptions& options, int64_t size, int64_t rows) {
  const StateShape shape = StateOf(options);
  return shape.per_weight * size + shape.per_row * rows;
}

template <class Real>
LambSums LambBegin(const BasicStepRule<Real>& rule, int64_t n, const Real* g, const Real* w, Real* m,
                   Real* v) {
  LambSums sums;
  for (int64_t i = 0; i < n; ++i) {
    m[i] = rule.beta1 * m[i] + (1 - rule.beta1) * g[i];
    v[i] = rule.beta2 * v[i] + (1 - rule.beta2) * g[i] * g[i];
    const double u = LambUpdate(rule, w[i], m[i], v[i]);
    sums.weights += static_cast<double>(w[i]) * w[i];
    sums.updates += u * u;
  }
  return sums;
}

template <class Real>
void LambFinish(const BasicStepRule<Real>& rule, const LambSums& sums, int64_t n, Real* w, const Real* m,
                const Real* v) {
  double norm = std::sqrt(sums.weights);
  if (rule.algorithm == Algorithm::kIntelLamb) norm = std::min(norm, kIntelLargestNorm);
  const double updates = std::sqrt(sums.updates);
  const double trust = norm > 0 && updates > 0 ? norm / updates : 1;
  const Real rate = static_cast<Real>(rule.rate * trust);
  for (int64_t i = 0; i < n; ++i) w[i] -= rate * LambUpdate(rule, w[i], m[i], v[i]);
}

template <class Real>
void ApplyRule(const BasicStepRule<Real>& rule, int64_t n, const Real* g, Real* w, Real* first,
               Real* second) {
  switch (rule.algorithm) {
    case Algorithm::kSgd:
      if (rule.momentum > 0) {
        for (int64_t i = 0; i < n; ++i) {
          first[i] = rule.momentum * first[i] + g[i];
          w[i] -= rule.rate * first[i];
        }
        return;
      }
      if constexpr (std::is_same_v<Real, float>) {
        AddScaledTo(n, -rule.rate, g, w);
      } else {
        for (int64_t i = 0; i < n; ++i) w[i] -= rule.rate * g[i];
      }
      return;
    case Algorithm::kAdagrad:
      if constexpr (std::is_same_v<Real, float>)
        return AdagradUpdate(n, rule.rate, rule.epsilon, g, w, first);
      for (int64_t i = 0; i < n; ++i) {
        first[i] += g[i] * g[i];
        w[i] -= rule.rate * g[i] / (std::sqrt(first[i]) + rule.epsilon);
      }
      return;
    case Algorithm::kRowwiseAdagrad: {
      Real sum = 0;
      if constexpr (std::is_same_v<Real, float>) {
        sum = SumOfSquares(n, g);
      } else {
        for (int64_t i = 0; i < n; ++i) sum += g[i] * g[i];
      }
      *first += sum / static_cast<Real>(n);
      const Real rate = rule.rate / (std::sqrt(*first) + rule.epsilon);
      if constexpr (std::is_same_v<Real, float>) return AddScaledTo(n, -rate, g, w);
      for (int64_t i = 0; i < n; ++i) w[i] -= rate * g[i];
      return;
    }
    case Algorithm::kAdam:
      if constexpr (std::is_same_v<Real, float>) {
        return AdamUpdate(n, rule.rate, rule.epsilon, rule.beta1, rule.beta2, g, w, first, second);
      }
      for (int64_t i = 0; i < n; ++i) {
        first[i] = rule.beta1 * first[i] + (1 - rule.beta1) * g[i];
        second[i] = rule.beta2 * second[i] + (1 - rule.beta2) * g[i] * g[i];
        w[i] -= rule.rate * first[i] / (std::sqrt(second[i]) + rule.epsilon);
      }
      return;
    case Algorithm::kLamb:
    case Algorithm::kIntelLamb:
      LambFinish(rule, LambBegin(rule, n, g, w, first, second), n, w, first, second);
      return;
  }
}

template LambSums LambBegin(const BasicStepRule<double>&, int64_t, const double*, const double*, double*,
                            double*);
template void LambFinish(const BasicStepRule<double>&, const LambSums&, int64_t, double*, const double*,
                         const double*);
template LambSums LambBegin(const BasicStepRule<float>&, int64_t, const float*, const float*, float*, float*);
template void LambFinish(const BasicStepRule<float>&, const LambSums&, int64_t, float*, const float*,
                         const float*);
template void ApplyRule(const BasicStepRule<float>&, int64_t, const float*, float*, float*, float*);
template void ApplyRule(const BasicStepRule<double>&, int64_t, const double*, double*, double*, double*);

}  // namespace sda::trainer
