#ifndef SDA_SERVICES_ADVISOR_SERVER_CONFIG_H_
#define SDA_SERVICES_ADVISOR_SERVER_CONFIG_H_

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/rpc/connection.h"
#include "common/rpc/flags.h"
#include "common/rpc/server_config.h"

namespace sda::advisor {

// Settings of sda-advisor.
struct Config {
  rpc::ServerConfig server;
  rpc::ClientConfig client;  // towards the other services
  std::string optimizer;     // HOST:PORT
  std::string preprocessing;
  std::vector<std::string> trainers;  // tried in turn
  std::string artefacts;              // a folder or a URI
  std::string database;               // file or URL
  absl::Duration retry_budget = absl::Minutes(10);
  int run_threads = 8;

  void Declare(rpc::Flags& flags);
};

// INVALID_ARGUMENT naming flag, value and rule.
absl::Status Validate(const Config& config);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_CONFIG_H_
