#include "services/preprocessing/server/config.h"

#include <algorithm>

#include <sched.h>

#include "services/preprocessing/server/limits.h"

namespace sda::preprocessing {

void Config::Declare(rpc::Flags& flags) {
  server.Declare(flags);
  flags.Text("artefacts", &artefacts,
             "root of datasets and models: a folder or a URI that Arrow's file systems know");
  flags.Integer("threads", &threads, "threads of each job; 0: all cores this process may use", 0,
                kMaxThreads);
  flags.Integer("jobs", &jobs, "jobs that run at a time; others wait", 1, kMaxRunningJobs);
}

int Config::ThreadsOfJob() const {
  if (threads > 0) return threads;
  cpu_set_t set;
  CPU_ZERO(&set);
  const int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::clamp(cores / jobs, 1, kMaxThreads);
}

}  // namespace sda::preprocessing
