#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ELEMENTWISE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ELEMENTWISE_H_

#include <cstdint>

namespace sda::trainer {

// Backward through a layer's activation, one pass over dy [rows, n]:
//   with y: dy[r, i] ← y[r, i] > 0 ? dy[r, i] · scale : 0        (ReLU; scale undoes inverted dropout)
//   column_sums[i] = Σ_r dy[r, i], r ascending                   (overwritten)
// Strides in floats; y null for no activation.
void ActivationBackward(int64_t rows, int64_t n, const float* y, int64_t y_stride, float scale, float* dy,
                        int64_t dy_stride, float* column_sums);

// to[i] += from[i], i < n.
void AddTo(int64_t n, const float* from, float* to);

// to[i] += factor · from[i], i < n.
void AddScaledTo(int64_t n, float factor, const float* from, float* to);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ELEMENTWISE_H_
