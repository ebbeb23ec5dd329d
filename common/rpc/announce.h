#ifndef SDA_COMMON_RPC_ANNOUNCE_H_
#define SDA_COMMON_RPC_ANNOUNCE_H_

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace sda::rpc {

// Where a server can be reached, as it says in the file that --announce names.
struct Announcement {
  std::string address;          // "127.0.0.1:40001"
  std::string metrics_address;  // "" without a metrics endpoint
  int64_t pid = 0;
};

// Writes the calling process's announcement, visible all at once.
absl::Status WriteAnnounceFile(const std::string& path, const std::string& address,
                               const std::string& metrics_address);

// NOT_FOUND while there is none, INVALID_ARGUMENT for a file of another kind.
absl::StatusOr<Announcement> ReadAnnounceFile(const std::string& path);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_ANNOUNCE_H_
