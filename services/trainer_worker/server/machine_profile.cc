#include "services/trainer_worker/server/machine_profile.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <sched.h>
#include <unistd.h>

#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {
namespace {

using Clock = std::chrono::steady_clock;

// What models use, slowest first.
constexpr const char* kInstructionSets[] = {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"};

// The first line of "key : value" lines whose key is given.
std::string CpuInfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    return std::string(absl::StripAsciiWhitespace(absl::string_view(line).substr(colon + 1)));
  }
  return "";
}

// A number in a control group's file; the largest number where there is none or it says "max".
int64_t ReadLimit(const char* path) {
  std::ifstream file(path);
  std::string word;
  int64_t value = 0;
  if (file >> word && absl::SimpleAtoi(word, &value) && value > 0) return value;
  return std::numeric_limits<int64_t>::max();
}

// Cores by the quota of control groups, version 2 or 1; a large number without one.
int QuotaCores() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  int64_t period = 0, limit = 0;
  if (v2 >> quota >> period && absl::SimpleAtoi(quota, &limit) && period > 0) {
    return static_cast<int>(std::max<int64_t>(1, limit / period));
  }
  limit = ReadLimit("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  period = ReadLimit("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (limit == std::numeric_limits<int64_t>::max() || period == std::numeric_limits<int64_t>::max())
    return 1 << 20;
  return static_cast<int>(std::max<int64_t>(1, limit / period));
}

// Runs `work` again and again for about the given time; the seconds of its fastest run.
template <class Work>
double FastestSeconds(std::chrono::milliseconds time, Work work) {
  double fastest = std::numeric_limits<double>::infinity();
  const auto end = Clock::now() + time;
  do {
    const auto begin = Clock::now();
    work();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - begin).count());
  } while (Clock::now() < end);
  return fastest;
}

double MeasureMatmulGflops() {
  constexpr int64_t kSize = 512;
  std::vector<float> a(kSize * kSize, 0.5f), b(kSize * kSize, 0.25f), c(kSize * kSize);
  Gemm gemm;
  Product product;
  product.m = product.n = product.k = kSize;
  product.a = a.data();
  product.b = b.data();
  product.c = c.data();
  product.a_stride = product.b_stride = product.c_stride = kSize;
  gemm.Multiply(product);  // the first one makes the primitive
  const double seconds = FastestSeconds(std::chrono::milliseconds(100), [&] { gemm.Multiply(product); });
  return 2.0 * kSize * kSize * kSize / seconds * 1e-9;
}

double MeasureTriadGbPerSecond() {
  constexpr int64_t kFloats = 8 << 20;  // 3 x 32 MiB: beyond the caches
  std::vector<float> a(kFloats, 1.0f), b(kFloats, 2.0f), c(kFloats);
  const double seconds = FastestSeconds(std::chrono::milliseconds(150), [&] {
    for (int64_t i = 0; i < kFloats; ++i) c[i] = a[i] + 3.0f * b[i];
    b[0] = c[kFloats - 1];  // the result is used
  });
  return 3.0 * sizeof(float) * kFloats / seconds * 1e-9;
}

}  // namespace

int UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int allowed = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, std::min(allowed, QuotaCores()));
}

int64_t UsableMemoryBytes() {
  const int64_t machine = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return std::min({machine, ReadLimit("/sys/fs/cgroup/memory.max"),
                   ReadLimit("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

common::v1::MachineProfile MeasureMachine() {
  common::v1::MachineProfile machine;
  machine.set_cpu_model(CpuInfo("model name"));
  machine.set_core_count(UsableCores());
  machine.set_memory_bytes(UsableMemoryBytes());
  std::istringstream flags(CpuInfo("flags"));
  std::set<std::string> known;
  for (std::string flag; flags >> flag;) known.insert(flag);
  for (const char* isa : kInstructionSets) {
    if (known.contains(isa)) machine.add_isa(isa);
  }
  machine.set_matmul_gflops(MeasureMatmulGflops());
  machine.set_memory_gb_per_second(MeasureTriadGbPerSecond());
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) == 0) machine.set_host(host);
  return machine;
}

}  // namespace sda::trainer
