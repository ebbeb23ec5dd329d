#ifndef SDA_CLIENTS_CLI_PROCESS_AVAILABLE_CORES_H_
#define SDA_CLIENTS_CLI_PROCESS_AVAILABLE_CORES_H_

namespace sda::cli {

// Cores this process and its children may use: the affinity mask, cut to the container's quota. At least 1.
int AvailableCores();

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_AVAILABLE_CORES_H_
