#ifndef SDA_COMMON_STORAGE_SQL_OWNER_LOCK_H_
#define SDA_COMMON_STORAGE_SQL_OWNER_LOCK_H_

#include <memory>
#include <string>

#include <absl/status/statusor.h>

namespace sda::sql {

// Holds `<path>.lock` exclusively: a SQLite database has one owning process, because leases are timed in its
// memory. The kernel releases the lock when the process ends, however it ends.
class OwnerLock {
 public:
  // FAILED_PRECONDITION DATABASE_IN_USE when another owner holds it; FAILED_PRECONDITION
  // DATABASE_NOT_WRITABLE when the lock file cannot be made.
  static absl::StatusOr<std::unique_ptr<OwnerLock>> Take(const std::string& path);
  ~OwnerLock();
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;

 private:
  explicit OwnerLock(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_OWNER_LOCK_H_
