#ifndef SDA_SERVICES_PREPROCESSING_SERVER_CONFIG_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_CONFIG_H_

#include <string>

#include "common/rpc/flags.h"
#include "common/rpc/server_config.h"

namespace sda::preprocessing {

// Settings of sda-preprocessing.
struct Config {
  rpc::ServerConfig server;
  std::string artefacts = "sda-state/artefacts";  // root of the artefact store
  int threads = 0;                                // of each job; 0: all cores this process may use
  int jobs = 1;                                   // at a time

  void Declare(rpc::Flags& flags);

  // `threads` with the default filled in.
  int ThreadsOfJob() const;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_CONFIG_H_
