#ifndef SDA_SERVICES_OPTIMIZER_SERVER_OPTIMIZER_SERVICE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_OPTIMIZER_SERVICE_H_

#include <memory>

#include "common/rpc/call_environment.h"
#include "services/optimizer/server/engine.h"

namespace grpc {
class Service;
}

namespace sda::optimizer {

// sda.optimizer.v1.OptimizerService over an engine. Thread-safe.
class OptimizerServiceServer {
 public:
  // Both must outlive this.
  OptimizerServiceServer(Engine& engine, rpc::CallEnvironment& calls);
  ~OptimizerServiceServer();

  grpc::Service& grpc_service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_OPTIMIZER_SERVICE_H_
