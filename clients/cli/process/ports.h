#ifndef SDA_CLIENTS_CLI_PROCESS_PORTS_H_
#define SDA_CLIENTS_CLI_PROCESS_PORTS_H_

#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// `count` distinct loopback ports that nobody listens on. They lie outside the range from which the system
// gives ports to outgoing connections: a server that is restarted on its port would else find it taken now
// and then, even by a client's attempt to reach it. RESOURCE_EXHAUSTED where there are not enough.
absl::StatusOr<std::vector<int>> PickPorts(int count);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_PORTS_H_
