#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_BF16_GEMM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_BF16_GEMM_H_

#include <cstdint>

#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// True where this CPU, as limited by LimitIsa, multiplies bfloat16.
bool HasBf16Gemm();

// The product with both operands rounded to bfloat16 (to nearest, ties to even) as they are packed, and sums,
// bias and result in fp32: twice the rate of fp32, from and to the same memory. Subnormal operands count as
// zero. The layout of tiles and panels is that of simd_gemm.h, with pairs of terms side by side. Needs
// HasBf16Gemm().
void Bf16Multiply(const Product& product, FloatBuffer& scratch);

// Gemm::Pack for Bf16Multiply: a float holds a pair.
int64_t Bf16PackedFloats(int64_t k, int64_t n);
void Bf16Pack(const Product& product, int64_t part, int64_t parts, float* packed);

// Rows of `n` floats rounded as Bf16Multiply rounds them: row r at to + r · Ceil(n, 2), two values a word, a
// zero after an odd last one. Needs HasBf16Gemm().
void Bf16Convert(int64_t rows, int64_t n, const float* from, int64_t stride, uint32_t* to);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_BF16_GEMM_H_
