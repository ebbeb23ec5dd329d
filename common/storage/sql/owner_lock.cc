#include "common/storage/sql/owner_lock.h"

#include <cerrno>
#include <system_error>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/error.h"

namespace sda::sql {

absl::StatusOr<std::unique_ptr<OwnerLock>> OwnerLock::Take(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  const int fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    const bool full = errno == ENOSPC;
    return MakeError(
        full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kFailedPrecondition,
        absl::StrCat(lock_path, ": ", std::generic_category().message(errno)),
        {.reason = full ? "DISK_FULL" : "DATABASE_NOT_WRITABLE", .metadata = {}, .violations = {}});
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(path, ": in use by another process; a database has one owner at a time"),
                     {.reason = "DATABASE_IN_USE", .metadata = {{"path", path}}, .violations = {}});
  }
  return std::unique_ptr<OwnerLock>(new OwnerLock(fd));
}

OwnerLock::~OwnerLock() {
  close(fd_);
}

}  // namespace sda::sql
