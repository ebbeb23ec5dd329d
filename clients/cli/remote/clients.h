#ifndef SDA_CLIENTS_CLI_REMOTE_CLIENTS_H_
#define SDA_CLIENTS_CLI_REMOTE_CLIENTS_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>

#include "clients/cli/core/person_error.h"
#include "common/base/status_macros.h"
#include "common/rpc/call.h"
#include "common/rpc/connection.h"
#include "sda/advisor/v1/advisor_service.grpc.pb.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"
#include "sda/preprocessing/v1/preprocessing_service.grpc.pb.h"
#include "sda/trainer/v1/trainer_service.grpc.pb.h"

namespace sda::cli {

// One service, and how patiently it is spoken to. Thread-safe but for set_patience.
template <class Service>
class ServiceClient {
 public:
  using Stub = typename Service::Stub;

  ServiceClient(std::string label, std::shared_ptr<rpc::Connection> connection, std::stop_token stop)
      : label_(std::move(label)),
        connection_(std::move(connection)),
        stub_(Service::NewStub(connection_->channel())),
        stop_(std::move(stop)) {}

  // How long calls are repeated while the service cannot be reached. Everything sent here is a read or
  // carries a request_id, so it may be.
  void set_patience(absl::Duration patience) { patience_ = patience; }

  // A unary call; errors are in words for people (ExplainCall). `patience` is another one for this call.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request,
                                std::optional<absl::Duration> patience = std::nullopt) {
    rpc::CallOptions options;
    options.retry_budget = patience.value_or(patience_);
    options.stop = stop_;
    auto response = rpc::Call<Response>(*connection_, *stub_, method, request, options);
    if (stop_.stop_requested() && !response.ok()) return absl::CancelledError("interrupted");
    if (!response.ok()) return Explain(response.status());
    return response;
  }

  absl::Status Explain(const absl::Status& status) const {
    return ExplainCall(status, label_, connection_->address());
  }

  Stub& stub() { return *stub_; }
  const rpc::Connection& connection() const { return *connection_; }
  std::stop_token stop() const { return stop_; }

 private:
  const std::string label_;
  const std::shared_ptr<rpc::Connection> connection_;
  const std::unique_ptr<Stub> stub_;
  const std::stop_token stop_;
  absl::Duration patience_ = absl::Seconds(5);
};

using AdvisorClient = ServiceClient<advisor::v1::AdvisorService>;
using OptimizerClient = ServiceClient<optimizer::v1::OptimizerService>;
using PreprocessingClient = ServiceClient<preprocessing::v1::PreprocessingService>;
using TrainerClient = ServiceClient<trainer::v1::TrainerService>;

// Reads all pages of a list: `call` is asked with each page's token until there is no next one; `take` gets
// each answer.
template <class Request, class Response>
absl::Status ForEachPage(Request request, const std::function<absl::StatusOr<Response>(const Request&)>& call,
                         const std::function<void(const Response&)>& take) {
  constexpr int kPageSize = 1000;
  request.set_page_size(kPageSize);
  while (true) {
    SDA_ASSIGN_OR_RETURN(const Response response, call(request));
    take(response);
    if (response.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(response.next_page_token());
  }
}

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_CLIENTS_H_
