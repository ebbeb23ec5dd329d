#include "services/preprocessing/server/config.h"

#include <algorithm>
#include <fstream>

#include <absl/strings/str_cat.h>
#include <sched.h>
#include <unistd.h>

#include "common/base/error.h"
#include "services/preprocessing/server/limits.h"

namespace sda::preprocessing {

namespace {

// Memory of the process now.
int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  int64_t resident = 0;
  file >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

void Config::Declare(rpc::Flags& flags) {
  server.Declare(flags);
  flags.Text("artefacts", &artefacts,
             "root of datasets and models: a folder or a URI that Arrow's file systems know");
  flags.Integer("threads", &threads, "threads of each job; 0: all cores this process may use", 0,
                kMaxThreads);
  flags.Integer("jobs", &jobs, "jobs that run at a time; others wait", 1, kMaxRunningJobs);
  flags.Bytes(
      "memory-limit", &memory_limit,
      "memory of the process, shared evenly by the jobs that may run at a time; what does not fit goes to "
      "scratch files; 0: no limit",
      0, kMaxMemoryLimit);
  flags.Text("scratch-folder", &scratch_folder,
             "where scratch files go; the system's folder for temporary files if empty");
}

int Config::ThreadsOfJob() const {
  if (threads > 0) return threads;
  cpu_set_t set;
  CPU_ZERO(&set);
  const int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::clamp(cores / jobs, 1, kMaxThreads);
}

absl::StatusOr<int64_t> Config::MemoryOfJob() const {
  if (memory_limit == 0) return 0;
  const int64_t left = memory_limit - ResidentBytes() - kServingBytes;
  if (left / jobs >= kLeastJobMemory) return left / jobs;
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("--memory-limit is ", memory_limit, "; with ", jobs, " jobs it must be at least ",
                   ResidentBytes() + kServingBytes + jobs * kLeastJobMemory, " bytes"),
      {.reason = "MEMORY_LIMIT", .metadata = {}, .violations = {}});
}

}  // namespace sda::preprocessing
