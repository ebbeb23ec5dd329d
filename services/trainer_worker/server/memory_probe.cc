#include "services/trainer_worker/server/memory_probe.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>

#include <sys/statvfs.h>

namespace sda::trainer {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
// Control groups of version 1 write their largest number for "no limit".
constexpr int64_t kHighestLimit = int64_t{1} << 60;

// The number behind `key` in lines "key number" or "key: number"; nothing where there is none.
std::optional<int64_t> ValueOf(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    int64_t value = 0;
    if (!(words >> word >> value)) continue;
    if (word.ends_with(':')) word.pop_back();
    if (word == key) return value;
  }
  return std::nullopt;
}

std::optional<int64_t> NumberIn(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

// What is left of a control group's limit. Its usage counts cached files, which the kernel drops first.
int64_t LeftOfGroup(const std::string& limit, const std::string& usage, const std::string& stat,
                    std::string_view prefix) {
  const std::optional<int64_t> most = NumberIn(limit), used = NumberIn(usage);
  if (!most || !used || *most >= kHighestLimit) return kUnlimited;
  int64_t cached = 0;
  for (const char* kind : {"inactive_file", "active_file"})
    cached += ValueOf(stat, std::string(prefix) + kind).value_or(0);
  return std::max<int64_t>(0, *most - std::max<int64_t>(0, *used - cached));
}

}  // namespace

MemoryReading ReadMemory(const std::string& root) {
  MemoryReading reading;
  const std::string group = root + "/sys/fs/cgroup/";
  const auto machine = ValueOf(root + "/proc/meminfo", "MemAvailable");
  reading.available =
      std::min({machine ? *machine * 1024 : kUnlimited,
                LeftOfGroup(group + "memory.max", group + "memory.current", group + "memory.stat", ""),
                LeftOfGroup(group + "memory/memory.limit_in_bytes", group + "memory/memory.usage_in_bytes",
                            group + "memory/memory.stat", "total_")});
  reading.process = ValueOf(root + "/proc/self/status", "RssAnon").value_or(0) * 1024;
  return reading;
}

int64_t FreeDiskBytes(const std::string& folder) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) return kUnlimited;
  return static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
}

}  // namespace sda::trainer
