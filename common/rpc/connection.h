#ifndef SDA_COMMON_RPC_CONNECTION_H_
#define SDA_COMMON_RPC_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/rpc/flags.h"
#include "common/rpc/limits.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace sda::rpc {

// How a client proves who it is and checks whom it talks to. All empty: plain text, for loopback.
struct ClientConfig {
  std::string ca;    // PEM file of accepted issuers; setting it turns TLS on
  std::string cert;  // PEM files of the client's own certificate, for mutual TLS
  std::string key;
  std::string token_file;  // bearer token: the file's first one
  int64_t max_message_bytes = kDefaultMaxMessageBytes;

  // Declares --<prefix>ca, --<prefix>cert, --<prefix>key and --<prefix>token-file; e.g. prefix "client-".
  void Declare(Flags& flags, const std::string& prefix);
};

// A channel to one server and what each call on it carries. Thread-safe; reconnects by itself.
class Connection {
 public:
  // Does not wait for the server. INVALID_ARGUMENT for unreadable files or an address that is not HOST:PORT.
  static absl::StatusOr<std::shared_ptr<Connection>> Open(const std::string& address,
                                                          const ClientConfig& config);

  const std::string& address() const { return address_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Gives `context` a deadline, a request id for the logs (a new one when empty) and the token.
  void Prepare(grpc::ClientContext& context, absl::Duration timeout,
               const std::string& request_id = "") const;

 private:
  Connection(std::string address, std::shared_ptr<grpc::Channel> channel, std::string token);

  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::string token_;
};

// Asks grpc.health.v1 for `service` ("" for liveness). OK when it is SERVING, else UNAVAILABLE saying what it
// is.
absl::Status CheckHealth(const Connection& connection, const std::string& service, absl::Duration timeout);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_CONNECTION_H_
