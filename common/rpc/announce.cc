#include "common/rpc/announce.h"

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/server_config.h"

namespace sda::rpc {

absl::Status WriteAnnounceFile(const std::string& path, const std::string& address,
                               const std::string& metrics_address) {
  const std::string temporary = absl::StrCat(path, ".", getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << nlohmann::ordered_json{{"address", address},
                                  {"metrics_address", metrics_address},
                                  {"pid", getpid()}}
               .dump()
        << '\n';
    out.flush();
    if (!out) {
      return absl::UnavailableError(
          absl::StrCat("cannot write ", temporary, ": ", std::generic_category().message(errno)));
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot write ", path, ": ", std::generic_category().message(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Announcement> ReadAnnounceFile(const std::string& path) {
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path, "a server's announcement"));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("address") || !json["address"].is_string() ||
      !json.contains("pid") || !json["pid"].is_number_integer()) {
    return InvalidField(path, "is no announcement of a server");
  }
  Announcement announcement;
  announcement.address = json["address"].get<std::string>();
  announcement.pid = json["pid"].get<int64_t>();
  if (json.contains("metrics_address") && json["metrics_address"].is_string()) {
    announcement.metrics_address = json["metrics_address"].get<std::string>();
  }
  return announcement;
}

}  // namespace sda::rpc
