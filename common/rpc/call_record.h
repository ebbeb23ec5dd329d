#ifndef SDA_COMMON_RPC_CALL_RECORD_H_
#define SDA_COMMON_RPC_CALL_RECORD_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/rpc/call_environment.h"
#include "common/rpc/method.h"
#include "common/rpc/request_context.h"

namespace grpc {
class CallbackServerContext;
class Status;
}  // namespace grpc

namespace sda::rpc {

// What every call has in common, unary or stream, from arrival to answer: request id, who calls, deadline,
// metrics and the one line of log. Used by HandleUnary and HandleServerStream only. Thread-safe but for
// Finish, called once.
class CallRecord {
 public:
  CallRecord(CallEnvironment& environment, grpc::CallbackServerContext* context, Method method,
             CallKind kind);
  ~CallRecord();
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  // Whether the handler shall run: UNAUTHENTICATED, DEADLINE_EXCEEDED, UNAVAILABLE once the server stops,
  // CANCELLED when the client left, or OK.
  absl::Status Admit() const;

  RequestContext& request() { return request_; }

  // Fires the request's token: the client is gone.
  void Cancel() { stop_.request_stop(); }

  // Runs the handler; an exception becomes INTERNAL, its text goes into the log only.
  absl::Status Guard(const std::function<absl::Status(RequestContext&)>& handler);

  // Counts and logs the call, and converts its status. A CANCELLED says why: UNAVAILABLE "SERVER_STOPPING"
  // when the server stops, DEADLINE_EXCEEDED when the time was over.
  grpc::Status Finish(absl::Status status);

 private:
  struct StopChain {
    std::stop_source& stop;
    void operator()() const { stop.request_stop(); }
  };

  CallEnvironment& environment_;
  const Method method_;
  const CallKind kind_;
  const absl::Duration start_;  // monotonic
  const bool authorized_;
  const std::string peer_;
  std::string exception_;  // set by Guard
  std::stop_source stop_;
  std::stop_callback<StopChain> server_stop_;
  RequestContext request_;
};

// The refusal of a call that finds every thread busy.
absl::Status ServerBusy(std::string_view what);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_CALL_RECORD_H_
