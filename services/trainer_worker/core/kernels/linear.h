#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_LINEAR_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_LINEAR_H_

#include <cstdint>

#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// A fully connected layer inside a flat parameter buffer: weights [out, in] row-major at `weights`, bias
// [out] at `bias` (offsets in floats). Gradients lie in a buffer of the same layout.
struct LinearLayer {
  int64_t in = 0;
  int64_t out = 0;
  int64_t weights = 0;
  int64_t bias = 0;
  Activation activation = Activation::kNone;
};

// A layer's weights packed as the b of its products (Gemm::Pack): null where they are not.
struct PackedLayer {
  float* forward = nullptr;
  float* backward = nullptr;
};

// The products by the weights of `rows` samples, forward and backward; operands a and c are left out.
Product ForwardProduct(const LinearLayer& layer, const float* parameters, int64_t rows);
Product BackwardProduct(const LinearLayer& layer, const float* parameters, int64_t rows);

// y[b, out] = activation(x[b, in] · Wᵀ + bias). Strides in floats; x and y must not overlap.
void LinearForward(Gemm& gemm, const LinearLayer& layer, const float* parameters, int64_t rows,
                   const float* x, int64_t x_stride, float* y, int64_t y_stride, PackedLayer packed = {});

// Given y of the forward pass and dy = ∂L/∂y:
//   dz = dy · scale where the activation let the unit through, else 0   (written over dy)
//   gradients: dW = dzᵀ · x, dbias = Σ_rows dz   (overwritten)
//   dx = dz · W   (skipped when dx is null)
// `scale` undoes inverted dropout, which zeroes y as the activation does; 1 without dropout. For kNone, y is
// not read and scale must be 1.
void LinearBackward(Gemm& gemm, const LinearLayer& layer, const float* parameters, int64_t rows,
                    const float* x, int64_t x_stride, const float* y, int64_t y_stride, float* dy,
                    int64_t dy_stride, float scale, float* gradients, float* dx, int64_t dx_stride,
                    PackedLayer packed = {});

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_LINEAR_H_
