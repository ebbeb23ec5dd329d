#include "services/trainer_worker/core/kernels/elementwise.h"

#include <algorithm>

#include "services/trainer_worker/core/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/trainer_worker/core/kernels/elementwise.cc"
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

inline int64_t Vectors(int64_t n) {
  return n / kLanes * kLanes;
}

// The elements before Vectors(n) of a row; callers do the rest.
inline void ActivationRow(int64_t n, const float* HWY_RESTRICT y, float scale, float* HWY_RESTRICT dy,
                          float* HWY_RESTRICT sums) {
  const Floats d;
  const auto factor = hn::Set(d, scale);
  for (int64_t i = 0; i < Vectors(n); i += kLanes) {
    auto value = hn::LoadU(d, dy + i);
    if (y != nullptr) {
      const auto on = hn::Gt(hn::LoadU(d, y + i), hn::Zero(d));
      value = hn::IfThenElseZero(on, hn::Mul(value, factor));
      hn::StoreU(value, d, dy + i);
    }
    hn::StoreU(hn::Add(hn::LoadU(d, sums + i), value), d, sums + i);
  }
}

inline void AddVectors(int64_t n, const float* HWY_RESTRICT from, float* HWY_RESTRICT to) {
  const Floats d;
  for (int64_t i = 0; i < Vectors(n); i += kLanes)
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
}

inline void AddScaledVectors(int64_t n, float factor, const float* HWY_RESTRICT from,
                             float* HWY_RESTRICT to) {
  const Floats d;
  const auto scale = hn::Set(d, factor);
  for (int64_t i = 0; i < Vectors(n); i += kLanes)
    hn::StoreU(hn::MulAdd(scale, hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
}

#else

inline int64_t Vectors(int64_t) {
  return 0;
}
inline void ActivationRow(int64_t, const float*, float, float*, float*) {}
inline void AddVectors(int64_t, const float*, float*) {}
inline void AddScaledVectors(int64_t, float, const float*, float*) {}

#endif  // SDA_SIMD_TARGET

void ActivationBackwardImpl(int64_t rows, int64_t n, const float* y, int64_t y_stride, float scale, float* dy,
                            int64_t dy_stride, float* column_sums) {
  std::fill(column_sums, column_sums + n, 0.0f);
  for (int64_t row = 0; row < rows; ++row, dy += dy_stride) {
    const float* const output = y == nullptr ? nullptr : y + row * y_stride;
    ActivationRow(n, output, scale, dy, column_sums);
    for (int64_t i = Vectors(n); i < n; ++i) {
      if (output != nullptr) dy[i] = output[i] > 0 ? dy[i] * scale : 0.0f;
      column_sums[i] += dy[i];
    }
  }
}

void AddToImpl(int64_t n, const float* from, float* to) {
  AddVectors(n, from, to);
  for (int64_t i = Vectors(n); i < n; ++i) to[i] += from[i];
}

void AddScaledToImpl(int64_t n, float factor, const float* from, float* to) {
  AddScaledVectors(n, factor, from, to);
  for (int64_t i = Vectors(n); i < n; ++i) to[i] += factor * from[i];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::trainer {

HWY_EXPORT(ActivationBackwardImpl);
HWY_EXPORT(AddToImpl);
HWY_EXPORT(AddScaledToImpl);

void ActivationBackward(int64_t rows, int64_t n, const float* y, int64_t y_stride, float scale, float* dy,
                        int64_t dy_stride, float* column_sums) {
  HWY_DYNAMIC_DISPATCH(ActivationBackwardImpl)(rows, n, y, y_stride, scale, dy, dy_stride, column_sums);
}

void AddTo(int64_t n, const float* from, float* to) {
  HWY_DYNAMIC_DISPATCH(AddToImpl)(n, from, to);
}

void AddScaledTo(int64_t n, float factor, const float* from, float* to) {
  HWY_DYNAMIC_DISPATCH(AddScaledToImpl)(n, factor, from, to);
}

}  // namespace sda::trainer
#endif
