#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_OPTIMIZER_CLIENT_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_OPTIMIZER_CLIENT_H_

#include <memory>
#include <stop_token>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "sda/optimizer/v1/optimizer_service.pb.h"

namespace sda::rpc {
class Connection;
}

namespace sda::trainer {

// The optimizer's calls that a worker makes, one attempt each: who calls decides what is tried again. Errors
// carry their details (LEASE_LOST and the like). Thread-safe.
class OptimizerClient {
 public:
  explicit OptimizerClient(std::shared_ptr<rpc::Connection> connection);
  ~OptimizerClient();

  // Long poll: waits up to request.wait(); `stop` cuts it off.
  absl::StatusOr<optimizer::v1::AcquireTrialResponse> AcquireTrial(
      const optimizer::v1::AcquireTrialRequest& request, std::stop_token stop);
  // The same, but gives up soon: for the answer to a wish that was perhaps granted already.
  absl::StatusOr<optimizer::v1::AcquireTrialResponse> RepeatAcquireTrial(
      const optimizer::v1::AcquireTrialRequest& request, std::stop_token stop);
  absl::StatusOr<optimizer::v1::RenewLeaseResponse> RenewLease(
      const optimizer::v1::RenewLeaseRequest& request);
  absl::StatusOr<optimizer::v1::ReportMeasurementResponse> ReportMeasurement(
      const optimizer::v1::ReportMeasurementRequest& request);
  absl::StatusOr<optimizer::v1::CompleteTrialResponse> CompleteTrial(
      const optimizer::v1::CompleteTrialRequest& request);
  absl::StatusOr<optimizer::v1::FailTrialResponse> FailTrial(const optimizer::v1::FailTrialRequest& request);
  absl::StatusOr<optimizer::v1::ReleaseTrialResponse> ReleaseTrial(
      const optimizer::v1::ReleaseTrialRequest& request);
  absl::StatusOr<optimizer::v1::GetExperimentResponse> GetExperiment(
      const optimizer::v1::GetExperimentRequest& request);
  absl::StatusOr<optimizer::v1::ListTrialsResponse> ListTrials(
      const optimizer::v1::ListTrialsRequest& request);
  absl::StatusOr<optimizer::v1::ListBestTrialsResponse> ListBestTrials(
      const optimizer::v1::ListBestTrialsRequest& request);
  absl::StatusOr<optimizer::v1::CreateExperimentResponse> CreateExperiment(
      const optimizer::v1::CreateExperimentRequest& request);

  // OK once the optimizer has been ready for calls; afterwards a worker goes on without it.
  absl::Status CheckReached();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_OPTIMIZER_CLIENT_H_
