#include "services/trainer_worker/core/optimizers/simd_rules.h"

#include <cmath>

#include "services/trainer_worker/core/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/trainer_worker/core/optimizers/simd_rules.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sda::trainer {
namespace HWY_NAMESPACE {
namespace {

#if SDA_SIMD_TARGET

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

constexpr int kLanes = static_cast<int>(HWY_MAX_BYTES / sizeof(float));

// Each does whole vectors and returns how many elements that were.
inline int64_t AdagradVectors(int64_t n, float rate, float epsilon, const float* HWY_RESTRICT g,
                              float* HWY_RESTRICT w, float* HWY_RESTRICT h) {
  const Floats d;
  const auto rates = hn::Set(d, rate), epsilons = hn::Set(d, epsilon);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto gradient = hn::LoadU(d, g + i);
    const auto sum = hn::MulAdd(gradient, gradient, hn::LoadU(d, h + i));
    hn::StoreU(sum, d, h + i);
    const auto step = hn::Div(hn::Mul(rates, gradient), hn::Add(hn::Sqrt(sum), epsilons));
    hn::StoreU(hn::Sub(hn::LoadU(d, w + i), step), d, w + i);
  }
  return i;
}

inline int64_t AdamVectors(int64_t n, float rate, float epsilon, float beta1, float beta2,
                           const float* HWY_RESTRICT g, float* HWY_RESTRICT w, float* HWY_RESTRICT m,
                           float* HWY_RESTRICT v) {
  const Floats d;
  const auto rates = hn::Set(d, rate), epsilons = hn::Set(d, epsilon);
  const auto keep1 = hn::Set(d, beta1), add1 = hn::Set(d, 1 - beta1);
  const auto keep2 = hn::Set(d, beta2), add2 = hn::Set(d, 1 - beta2);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto gradient = hn::LoadU(d, g + i);
    const auto first = hn::MulAdd(add1, gradient, hn::Mul(keep1, hn::LoadU(d, m + i)));
    const auto square = hn::Mul(gradient, gradient);
    const auto second = hn::MulAdd(add2, square, hn::Mul(keep2, hn::LoadU(d, v + i)));
    hn::StoreU(first, d, m + i);
    hn::StoreU(second, d, v + i);
    const auto step = hn::Div(hn::Mul(rates, first), hn::Add(hn::Sqrt(second), epsilons));
    hn::StoreU(hn::Sub(hn::LoadU(d, w + i), step), d, w + i);
  }
  return i;
}

inline int64_t SquareVectors(int64_t n, const float* HWY_RESTRICT g, float& sum) {
  const Floats d;
  auto sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto gradient = hn::LoadU(d, g + i);
    sums = hn::MulAdd(gradient, gradient, sums);
  }
  sum = i == 0 ? 0 : hn::GetLane(hn::SumOfLanes(d, sums));
  return i;
}

#else

inline int64_t AdagradVectors(int64_t, float, float, const float*, float*, float*) {
  return 0;
}
inline int64_t AdamVectors(int64_t, float, float, float, float, const float*, float*, float*, float*) {
  return 0;
}
inline int64_t SquareVectors(int64_t, const float*, float& sum) {
  sum = 0;
  return 0;
}

#endif  // SDA_SIMD_TARGET

void AdagradImpl(int64_t n, float rate, float epsilon, const float* g, float* w, float* h) {
  for (int64_t i = AdagradVectors(n, rate, epsilon, g, w, h); i < n; ++i) {
    h[i] += g[i] * g[i];
    w[i] -= rate * g[i] / (std::sqrt(h[i]) + epsilon);
  }
}

void AdamImpl(int64_t n, float rate, float epsilon, float beta1, float beta2, const float* g, float* w,
              float* m, float* v) {
  for (int64_t i = AdamVectors(n, rate, epsilon, beta1, beta2, g, w, m, v); i < n; ++i) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i];
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
    w[i] -= rate * m[i] / (std::sqrt(v[i]) + epsilon);
  }
}

float SquaresImpl(int64_t n, const float* g) {
  float sum = 0;
  for (int64_t i = SquareVectors(n, g, sum); i < n; ++i) sum += g[i] * g[i];
  return sum;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::trainer {

HWY_EXPORT(AdagradImpl);
HWY_EXPORT(AdamImpl);
HWY_EXPORT(SquaresImpl);

void AdagradUpdate(int64_t n, float rate, float epsilon, const float* g, float* w, float* h) {
  HWY_DYNAMIC_DISPATCH(AdagradImpl)(n, rate, epsilon, g, w, h);
}

void AdamUpdate(int64_t n, float rate, float epsilon, float beta1, float beta2, const float* g, float* w,
                float* m, float* v) {
  HWY_DYNAMIC_DISPATCH(AdamImpl)(n, rate, epsilon, beta1, beta2, g, w, m, v);
}

float SumOfSquares(int64_t n, const float* g) {
  return HWY_DYNAMIC_DISPATCH(SquaresImpl)(n, g);
}

}  // namespace sda::trainer
#endif
