#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_TRAINER_SERVICE_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_TRAINER_SERVICE_H_

#include <memory>

#include "common/rpc/call_environment.h"
#include "services/trainer_worker/server/artefact_folders.h"
#include "services/trainer_worker/server/optimizer_client.h"
#include "services/trainer_worker/server/prediction.h"
#include "services/trainer_worker/server/worker.h"

namespace grpc {
class Service;
}

namespace sda::trainer {

// sda.trainer.v1.TrainerService over a worker. Thread-safe.
class TrainerServiceServer {
 public:
  struct Dependencies {
    const Worker& worker;
    OptimizerClient& optimizer;
    ArtefactFolders folders;
    int threads = 1;  // of an evaluation
    PredictionOptions prediction = {};
  };

  // All must outlive this.
  TrainerServiceServer(Dependencies dependencies, rpc::CallEnvironment& calls);
  ~TrainerServiceServer();

  grpc::Service& grpc_service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_TRAINER_SERVICE_H_
