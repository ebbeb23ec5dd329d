#include "services/trainer_worker/core/kernels/linear.h"

#include <algorithm>

namespace sda::trainer {

void LinearForward(Gemm& gemm, const LinearLayer& layer, const float* parameters, int64_t rows,
                   const float* x, int64_t x_stride, float* y, int64_t y_stride) {
  gemm.Multiply({.m = rows,
                 .n = layer.out,
                 .k = layer.in,
                 .a = x,
                 .a_stride = x_stride,
                 .b = parameters + layer.weights,
                 .b_stride = layer.in,
                 .b_transposed = true,
                 .bias = parameters + layer.bias,
                 .activation = layer.activation,
                 .c = y,
                 .c_stride = y_stride});
}

void LinearBackward(Gemm& gemm, const LinearLayer& layer, const float* parameters, int64_t rows,
                    const float* x, int64_t x_stride, const float* y, int64_t y_stride, float* dy,
                    int64_t dy_stride, float scale, float* gradients, float* dx, int64_t dx_stride) {
  float* dbias = gradients + layer.bias;
  std::fill(dbias, dbias + layer.out, 0.0f);
  for (int64_t row = 0; row < rows; ++row) {
    float* dz = dy + row * dy_stride;
    if (layer.activation == Activation::kRelu) {
      const float* output = y + row * y_stride;
      for (int64_t i = 0; i < layer.out; ++i) dz[i] = output[i] > 0 ? dz[i] * scale : 0.0f;
    }
    for (int64_t i = 0; i < layer.out; ++i) dbias[i] += dz[i];
  }
  gemm.Multiply({.m = layer.out,
                 .n = layer.in,
                 .k = rows,
                 .a = dy,
                 .a_stride = dy_stride,
                 .a_transposed = true,
                 .b = x,
                 .b_stride = x_stride,
                 .c = gradients + layer.weights,
                 .c_stride = layer.in});
  if (dx == nullptr) return;
  gemm.Multiply({.m = rows,
                 .n = layer.in,
                 .k = layer.out,
                 .a = dy,
                 .a_stride = dy_stride,
                 .b = parameters + layer.weights,
                 .b_stride = layer.in,
                 .c = dx,
                 .c_stride = dx_stride});
}

}  // namespace sda::trainer
