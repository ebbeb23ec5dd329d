#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_CROSS_LAYER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_CROSS_LAYER_H_

#include <cstdint>

#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// A cross layer of DCN-V2 (Wang et al. 2021) inside a flat parameter buffer:
//   z = W x + b, or z = U (V x) + b with a rank;   y = x0 ⊙ z + x
// Matrices row-major: W [width, width]; U [width, rank], V [rank, width]; b [width]. Offsets in floats.
struct CrossLayer {
  int64_t width = 0;
  int64_t rank = 0;   // 0: full
  int64_t inner = 0;  // V; unused without a rank
  int64_t outer = 0;  // W or U
  int64_t bias = 0;
};

// Values of a slice of `rows` samples, each [rows, width] contiguous but hidden [rows, rank].
struct CrossValues {
  const float* x0 = nullptr;
  const float* x = nullptr;
  float* hidden = nullptr;  // V x; null without a rank
  float* z = nullptr;
};

// Fills hidden and z, and y [rows, width], which overlaps nothing.
void CrossForward(Gemm& gemm, const CrossLayer& layer, const float* parameters, int64_t rows,
                  const CrossValues& values, float* y);

// From dy to dx (overwritten), dx0 (added to) and the gradients of the layer's parameters (overwritten). dz
// [rows, width] and dhidden [rows, rank] are scratch. None may overlap; x may be x0, its part of the gradient
// is then dx + dx0.
void CrossBackward(Gemm& gemm, const CrossLayer& layer, const float* parameters, int64_t rows,
                   const CrossValues& values, const float* dy, float* dz, float* dhidden, float* gradients,
                   float* dx, float* dx0);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_CROSS_LAYER_H_
