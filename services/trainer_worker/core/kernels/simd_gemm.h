#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_SIMD_GEMM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_SIMD_GEMM_H_

#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// True where this CPU, as limited by LimitIsa, has the vector instructions that SimdMultiply is made of.
bool HasSimdGemm();

// The product by register tiles over packed panels (Goto and van de Geijn, "Anatomy of high-performance
// matrix multiplication", 2008), for the shapes of training: thousands of rows, hundreds of columns.
// `scratch` grows to what the packed operands need. Sums run over k in ascending order in each element, in
// blocks whose bounds depend on k alone: how rows are cut over threads does not change a byte of forward
// products. Needs HasSimdGemm().
void SimdMultiply(const Product& product, FloatBuffer& scratch);

// Gemm::Pack for SimdMultiply.
int64_t SimdPackedFloats(int64_t k, int64_t n);
void SimdPack(const Product& product, int64_t part, int64_t parts, float* packed);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_SIMD_GEMM_H_
