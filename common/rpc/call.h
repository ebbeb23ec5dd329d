#ifndef SDA_COMMON_RPC_CALL_H_
#define SDA_COMMON_RPC_CALL_H_

#include <stop_token>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include "common/base/clock.h"
#include "common/rpc/connection.h"
#include "common/rpc/error_details.h"
#include "common/rpc/retry.h"

namespace sda::rpc {

struct CallOptions {
  absl::Duration timeout = absl::Seconds(30);  // of one attempt
  absl::Duration retry_budget =
      absl::ZeroDuration();     // 0: one attempt only; see Retry for what may be repeated
  std::string request_id = {};  // for the logs; a new one when empty
  std::stop_token stop = {};    // cuts off the waits between attempts, and the attempt
};

// One unary call through a generated stub, errors as absl::Status with their details:
//
//   SDA_ASSIGN_OR_RETURN(auto trial, rpc::Call<Trial>(connection, *stub, &TrialService::Stub::GetTrial,
//   request));
template <class Response, class Stub, class Request>
absl::StatusOr<Response> Call(const Connection& connection, Stub& stub,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                              const Request& request, const CallOptions& options = {}) {
  Response response;
  const auto attempt = [&]() -> absl::Status {
    grpc::ClientContext context;
    connection.Prepare(context, options.timeout, options.request_id);
    const auto cancel = [&context] { context.TryCancel(); };
    std::stop_callback<decltype(cancel)> on_stop(options.stop, cancel);
    response.Clear();
    return FromGrpcStatus((stub.*method)(&context, request, &response));
  };
  absl::Status status = options.retry_budget > absl::ZeroDuration()
                            ? Retry({.budget = options.retry_budget}, RealClock::Get(), options.stop, attempt)
                            : attempt();
  if (!status.ok()) return status;
  return response;
}

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_CALL_H_
