#include "services/trainer_worker/server/optimizer_client.h"

#include <atomic>
#include <utility>

#include <grpcpp/channel.h>

#include "common/rpc/call.h"
#include "common/rpc/connection.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"

namespace sda::trainer {
namespace {

using optimizer::v1::OptimizerService;
using Stub = OptimizerService::Stub;

// A changing call waits for a commit on disk at most; beyond this the optimizer counts as away.
constexpr absl::Duration kCallTimeout = absl::Seconds(10);
// What a long poll's deadline exceeds its wait by.
constexpr absl::Duration kPollMargin = absl::Seconds(10);
// What was granted is looked up, no more.
constexpr absl::Duration kRepeatTimeout = absl::Milliseconds(500);
constexpr absl::Duration kHealthTimeout = absl::Seconds(2);

}  // namespace

struct OptimizerClient::State {
  std::shared_ptr<rpc::Connection> connection;
  std::unique_ptr<Stub> stub;
  std::atomic<bool> reached = false;

  template <class Response, class Request>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    return rpc::Call<Response>(*connection, *stub, method, request, {.timeout = kCallTimeout});
  }
};

OptimizerClient::OptimizerClient(std::shared_ptr<rpc::Connection> connection)
    : state_(std::make_unique<State>()) {
  state_->stub = OptimizerService::NewStub(connection->channel());
  state_->connection = std::move(connection);
}

OptimizerClient::~OptimizerClient() = default;

absl::StatusOr<optimizer::v1::AcquireTrialResponse> OptimizerClient::AcquireTrial(
    const optimizer::v1::AcquireTrialRequest& request, std::stop_token stop) {
  const absl::Duration wait = absl::Seconds(request.wait().seconds());
  return rpc::Call<optimizer::v1::AcquireTrialResponse>(
      *state_->connection, *state_->stub, &Stub::AcquireTrial, request,
      {.timeout = wait + kPollMargin, .stop = std::move(stop)});
}

absl::StatusOr<optimizer::v1::AcquireTrialResponse> OptimizerClient::RepeatAcquireTrial(
    const optimizer::v1::AcquireTrialRequest& request, std::stop_token stop) {
  return rpc::Call<optimizer::v1::AcquireTrialResponse>(*state_->connection, *state_->stub,
                                                        &Stub::AcquireTrial, request,
                                                        {.timeout = kRepeatTimeout, .stop = std::move(stop)});
}

absl::StatusOr<optimizer::v1::RenewLeaseResponse> OptimizerClient::RenewLease(
    const optimizer::v1::RenewLeaseRequest& request) {
  return state_->Call(&Stub::RenewLease, request);
}

absl::StatusOr<optimizer::v1::ReportMeasurementResponse> OptimizerClient::ReportMeasurement(
    const optimizer::v1::ReportMeasurementRequest& request) {
  return state_->Call(&Stub::ReportMeasurement, request);
}

absl::StatusOr<optimizer::v1::CompleteTrialResponse> OptimizerClient::CompleteTrial(
    const optimizer::v1::CompleteTrialRequest& request) {
  return state_->Call(&Stub::CompleteTrial, request);
}

absl::StatusOr<optimizer::v1::FailTrialResponse> OptimizerClient::FailTrial(
    const optimizer::v1::FailTrialRequest& request) {
  return state_->Call(&Stub::FailTrial, request);
}

absl::StatusOr<optimizer::v1::ReleaseTrialResponse> OptimizerClient::ReleaseTrial(
    const optimizer::v1::ReleaseTrialRequest& request) {
  return state_->Call(&Stub::ReleaseTrial, request);
}

absl::StatusOr<optimizer::v1::GetExperimentResponse> OptimizerClient::GetExperiment(
    const optimizer::v1::GetExperimentRequest& request) {
  return state_->Call(&Stub::GetExperiment, request);
}

absl::StatusOr<optimizer::v1::ListTrialsResponse> OptimizerClient::ListTrials(
    const optimizer::v1::ListTrialsRequest& request) {
  return state_->Call(&Stub::ListTrials, request);
}

absl::StatusOr<optimizer::v1::ListBestTrialsResponse> OptimizerClient::ListBestTrials(
    const optimizer::v1::ListBestTrialsRequest& request) {
  return state_->Call(&Stub::ListBestTrials, request);
}

absl::StatusOr<optimizer::v1::CreateExperimentResponse> OptimizerClient::CreateExperiment(
    const optimizer::v1::CreateExperimentRequest& request) {
  return state_->Call(&Stub::CreateExperiment, request);
}

absl::Status OptimizerClient::CheckReached() {
  if (state_->reached) return absl::OkStatus();
  absl::Status status =
      rpc::CheckHealth(*state_->connection, "sda.optimizer.v1.OptimizerService", kHealthTimeout);
  if (status.ok()) state_->reached = true;
  return status;
}

}  // namespace sda::trainer
