#ifndef SDA_COMMON_STORAGE_SQL_CONNECTION_H_
#define SDA_COMMON_STORAGE_SQL_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/storage/sql/value.h"

namespace sda::sql {

enum class ColumnType { kInteger, kDouble, kText };

struct ConnectionOptions {
  bool read_only = false;
  absl::Duration busy_timeout = absl::Seconds(10);
};

// One connection to a database, with its prepared statements kept by text. The only place that names SOCI:
// its exceptions become statuses here, once.
//   RESOURCE_EXHAUSTED DISK_FULL · UNAVAILABLE DATABASE_BUSY, DATABASE_IO · ALREADY_EXISTS (a constraint) ·
//   DATA_LOSS (damaged file, or not a database) · FAILED_PRECONDITION (read-only or unreachable file) ·
//   INTERNAL
// Not thread-safe.
class Connection {
 public:
  // `path` is a SQLite file, without a double quote in its name; it is created unless read_only. Its folder
  // must exist.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path,
                                                          const ConnectionOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs a statement without result rows; the number of rows it changed. Parameters are written `:name` in
  // `sql` and bound in order of appearance; each appearance takes one value.
  absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& args);

  // Runs a statement with result rows and reads them all. `columns` are the types wanted, one a result
  // column.
  absl::StatusOr<std::vector<std::vector<Value>>> Query(std::string_view sql, const std::vector<Value>& args,
                                                        const std::vector<ColumnType>& columns);

  // Whether a transaction is open. The database may end one by itself, on a full disk for example.
  bool InTransaction() const;

 private:
  struct State;
  explicit Connection(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_CONNECTION_H_
