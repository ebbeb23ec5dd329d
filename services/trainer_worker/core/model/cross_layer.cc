#include "services/trainer_worker/core/model/cross_layer.h"

#include <algorithm>

namespace sda::trainer {
namespace {

// y [rows, out] = x [rows, in] · wᵀ + bias.
void Times(Gemm& gemm, int64_t rows, int64_t in, int64_t out, const float* x, const float* w,
           const float* bias, float* y) {
  gemm.Multiply({.m = rows,
                 .n = out,
                 .k = in,
                 .a = x,
                 .a_stride = in,
                 .b = w,
                 .b_stride = in,
                 .b_transposed = true,
                 .bias = bias,
                 .c = y,
                 .c_stride = out});
}

// dx [rows, in] = dy [rows, out] · w; dw [out, in] = dyᵀ · x.
void TimesBackward(Gemm& gemm, int64_t rows, int64_t in, int64_t out, const float* x, const float* w,
                   const float* dy, float* dx, float* dw) {
  gemm.Multiply({.m = out,
                 .n = in,
                 .k = rows,
                 .a = dy,
                 .a_stride = out,
                 .a_transposed = true,
                 .b = x,
                 .b_stride = in,
                 .c = dw,
                 .c_stride = in});
  gemm.Multiply({.m = rows,
                 .n = in,
                 .k = out,
                 .a = dy,
                 .a_stride = out,
                 .b = w,
                 .b_stride = in,
                 .c = dx,
                 .c_stride = in});
}

}  // namespace

void CrossForward(Gemm& gemm, const CrossLayer& layer, const float* parameters, int64_t rows,
                  const CrossValues& values, float* y) {
  const float* x = values.x;
  int64_t in = layer.width;
  if (layer.rank > 0) {
    Times(gemm, rows, in, layer.rank, x, parameters + layer.inner, nullptr, values.hidden);
    x = values.hidden;
    in = layer.rank;
  }
  Times(gemm, rows, in, layer.width, x, parameters + layer.outer, parameters + layer.bias, values.z);
  for (int64_t i = 0; i < rows * layer.width; ++i) y[i] = values.x0[i] * values.z[i] + values.x[i];
}

void CrossBackward(Gemm& gemm, const CrossLayer& layer, const float* parameters, int64_t rows,
                   const CrossValues& values, const float* dy, float* dz, float* dhidden, float* gradients,
                   float* dx, float* dx0) {
  const int64_t width = layer.width;
  float* dbias = gradients + layer.bias;
  std::fill(dbias, dbias + width, 0.0f);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t begin = row * width;
    for (int64_t i = 0; i < width; ++i) {
      dz[begin + i] = dy[begin + i] * values.x0[begin + i];
      dx0[begin + i] += dy[begin + i] * values.z[begin + i];
      dbias[i] += dz[begin + i];
    }
  }
  if (layer.rank == 0) {
    TimesBackward(gemm, rows, width, width, values.x, parameters + layer.outer, dz, dx,
                  gradients + layer.outer);
  } else {
    TimesBackward(gemm, rows, layer.rank, width, values.hidden, parameters + layer.outer, dz, dhidden,
                  gradients + layer.outer);
    TimesBackward(gemm, rows, width, layer.rank, values.x, parameters + layer.inner, dhidden, dx,
                  gradients + layer.inner);
  }
  for (int64_t i = 0; i < rows * width; ++i) dx[i] += dy[i];
}

}  // namespace sda::trainer
