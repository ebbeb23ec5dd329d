#include "tests/benchmarks/bench_report.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include <sched.h>

namespace sda::bench {
namespace {

// The value of the first line "key : value" of a file of the kernel; "" where there is none.
std::string KernelValue(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

nlohmann::ordered_json InstructionSets() {
  nlohmann::ordered_json isa = nlohmann::ordered_json::array();
  const std::string flags = " " + KernelValue("/proc/cpuinfo", "flags") + " ";
  for (const char* name : {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}) {
    if (flags.find(std::string(" ") + name + " ") != std::string::npos) isa.push_back(name);
  }
  return isa;
}

// The commit of the checkout this program was built from; "unknown" where that is gone.
std::string Commit() {
  // NOLINTNEXTLINE(bugprone-command-processor): a constant command
  std::FILE* const git = ::popen("git -C '" SDA_SOURCE_DIR "' rev-parse --short=12 HEAD 2>/dev/null", "r");
  if (git == nullptr) return "unknown";
  char line[64] = {};
  const bool read = std::fgets(line, sizeof(line), git) != nullptr;
  ::pclose(git);
  std::string commit = read ? line : "unknown";
  while (!commit.empty() && commit.back() == '\n') commit.pop_back();
  return commit;
}

}  // namespace

nlohmann::ordered_json BeginReport(std::string_view area, int threads, double seconds) {
  nlohmann::ordered_json report;
  report["area"] = area;
  report["commit"] = Commit();
  report["machine"] = {{"cpu", KernelValue("/proc/cpuinfo", "model name")},
                       {"cores", UsableCores()},
                       {"isa", InstructionSets()}};
  report["threads"] = threads;
  report["seconds"] = seconds;
  return report;
}

void PrintReport(const nlohmann::ordered_json& report, bool as_json) {
  if (as_json) {
    std::cout << report.dump() << '\n' << std::flush;
    return;
  }
  for (const auto& item : report.items()) std::cout << item.key() << ": " << item.value().dump() << "\n";
  std::cout << std::flush;
}

int UsableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

int64_t PeakMemoryBytes() {
  // "VmHWM:	  1234 kB"
  std::istringstream value(KernelValue("/proc/self/status", "VmHWM"));
  int64_t kilobytes = 0;
  value >> kilobytes;
  return kilobytes * 1024;
}

void ResetPeakMemory() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace sda::bench
