#include "common/rpc/listen_error.h"

#include <cerrno>
#include <system_error>

#include <absl/strings/str_cat.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"

namespace sda::rpc {
namespace {

absl::Status Failure(const std::string& address, const std::string& why, const char* reason) {
  return MakeError(absl::StatusCode::kUnavailable, absl::StrCat("cannot listen on ", address, ": ", why),
                   {.reason = reason, .metadata = {{"address", address}}, .violations = {}});
}

}  // namespace

absl::Status ExplainListenFailure(const std::string& address, bool tls) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
      error != 0) {
    return Failure(address,
                   absl::StrCat("the host is not known (", gai_strerror(error),
                                "); give an address of this machine with --listen"),
                   "HOST_UNKNOWN");
  }
  int failed = 0;
  for (const addrinfo* a = found; a != nullptr && failed == 0; a = a->ai_next) {
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd, 1) != 0) failed = errno;
    close(fd);
  }
  freeaddrinfo(found);
  switch (failed) {
    case EADDRINUSE:
      return Failure(
          address,
          "the port is in use by another process; stop it or choose another port with --listen (port 0 picks "
          "a free one)",
          "PORT_IN_USE");
    case EACCES:
      return Failure(address, "not permitted; choose a port above 1023 with --listen", "PORT_NOT_PERMITTED");
    case EADDRNOTAVAIL:
      return Failure(address,
                     "no network interface of this machine has that address; choose another with --listen",
                     "ADDRESS_NOT_LOCAL");
    case 0:
      return Failure(address,
                     tls ? "the certificate or its key was refused; both must be PEM and belong together"
                         : "gRPC could not bind it; its reason is in the log",
                     "LISTEN_FAILED");
    default:
      return Failure(address, std::generic_category().message(failed), "LISTEN_FAILED");
  }
}

}  // namespace sda::rpc
