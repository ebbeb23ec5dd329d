#include "common/rpc/server_config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"

namespace sda::rpc {
namespace {

std::string HostOf(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

absl::Status CheckAddress(std::string_view field, std::string_view address) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(ToAbsl(address.substr(colon + 1)), &port) || port < 0 || port > 65535) {
    return InvalidField(field,
                        absl::StrCat("\"", ToAbsl(address),
                                     "\" is not allowed; must be HOST:PORT with a port from 0 to 65535"));
  }
  return absl::OkStatus();
}

}  // namespace

void ServerConfig::Declare(Flags& flags) {
  flags.Text("listen", &listen, "Address to serve gRPC on, HOST:PORT; port 0 picks a free one");
  flags.Text("tls-cert", &tls_cert, "PEM file with the server's certificate chain; turns TLS on");
  flags.Text("tls-key", &tls_key, "PEM file with the certificate's private key");
  flags.Text("tls-client-ca", &tls_client_ca,
             "PEM file of issuers; clients must then show a certificate (mutual TLS)");
  flags.Text("token-file", &token_file,
             "File of accepted bearer tokens, one a line; calls must then carry one");
  flags.Switch("insecure", &insecure, "Allow to listen beyond loopback without TLS and authentication");
  flags.Bytes("max-message", &max_message_bytes, "Largest request or reply", 64 << 10, 1 << 30);
  flags.Integer("call-threads", &call_threads, "Threads that run handlers", 1, 1024);
  flags.Integer("max-queued-calls", &max_queued_calls, "Calls that may wait for a thread", 0, 1'000'000);
  flags.Integer("max-streams", &max_streams, "Watching streams at one time", 1, 10'000);
  flags.Duration("call-deadline", &call_deadline, "Deadline of calls that name none", absl::Milliseconds(1),
                 absl::Hours(24));
  flags.Duration("drain-time", &drain_time, "Time that running calls get to end when the server stops",
                 absl::ZeroDuration(), absl::Hours(1));
  flags.Text("metrics-listen", &metrics_listen,
             "Address to serve Prometheus metrics on, HOST:PORT; empty for none");
  flags.Choice("log-level", &log_level, "Lowest level that is logged", {"debug", "info", "warning", "error"});
  flags.Text("announce", &announce, "File to write the address to, as JSON, once ready");
  flags.Integer("exit-with-parent", &exit_with_parent,
                "Process id of the parent: stop when it is gone; 0 for never", int64_t{0}, int64_t{1} << 31);
}

bool IsLoopback(std::string_view address) {
  const std::string host = HostOf(address);
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::Status Validate(const ServerConfig& config) {
  SDA_RETURN_IF_ERROR(CheckAddress("listen", config.listen));
  if (!config.metrics_listen.empty())
    SDA_RETURN_IF_ERROR(CheckAddress("metrics-listen", config.metrics_listen));
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return InvalidField(config.tls_cert.empty() ? "tls-cert" : "tls-key",
                        "is missing; certificate and key must be given together");
  }
  if (!config.tls_client_ca.empty() && config.tls_cert.empty()) {
    return InvalidField("tls-client-ca", "needs tls-cert and tls-key");
  }
  if (config.insecure || IsLoopback(config.listen)) return absl::OkStatus();
  if (config.tls_cert.empty()) {
    return InvalidField("listen",
                        absl::StrCat("\"", config.listen,
                                     "\" is reachable from other machines and TLS is off; set tls-cert and "
                                     "tls-key, listen on 127.0.0.1, or allow it with --insecure"));
  }
  if (config.tls_client_ca.empty() && config.token_file.empty()) {
    return InvalidField("listen",
                        absl::StrCat("\"", config.listen,
                                     "\" is reachable from other machines and anybody may call; set "
                                     "token-file or tls-client-ca, or allow it with --insecure"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::string_view what) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.str().empty()) {
    const int error = errno;
    const std::string message =
        absl::StrCat("cannot read ", ToAbsl(what), " from ", path, ": ",
                     in && error == 0 ? "the file is empty" : std::generic_category().message(error));
    if (error == EACCES) return absl::PermissionDeniedError(message);
    if (error == ENOENT) return absl::NotFoundError(message);
    return absl::InvalidArgumentError(message);
  }
  return text.str();
}

absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& path) {
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path, "bearer tokens"));
  constexpr size_t kShortest = 16;  // anything shorter can be guessed
  std::vector<std::string> tokens;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (line.size() < kShortest) {
      return InvalidField(
          absl::StrCat(path, ":", line_number),
          absl::StrCat("the token has ", line.size(), " characters; must be at least ", kShortest));
    }
    tokens.emplace_back(line);
  }
  if (tokens.empty()) return InvalidField(path, "holds no token; one a line is expected");
  return tokens;
}

}  // namespace sda::rpc
