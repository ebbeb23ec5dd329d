#ifndef SDA_COMMON_RPC_UNARY_H_
#define SDA_COMMON_RPC_UNARY_H_

#include <functional>
#include <utility>

#include <absl/status/status.h>

#include "common/rpc/call_environment.h"
#include "common/rpc/method.h"
#include "common/rpc/request_context.h"

namespace grpc {
class CallbackServerContext;
class ServerUnaryReactor;
}  // namespace grpc

namespace sda::rpc {

using UnaryWork = std::function<absl::Status(RequestContext&)>;

// Serves one unary call of a callback service: authentication and deadline first, then `work` on the
// environment's bounded pool, then metrics, one line of log and the conversion of the status. A full pool
// answers RESOURCE_EXHAUSTED "SERVER_BUSY". Returns the reactor that the generated method must return.
grpc::ServerUnaryReactor* StartUnary(CallEnvironment& environment, grpc::CallbackServerContext* context,
                                     Method method, UnaryWork work);

// How a service writes a method:
//
//   grpc::ServerUnaryReactor* GetTrial(grpc::CallbackServerContext* context, const GetTrialRequest* request,
//                                      Trial* response) override {
//     return rpc::HandleUnary(calls_, context, request, response, "GetTrial",
//                             [this](const GetTrialRequest& request, Trial* response, rpc::RequestContext&
//                             call)
//                                 -> absl::Status { … });
//   }
//
// `handler` runs on a thread of its own and may block; what it captures must live until the call ends.
// Request and response live that long too. After an error the response is not sent.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* HandleUnary(CallEnvironment& environment, grpc::CallbackServerContext* context,
                                      const Request* request, Response* response, Method method,
                                      Handler handler) {
  return StartUnary(environment, context, method,
                    [request, response, handler = std::move(handler)](RequestContext& call) -> absl::Status {
                      return handler(*request, response, call);
                    });
}

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_UNARY_H_
