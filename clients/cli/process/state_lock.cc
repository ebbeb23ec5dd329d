#include "clients/cli/process/state_lock.h"

#include <cerrno>
#include <string>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

// A killed owner's children die with it; the kernel needs a moment to take them down.
constexpr absl::Duration kPatienceWithTheDead = absl::Seconds(10);
// IsHeld takes the lock for an instant.
constexpr absl::Duration kPatienceWithProbes = absl::Milliseconds(500);
constexpr absl::Duration kPause = absl::Milliseconds(20);

struct Owner {
  std::string name;
  pid_t pid = 0;
};

Owner ReadOwner(const std::string& path) {
  Owner owner;
  const auto text = ReadFile(path);
  if (!text.ok()) return owner;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    owner.name = json.value("owner", "");
    owner.pid = json.value("pid", 0);
  }
  return owner;
}

bool IsAlive(pid_t pid) {
  return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

absl::Status InUse(const StateLayout& layout, const Owner& owner) {
  if (owner.pid == 0)
    return absl::FailedPreconditionError(absl::StrCat(layout.folder, " is in use by another process"));
  return absl::FailedPreconditionError(
      absl::StrCat(layout.folder, " is in use by `", owner.name, "` (process ", owner.pid,
                   "); wait for it, stop it, or choose another folder with --state"));
}

absl::Status WriteOwner(int fd, const std::string& path, const std::string& owner) {
  nlohmann::ordered_json json;
  json["owner"] = owner;
  json["pid"] = getpid();
  const std::string text = json.dump() + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return FileError("cannot write", path, errno);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StateLock> StateLock::Acquire(const StateLayout& layout, const std::string& owner) {
  SDA_RETURN_IF_ERROR(MakeFolder(layout.folder));
  UniqueFd file(open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return FileError("cannot open", layout.lock(), errno);
  const absl::Time begin = absl::Now();
  while (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return FileError("cannot lock", layout.lock(), errno);
    const Owner present = ReadOwner(layout.lock());
    const absl::Duration patience = IsAlive(present.pid) ? kPatienceWithProbes : kPatienceWithTheDead;
    if (absl::Now() - begin > patience) return InUse(layout, present);
    absl::SleepFor(kPause);
  }
  SDA_RETURN_IF_ERROR(WriteOwner(file.get(), layout.lock(), owner));
  return StateLock(std::move(file));
}

bool StateLock::IsHeld(const StateLayout& layout) {
  const UniqueFd file(open(layout.lock().c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return false;
  return flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace sda::cli
