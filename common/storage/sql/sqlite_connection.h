#ifndef SDA_COMMON_STORAGE_SQL_SQLITE_CONNECTION_H_
#define SDA_COMMON_STORAGE_SQL_SQLITE_CONNECTION_H_

#include <functional>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/storage/sql/connection.h"

namespace sda::sql {

struct SqliteOptions {
  bool read_only = false;
  absl::Duration busy_timeout = absl::Seconds(10);
  // Called after each commit with the number of pages in the write-ahead log. Where it is set nothing moves
  // them into the database file by itself.
  std::function<void(int log_pages)> on_commit = {};
};

// Opens a SQLite file; it is created unless read_only. Its folder must exist.
absl::StatusOr<std::unique_ptr<Connection>> OpenSqlite(const std::string& path, const SqliteOptions& options);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_SQLITE_CONNECTION_H_
