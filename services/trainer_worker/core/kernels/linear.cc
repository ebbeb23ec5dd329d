#include "services/trainer_worker/core/kernels/linear.h"

#include "services/trainer_worker/core/kernels/elementwise.h"

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
  const bool relu = layer.activation == Activation::kRelu;
  ActivationBackward(rows, layer.out, relu ? y : nullptr, y_stride, scale, dy, dy_stride,
                     gradients + layer.bias);
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
