#ifndef SDA_SERVICES_PREPROCESSING_SERVER_PREPROCESSING_SERVICE_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_PREPROCESSING_SERVICE_H_

#include <memory>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/rpc/call_environment.h"
#include "services/preprocessing/server/config.h"

namespace grpc {
class Service;
}

namespace sda::preprocessing {

// sda.preprocessing.v1.PreprocessingService over an artefact root. Thread-safe.
class PreprocessingServer {
 public:
  // Opens the root, takes hold of it and goes on with the jobs it holds. `clock` and `calls` must outlive
  // this.
  static absl::StatusOr<std::unique_ptr<PreprocessingServer>> Create(const Config& config, Clock& clock,
                                                                     rpc::CallEnvironment& calls);
  ~PreprocessingServer();

  grpc::Service& grpc_service();

  // OK while the artefact root can be read.
  absl::Status CheckReady() const;

  // Interrupts the jobs, which go on with the next process, and ends waits. Idempotent.
  void Stop();

 private:
  class Impl;
  explicit PreprocessingServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_PREPROCESSING_SERVICE_H_
