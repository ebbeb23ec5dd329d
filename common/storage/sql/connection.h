#ifndef SDA_COMMON_STORAGE_SQL_CONNECTION_H_
#define SDA_COMMON_STORAGE_SQL_CONNECTION_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/sql/value.h"

namespace sda::sql {

enum class ColumnType { kInteger, kDouble, kText };

// Whose SQL is spoken. Statements keep to what both understand; where they must not, they ask.
enum class Dialect { kSqlite, kPostgres };

// One connection to a database, with its prepared statements kept by text. Errors are the same for every
// database:
//   RESOURCE_EXHAUSTED DISK_FULL · UNAVAILABLE DATABASE_BUSY, DATABASE_IO, DATABASE_UNREACHABLE ·
//   ABORTED TRANSACTION_CONFLICT (run the transaction again) · ALREADY_EXISTS CONSTRAINT ·
//   DATA_LOSS DATABASE_DAMAGED (damaged file, or not a database) ·
//   FAILED_PRECONDITION DATABASE_NOT_WRITABLE (read-only or unreachable file, missing rights) ·
//   INTERNAL DATABASE_ERROR
// Not thread-safe.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual Dialect dialect() const = 0;

  // Runs a statement without result rows; the number of rows it changed. Parameters are written `:name` in
  // `sql` and bound in order of appearance; each appearance takes one value.
  virtual absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& args) = 0;

  // Runs a statement whose result nobody needs before the next one's: it may be sent together with that one,
  // which spares the database's answer to be waited for. It is run before whatever comes after it, and its
  // errors come from there at the latest; CONSTRAINT then as TRANSACTION_CONFLICT. Nothing outside the
  // transaction is to depend on it.
  virtual absl::Status Defer(std::string_view sql, const std::vector<Value>& args) = 0;

  // Runs a query together with the next statement, so that a Query of the same text and values finds its rows
  // at hand. A hint: a statement that changes something in between makes them worthless, and they are read
  // again then.
  virtual absl::Status ReadAhead(std::string_view sql, const std::vector<Value>& args) = 0;

  // Forgets what was deferred and not sent, and what was read ahead.
  virtual void DropDeferred() = 0;

  // Runs a statement with result rows and reads them all. `columns` are the types wanted, one a result
  // column.
  virtual absl::StatusOr<std::vector<std::vector<Value>>> Query(std::string_view sql,
                                                                const std::vector<Value>& args,
                                                                const std::vector<ColumnType>& columns) = 0;

  // Whether a transaction is open. The database may end one by itself, on a full disk for example.
  virtual bool InTransaction() const = 0;

  // Whether the database was lost: this connection is of no more use.
  virtual bool IsBroken() const = 0;
};

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_CONNECTION_H_
