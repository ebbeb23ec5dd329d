#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_AMX_GEMM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_AMX_GEMM_H_

#include <cstdint>

#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// True where this CPU, as limited by LimitIsa, has tiles of bfloat16.
bool HasAmxGemm();

// Bf16Multiply of bf16_gemm.h by AMX tiles: 32 × 32 sums in four of them. Needs HasAmxGemm().
void AmxMultiply(const Product& product, FloatBuffer& scratch);

// The calling thread's tiles while it lives, for many products too small to get them anew for each. No other
// AMX code may run on the thread meanwhile. Needs HasAmxGemm().
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  void Multiply(const Product& product, FloatBuffer& scratch);
};

// Gemm::Pack for AmxMultiply.
int64_t AmxPackedFloats(int64_t k, int64_t n);
void AmxPack(const Product& product, int64_t part, int64_t parts, float* packed);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_AMX_GEMM_H_
