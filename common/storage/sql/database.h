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

  // As Connection::Execute.
  absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& args = {}) {
    return connection_.Execute(sql, args);
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

// One step forward of a schema: the statements that lead from version - 1 to `version`.
struct Migration {
  int version = 0;
  std::vector<std::string> statements;
};

struct Schema {
  std::string component;              // "optimizer", "advisor"
  std::vector<Migration> migrations;  // versions 1, 2, 3 … in order
};

struct DatabaseOptions {
  int readers = 4;     // connections for Read; more calls wait
  int max_group = 64;  // writes committed together
};

// A database of one component: one writer, several readers that see the last committed state and never wait
// for the writer. Thread-safe.
//
// Durability: Write returns OK only after its commit is on disk. Writes that arrive together share one commit
// (group commit): each runs in its own savepoint, so that one that fails leaves no trace and disturbs no
// other.
class Database {
 public:
  using WriteFunction = std::function<absl::Status(Transaction&)>;
  using ReadFunction = std::function<absl::Status(Transaction&)>;

  // Opens the SQLite file at `url` (a path, or sqlite:///path), creates it with its folder where missing, and
  // brings its schema up to date. Errors beyond Connection's:
  //   FAILED_PRECONDITION DATABASE_IN_USE, SCHEMA_TOO_NEW (made by a newer program), WRONG_COMPONENT ·
  //   INVALID_ARGUMENT for a URL of a kind that this build does not serve
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& url, const Schema& schema,
                                                        const DatabaseOptions& options = {});

  // Waits for writes under way.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs `function` in a transaction and commits it when it returns OK; otherwise nothing of it stays and its
  // status is returned. `function` may run more than once, so it must only touch the transaction and values
  // that it sets anew on each run. It runs on the writer's thread and must neither block nor call Write.
  absl::Status Write(WriteFunction function);

  // Runs `function` on one consistent snapshot; it cannot change anything.
  absl::Status Read(const ReadFunction& function);

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// The file behind a URL that Database::Open takes.
absl::StatusOr<std::string> SqlitePath(const std::string& url);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_DATABASE_H_
