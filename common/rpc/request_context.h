#ifndef SDA_COMMON_RPC_REQUEST_CONTEXT_H_
#define SDA_COMMON_RPC_REQUEST_CONTEXT_H_

#include <stop_token>
#include <string>
#include <utility>

#include <absl/time/time.h>

namespace sda::rpc {

// What a handler may know about the call it serves. Free of gRPC, so that handlers can be tested without a
// server. Thread-safe.
class RequestContext {
 public:
  // `deadline` is wall time. `stop` fires as stop_token() says.
  RequestContext(std::string request_id, std::string principal, absl::Time deadline, std::stop_token stop)
      : request_id_(std::move(request_id)),
        principal_(std::move(principal)),
        deadline_(deadline),
        stop_(std::move(stop)) {}

  // Names the call in logs on both sides; echoed to the client. Not the `request_id` field that makes
  // changing calls idempotent.
  const std::string& request_id() const { return request_id_; }

  // Who calls: the name in the client's certificate, "token" for a bearer token, "" where nobody had to say.
  const std::string& principal() const { return principal_; }

  // When nobody waits for the answer any more: the client's deadline, or the server's limit for calls without
  // one.
  absl::Time deadline() const { return deadline_; }

  // True once the client gave up, the deadline passed or the server stops. A handler that ends for this
  // returns CANCELLED; the caller is told which of the three it was.
  bool IsCancelled() const { return stop_.stop_requested(); }

  // Fires when IsCancelled() turns true: what a handler that waits hands to its wait.
  std::stop_token stop_token() const { return stop_; }

 private:
  const std::string request_id_;
  const std::string principal_;
  const absl::Time deadline_;
  const std::stop_token stop_;
};

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_REQUEST_CONTEXT_H_
