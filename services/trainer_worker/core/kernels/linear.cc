#include "services/trainer_worker/core/kernels/linear.h"

#include "services/trainer_worker/core/kernels/elementwise.h"

namespace sda::trainer {

Product ForwardProduct(const LinearLayer& layer, const float* parameters, int64_t rows) {
  Product product{.m = rows, .n = layer.out, .k = layer.in};
  product.b = parameters + layer.weights;
  product.b_stride = layer.in;
  product.b_transposed = true;
  product.bias = parameters + layer.bias;
  product.activation = layer.activation;
  return product;
}

Product BackwardProduct(const LinearLayer& layer, const float* parameters, int64_t rows) {
  Product product{.m = rows, .n = layer.in, .k = layer.out};
  product.b = parameters + layer.weights;
  product.b_stride = layer.in;
  return product;
}

void LinearForward(Gemm& gemm, const LinearLayer& layer, const float* parameters, int64_t rows,
                   const float* x, int64_t x_stride, float* y, int64_t y_stride, PackedLayer packed) {
  Product product = ForwardProduct(layer, parameters, rows);
  product.a = x;
  product.a_stride = x_stride;
  product.c = y;
  product.c_stride = y_stride;
  product.packed_b = packed.forward;
  gemm.Multiply(product);
}

void LinearBackward(Gemm& gemm, const LinearLayer& layer, const float* parameters, int64_t rows,
                    const float* x, int64_t x_stride, const float* y, int64_t y_stride, float* dy,
                    int64_t dy_stride, float scale, float* gradients, float* dx, int64_t dx_stride,
                    PackedLayer packed) {
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
  Product product = BackwardProduct(layer, parameters, rows);
  product.a = dy;
  product.a_stride = dy_stride;
  product.c = dx;
  product.c_stride = dx_stride;
  product.packed_b = packed.backward;
  gemm.Multiply(product);
}

}  // namespace sda::trainer
