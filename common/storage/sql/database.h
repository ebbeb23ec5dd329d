#ifndef SDA_COMMON_STORAGE_SQL_DATABASE_H_
#define SDA_COMMON_STORAGE_SQL_DATABASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/status_macros.h"
#include "common/storage/sql/connection.h"
#include "common/storage/sql/row.h"

namespace sda::sql {

// The statements of one transaction. Valid only during the call of Database::Write or Read that made it.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Dialect dialect() const { return connection_.dialect(); }

  // As Connection::Execute.
  absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& args = {}) {
    return connection_.Execute(sql, args);
  }

  // As Connection::Defer: for statements whose effect the transaction itself does not look at.
  absl::Status Defer(std::string_view sql, const std::vector<Value>& args = {}) {
    return connection_.Defer(sql, args);
  }

  // As Connection::ReadAhead.
  absl::Status ReadAhead(std::string_view sql, const std::vector<Value>& args = {}) {
    return connection_.ReadAhead(sql, args);
  }

  // All result rows, each column converted to its type: bool, int64_t, double, std::string, Bytes, absl::Time
  // or an optional of one. NULL in a column that is not optional is INTERNAL.
  template <typename... Columns>
  absl::StatusOr<std::vector<std::tuple<Columns...>>> Query(std::string_view sql,
                                                            const std::vector<Value>& args = {}) {
    SDA_ASSIGN_OR_RETURN(auto rows, connection_.Query(sql, args, {internal::ColumnTypeOf<Columns>()...}));
    std::vector<std::tuple<Columns...>> converted;
    converted.reserve(rows.size());
    for (const std::vector<Value>& row : rows) {
      SDA_ASSIGN_OR_RETURN(auto tuple, internal::Convert<Columns...>(row));
      converted.push_back(std::move(tuple));
    }
    return converted;
  }

  // The first result row, or nothing.
  template <typename... Columns>
  absl::StatusOr<std::optional<std::tuple<Columns...>>> QueryOne(std::string_view sql,
                                                                 const std::vector<Value>& args = {}) {
    SDA_ASSIGN_OR_RETURN(auto rows, Query<Columns...>(sql, args));
    if (rows.empty()) return std::nullopt;
    return std::make_optional(std::move(rows.front()));
  }

 private:
  Connection& connection_;
};

// One step forward of a schema: the statements that lead from version - 1 to `version`, and then what no
// statement can say about the rows that are there.
struct Migration {
  int version = 0;
  std::vector<std::string> statements;
  std::function<absl::Status(Transaction&)> fill = {};
};

struct Schema {
  std::string component;              // "optimizer", "advisor"
  std::vector<Migration> migrations;  // versions 1, 2, 3 … in order
};

struct DatabaseOptions {
  int readers = 4;        // SQLite: connections for Read; more calls wait
  int max_group = 256;    // SQLite: writes committed together
  int log_pages = 16384;  // SQLite: length of the write-ahead log at which it is moved into the file (64 MiB)
  int connections = 16;   // PostgreSQL: for Read and Write; more calls wait
};

// A database of one component. Reads see one committed state and never wait for writes. Thread-safe.
//
// Durability: Write returns OK only after its commit is on disk.
//
// SQLite has one owning process and one writer, a thread of its own. Writes that arrive together share one
// commit (group commit): each runs in its own savepoint, so that one that fails leaves no trace and disturbs
// no other. PostgreSQL serves many processes: each Write is a transaction on a connection of its own, READ
// COMMITTED, so whoever decides by what he reads locks it first (FOR UPDATE). A database that went away is
// answered with UNAVAILABLE DATABASE_UNREACHABLE and found again by itself.
class Database {
 public:
  using WriteFunction = std::function<absl::Status(Transaction&)>;
  using ReadFunction = std::function<absl::Status(Transaction&)>;

  // Opens the database at `url` and brings its schema up to date: a SQLite file (a path, or sqlite:///path),
  // made with its folder where missing, or postgresql://user@host:port/database. Errors beyond Connection's:
  //   FAILED_PRECONDITION DATABASE_IN_USE, SCHEMA_TOO_NEW (made by a newer program), WRONG_COMPONENT ·
  //   INVALID_ARGUMENT for a URL of a kind that this build does not serve
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& url, const Schema& schema,
                                                        const DatabaseOptions& options = {});

  // Waits for writes under way.
  virtual ~Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  virtual Dialect dialect() const = 0;

  // Runs `function` in a transaction and commits it when it returns OK; otherwise nothing of it stays and its
  // status is returned. `function` may run more than once, so it must only touch the transaction and values
  // that it sets anew on each run; ABORTED TRANSACTION_CONFLICT asks for another run. It may run on the
  // writer's thread and must neither block nor call Write. After UNAVAILABLE the change may be there all the
  // same: only a repeated call can tell, by its request id.
  virtual absl::Status Write(WriteFunction function) = 0;

  // Runs `function` on one consistent snapshot; it cannot change anything.
  virtual absl::Status Read(const ReadFunction& function) = 0;

 protected:
  Database() = default;
};

// Whether the URL is one of PostgreSQL.
bool IsPostgresUrl(const std::string& url);

// The file behind a URL of SQLite.
absl::StatusOr<std::string> SqlitePath(const std::string& url);

// The status that asks Write to run its transaction again.
absl::Status TransactionConflict(std::string_view what);
bool IsTransactionConflict(const absl::Status& status);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_DATABASE_H_
