#ifndef SDA_CLIENTS_CLI_CORE_ANNOUNCEMENT_H_
#define SDA_CLIENTS_CLI_CORE_ANNOUNCEMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// What a running suite says of itself in DIR/local.json:
//
//   {"owner": "sda local", "pid": 4711, "artefacts": "/…/artefacts",
//    "services": {"advisor": {"address": "127.0.0.1:23001", "pid": 4715}, …},
//    "children": {"worker-1": {"service": "trainer", "address": "…", "pid": …}, …}}
//
// `services` names the first address of each service; `children` every process.
struct Announcement {
  struct Child {
    std::string name;
    std::string service;
    std::string address;
    int64_t pid = 0;  // 0 while it is being restarted

    bool operator==(const Child&) const = default;
  };

  std::string owner;  // "sda local" or "sda run"
  int64_t pid = 0;
  std::string artefacts;
  std::vector<Child> children;

  // Address of the first child that serves `service`, or "".
  std::string AddressOf(std::string_view service) const;

  bool operator==(const Announcement&) const = default;
};

std::string AnnouncementToJson(const Announcement& announcement);

// INVALID_ARGUMENT begins with `source`, a path.
absl::StatusOr<Announcement> AnnouncementFromJson(std::string_view json, const std::string& source);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_ANNOUNCEMENT_H_
