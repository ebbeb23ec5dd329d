#include "clients/cli/process/ports.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "clients/cli/process/file_io.h"

namespace sda::cli {
namespace {

struct Range {
  int low;
  int high;  // inclusive
};

// The widest registered ports that are not ephemeral; Linux gives out 32768 to 60999 unless told otherwise.
Range CandidatePorts() {
  constexpr int kLowest = 20000;
  constexpr int kHighest = 65535;
  constexpr int kEnough = 1000;
  Range ephemeral = {32768, 60999};
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  file >> ephemeral.low >> ephemeral.high;
  if (ephemeral.low - kLowest >= kEnough) return {kLowest, ephemeral.low - 1};
  if (kHighest - ephemeral.high >= kEnough) return {ephemeral.high + 1, kHighest};
  return {kLowest, kHighest};
}

// A socket bound to the port, or none where it is taken. SO_REUSEADDR passes over connections that are being
// forgotten, as servers do, but not over listeners.
UniqueFd TryBind(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), 1) != 0) {
    return UniqueFd();
  }
  return fd;
}

}  // namespace

absl::StatusOr<std::vector<int>> PickPorts(int count) {
  const Range range = CandidatePorts();
  const int size = range.high - range.low + 1;
  std::random_device random;
  const int begin = static_cast<int>(random() % static_cast<unsigned>(size));
  std::vector<int> ports;
  std::vector<UniqueFd> held;  // until all are picked, so that they are distinct
  for (int i = 0; i < size && static_cast<int>(ports.size()) < count; ++i) {
    const int port = range.low + (begin + i) % size;
    if (UniqueFd fd = TryBind(port); fd.valid()) {
      ports.push_back(port);
      held.push_back(std::move(fd));
    }
  }
  if (static_cast<int>(ports.size()) < count)
    return absl::ResourceExhaustedError("no free ports on the loopback interface");
  return ports;
}

}  // namespace sda::cli
