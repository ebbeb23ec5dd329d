#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ISA_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ISA_H_

#include <string_view>
#include <vector>

#include <absl/status/status.h>

namespace sda::trainer {

// Instruction sets that kernels have variants for, each including those before it.
enum class Isa {
  kPlain,       // what every CPU of the build's architecture has
  kAvx2,        // with FMA
  kAvx512,      // F, BW, CD, DQ and VL
  kAvx512Bf16,  // also products of bfloat16
  kAmx,         // also tiles of bfloat16 (AMX), where the system lets programs use them
};

// "plain", "avx2", "avx512", "avx512_bf16", "amx".
std::string_view Name(Isa isa);

// What kernels use: the CPU's best, or less after LimitIsa.
Isa UsableIsa();

// True where products of bfloat16 by vectors (AVX512-BF16) are faster than those of fp32. On AMD's CPUs they
// have twice the rate; on Intel's, which have AMX for them, two thirds of it (docs/performance.md).
bool VectorsGainFromBf16();

// All that this CPU and build have, slowest first, whatever the limit.
std::vector<Isa> SupportedIsas();

// Keeps kernels from using more than `isa`; what the CPU lacks stays unused. For the start of a program and
// for tests: kernels that run at the time may still use what they began with.
void LimitIsa(Isa isa);

// The same by name, as SDA_MAX_ISA gives it; an empty one limits nothing. INVALID_ARGUMENT lists the names.
absl::Status LimitIsa(std::string_view name);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ISA_H_
