#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_SIMD_RULES_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_SIMD_RULES_H_

#include <cstdint>

namespace sda::trainer {

// Update rules of update_rules.h in float, as vectors of whatever the CPU has; n elements each, no alignment
// required, arrays must not overlap. Results differ from the plain rules by rounding: products are added
// without being rounded, and sums over a row run in as many parts as a vector has elements.

// h[i] += g[i]²; w[i] −= rate · g[i] / (√h[i] + epsilon)
void AdagradUpdate(int64_t n, float rate, float epsilon, const float* g, float* w, float* h);

// m ← beta1·m + (1−beta1)·g; v ← beta2·v + (1−beta2)·g²; w −= rate · m / (√v + epsilon)
void AdamUpdate(int64_t n, float rate, float epsilon, float beta1, float beta2, const float* g, float* w,
                float* m, float* v);

// Σ g[i]²
float SumOfSquares(int64_t n, const float* g);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_OPTIMIZERS_SIMD_RULES_H_
