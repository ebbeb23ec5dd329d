#ifndef SDA_SERVICES_PREPROCESSING_SERVER_CONFIG_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_CONFIG_H_

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>

#include "common/rpc/flags.h"
#include "common/rpc/server_config.h"

namespace sda::preprocessing {

// Settings of sda-preprocessing.
struct Config {
  rpc::ServerConfig server;
  std::string artefacts = "sda-state/artefacts";  // root of the artefact store
  int threads = 0;                                // of each job; 0: all cores this process may use
  int jobs = 1;                                   // at a time
  int64_t memory_limit = 0;                       // bytes of the whole process; 0: no limit
  std::string scratch_folder;                     // empty: the system's folder for temporary files

  void Declare(rpc::Flags& flags);

  // `threads` with the default filled in.
  int ThreadsOfJob() const;

  // What each of the jobs that may run at a time gets of memory_limit, beside what the process takes as it
  // is; 0: no limit. RESOURCE_EXHAUSTED where nothing is left for them.
  absl::StatusOr<int64_t> MemoryOfJob() const;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_CONFIG_H_
