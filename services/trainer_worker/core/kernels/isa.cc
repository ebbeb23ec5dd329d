#include "services/trainer_worker/core/kernels/isa.h"

#include <algorithm>
#include <atomic>
#include <string>

#include <absl/strings/str_cat.h>
#include <hwy/highway.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sda::trainer {
namespace {

constexpr Isa kAll[] = {Isa::kPlain, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx};

#if defined(__x86_64__)
// The system lets this process use tiles: Linux gives their memory only to those who ask
// (Documentation/arch/x86/xstate.rst).
bool MayUseTiles() {
#if defined(__linux__)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// AMX tiles and products of bfloat16 in the CPU (CPUID leaf 7, EDX bits 24 and 22), and the system saves
// their state (XCR0 bits 17 and 18).
bool HasAmxBf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kOsXsave = 1u << 27;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsXsave) == 0) return false;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kTile = 1u << 24, kBf16 = 1u << 22;
  if ((d & (kTile | kBf16)) != (kTile | kBf16)) return false;
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 3u << 17;
  return (low & kTileState) == kTileState && MayUseTiles();
}
#endif

bool CpuHas(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kPlain:
      return true;
    case Isa::kAvx2:
      return (hwy::SupportedTargets() & HWY_AVX2) != 0;
    case Isa::kAvx512:
      return (hwy::SupportedTargets() & HWY_AVX3) != 0;
    case Isa::kAvx512Bf16:
      return (hwy::SupportedTargets() & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16");
    case Isa::kAmx:
      return CpuHas(Isa::kAvx512Bf16) && HasAmxBf16();
  }
#endif
  return isa == Isa::kPlain;
}

Isa BestOfCpu() {
  Isa best = Isa::kPlain;
  for (Isa isa : kAll) {
    if (CpuHas(isa)) best = isa;
  }
  return best;
}

Isa CpuIsa() {
  static const Isa best = BestOfCpu();
  return best;
}

std::atomic<Isa>& Limit() {
  static std::atomic<Isa> limit{Isa::kAmx};
  return limit;
}

}  // namespace

std::string_view Name(Isa isa) {
  switch (isa) {
    case Isa::kPlain:
      return "plain";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512_bf16";
    case Isa::kAmx:
      return "amx";
  }
  return "";
}

Isa UsableIsa() {
  return std::min(CpuIsa(), Limit().load(std::memory_order_relaxed));
}

bool VectorsGainFromBf16() {
#if defined(__x86_64__)
  return UsableIsa() >= Isa::kAvx512Bf16 && !__builtin_cpu_is("intel");
#else
  return false;
#endif
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> supported;
  for (Isa isa : kAll) {
    if (isa <= CpuIsa()) supported.push_back(isa);
  }
  return supported;
}

void LimitIsa(Isa isa) {
  CpuIsa();  // found before anything is disabled
  Limit() = isa;
  int64_t disabled = 0;
  if (isa < Isa::kAvx512) disabled |= HWY_AVX3 | HWY_AVX3_DL;
  if (isa < Isa::kAvx2) disabled |= HWY_AVX2;
  hwy::DisableTargets(disabled);
  // Dispatch tables choose again.
  hwy::GetChosenTarget().DeInit();
}

absl::Status LimitIsa(std::string_view name) {
  if (name.empty()) return absl::OkStatus();
  std::string names;
  for (Isa isa : kAll) {
    if (Name(isa) == name) {
      LimitIsa(isa);
      return absl::OkStatus();
    }
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(Name(isa)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("SDA_MAX_ISA: is \"", std::string(name), "\"; must be one of ", names));
}

}  // namespace sda::trainer
