#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_CONFIG_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_CONFIG_H_

#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/rpc/connection.h"
#include "common/rpc/flags.h"
#include "common/rpc/server_config.h"
#include "services/trainer_worker/server/prediction.h"
#include "services/trainer_worker/server/retention.h"
#include "services/trainer_worker/server/worker.h"

namespace sda::trainer {

// Settings of sda-trainer-worker.
struct Config {
  rpc::ServerConfig server;
  rpc::ClientConfig client;  // towards the optimizer
  std::string optimizer;     // HOST:PORT
  std::string artefacts;     // a local folder
  std::string worker_id;     // empty: host and process id
  int slots = 1;
  int threads_per_slot = 1;
  bool pin_threads = false;
  absl::Duration resource_wait = absl::Minutes(1);
  PredictionOptions prediction;
  Retention::Options retention;

  void Declare(rpc::Flags& flags);
};

// INVALID_ARGUMENT naming flag, value and rule: slots times threads must not exceed the cores.
absl::Status Validate(const Config& config, int cores);

// The worker that the settings describe, on this machine, which is measured.
Worker::Options WorkerOptions(const Config& config);

// The id to use where none is given: "HOST-PID".
std::string DefaultWorkerId();

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_CONFIG_H_
