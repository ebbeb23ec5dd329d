#include "services/trainer_worker/core/kernels/interaction.h"

#include <algorithm>

namespace sda::trainer {
namespace {

// Eight partial sums, so that the compiler may keep them in vector registers without reassociating.
inline float Dot(const float* a, const float* b, int64_t dim) {
  float partial[8] = {};
  int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    for (int lane = 0; lane < 8; ++lane) partial[lane] += a[i + lane] * b[i + lane];
  }
  float sum = ((partial[0] + partial[4]) + (partial[2] + partial[6])) +
              ((partial[1] + partial[5]) + (partial[3] + partial[7]));
  for (; i < dim; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void DotInteractionForward(const DotInteraction& shape, int64_t rows, const float* t, float* r) {
  const int64_t dim = shape.dim;
  for (int64_t row = 0; row < rows; ++row) {
    const float* features = t + row * shape.features * dim;
    float* out = std::copy(features, features + dim, r + row * shape.outputs());
    for (int64_t i = 0; i < shape.features; ++i) {
      const int64_t end = shape.self ? i + 1 : i;
      for (int64_t j = 0; j < end; ++j) *out++ = Dot(features + i * dim, features + j * dim, dim);
    }
  }
}

void DotInteractionBackward(const DotInteraction& shape, int64_t rows, const float* t, const float* dr,
                            float* dt) {
  const int64_t dim = shape.dim;
  for (int64_t row = 0; row < rows; ++row) {
    const float* features = t + row * shape.features * dim;
    const float* dout = dr + row * shape.outputs();
    float* dfeatures = dt + row * shape.features * dim;
    std::copy(dout, dout + dim, dfeatures);
    std::fill(dfeatures + dim, dfeatures + shape.features * dim, 0.0f);
    dout += dim;
    for (int64_t i = 0; i < shape.features; ++i) {
      const float* fi = features + i * dim;
      float* di = dfeatures + i * dim;
      const int64_t end = shape.self ? i + 1 : i;
      for (int64_t j = 0; j < end; ++j) {
        // For j = i both statements of the inner loop hit the same row: 2·dz·T_i, as the derivative of |T_i|²
        // is.
        const float dz = *dout++;
        const float* fj = features + j * dim;
        float* dj = dfeatures + j * dim;
        for (int64_t l = 0; l < dim; ++l) {
          di[l] += dz * fj[l];
          dj[l] += dz * fi[l];
        }
      }
    }
  }
}

}  // namespace sda::trainer
