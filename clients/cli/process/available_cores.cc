#include "clients/cli/process/available_cores.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <sched.h>

namespace sda::cli {
namespace {

int AffinityCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

// "max 100000" or "150000 100000" (quota and period in microseconds) of control groups, version 2.
int QuotaCores(int otherwise) {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0;
  double period = 0;
  if (!(file >> quota >> period) || !(quota > 0) || !(period > 0)) return otherwise;
  return static_cast<int>(quota / period);
}

}  // namespace

int AvailableCores() {
  const int affinity = AffinityCores();
  return std::max(1, std::min(affinity, QuotaCores(affinity)));
}

}  // namespace sda::cli
