#ifndef SDA_COMMON_RPC_SERVER_CONFIG_H_
#define SDA_COMMON_RPC_SERVER_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/rpc/flags.h"
#include "common/rpc/limits.h"

namespace sda::rpc {

// What every server can be told. The defaults serve one machine: loopback, no TLS, no token.
struct ServerConfig {
  std::string listen = "127.0.0.1:0";  // HOST:PORT; port 0 picks a free one
  std::string tls_cert;                // PEM files; cert and key together turn TLS on
  std::string tls_key;
  std::string tls_client_ca;  // asks clients for a certificate signed by one of these: mutual TLS
  std::string token_file;     // accepted bearer tokens, one a line, '#' begins a comment
  bool insecure = false;      // allows to listen beyond loopback without the above
  int64_t max_message_bytes = kDefaultMaxMessageBytes;
  int call_threads = 8;
  int max_queued_calls = kDefaultMaxQueuedCalls;
  int max_streams = kDefaultMaxStreams;
  absl::Duration call_deadline = kDefaultCallDeadline;
  absl::Duration drain_time = kDefaultDrainTime;
  std::string metrics_listen;  // HOST:PORT, empty for none
  std::string log_level = "info";
  std::string announce;          // file, see ServerRunner
  int64_t exit_with_parent = 0;  // process id of the supervisor, 0 for none

  // Declares all of them; `this` must outlive the parsing.
  void Declare(Flags& flags);
};

// INVALID_ARGUMENT unless the fields fit together: an address that reads HOST:PORT, key and certificate both
// or neither, and TLS with a token or client certificates, or `insecure`, where `listen` is not a loopback
// address.
absl::Status Validate(const ServerConfig& config);

// True for "localhost", 127.0.0.0/8 and ::1; `address` is HOST:PORT or [HOST]:PORT.
bool IsLoopback(std::string_view address);

// The tokens of a file: one a line, blank lines and those that begin with '#' passed over. NOT_FOUND, or
// INVALID_ARGUMENT for a file without a token or a token shorter than 16 characters.
absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& path);

// A whole small file, e.g. a certificate. NOT_FOUND or PERMISSION_DENIED name the path and `what` it was for.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::string_view what);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_SERVER_CONFIG_H_
