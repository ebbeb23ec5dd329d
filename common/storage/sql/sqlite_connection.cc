#include "common/storage/sql/sqlite_connection.h"

#include <cerrno>
#include <utility>

#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/sql/placeholders.h"

namespace sda::sql {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
// Ends a statement's run, so that it holds neither a snapshot nor the texts bound to it.
struct ResetStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_reset(statement); }
};

using DatabaseHandle = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;
using Run = std::unique_ptr<sqlite3_stmt, ResetStatement>;

// The database's last error.
absl::Status LastError(sqlite3* database) {
  const int code = sqlite3_extended_errcode(database);
  const int os_error = sqlite3_system_errno(database);
  const auto error = [&](absl::StatusCode status, const char* reason) {
    return MakeError(status, absl::StrCat("database: ", sqlite3_errmsg(database)),
                     {.reason = reason, .metadata = {}, .violations = {}});
  };
  // A full disk reaches us under several names, one of them for the shared-memory file of the log.
  if (code == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE ||
      ((code & 0xff) == SQLITE_IOERR && os_error == ENOSPC)) {
    return error(absl::StatusCode::kResourceExhausted, "DISK_FULL");
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return error(absl::StatusCode::kUnavailable, "DATABASE_BUSY");
    case SQLITE_IOERR:
      return error(absl::StatusCode::kUnavailable, "DATABASE_IO");
    case SQLITE_CONSTRAINT:
      return error(absl::StatusCode::kAlreadyExists, "CONSTRAINT");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return error(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return error(absl::StatusCode::kFailedPrecondition, "DATABASE_NOT_WRITABLE");
    default:
      return error(absl::StatusCode::kInternal, "DATABASE_ERROR");
  }
}

struct Binder {
  sqlite3_stmt* statement;
  int position;

  int operator()(std::monostate) const { return sqlite3_bind_null(statement, position); }
  int operator()(int64_t value) const { return sqlite3_bind_int64(statement, position, value); }
  int operator()(double value) const { return sqlite3_bind_double(statement, position, value); }
  // The text outlives the run of the statement: no copy.
  int operator()(const std::string& value) const {
    return sqlite3_bind_text64(statement, position, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
};

Value ReadColumn(sqlite3_stmt* statement, int column, ColumnType type) {
  if (sqlite3_column_type(statement, column) == SQLITE_NULL) return Value(std::nullopt);
  switch (type) {
    case ColumnType::kInteger:
      return Value(static_cast<int64_t>(sqlite3_column_int64(statement, column)));
    case ColumnType::kDouble:
      return Value(sqlite3_column_double(statement, column));
    case ColumnType::kText:
      break;
  }
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return Value(std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement, column))));
}

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(DatabaseHandle database, std::function<void(int)> on_commit)
      : on_commit_(std::move(on_commit)), database_(std::move(database)) {
    if (on_commit_ == nullptr) return;
    // Takes the place of the hook by which SQLite checkpoints within a commit.
    const auto hook = [](void* self, sqlite3*, const char*, int pages) {
      static_cast<SqliteConnection*>(self)->on_commit_(pages);
      return SQLITE_OK;
    };
    sqlite3_wal_hook(database_.get(), hook, this);
  }

  Dialect dialect() const override { return Dialect::kSqlite; }

  absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& args) override {
    SDA_RETURN_IF_ERROR(RunAll(sql, args, {}, nullptr));
    return sqlite3_changes(database_.get());
  }

  // There is nobody to wait for: a call is a call.
  absl::Status Defer(std::string_view sql, const std::vector<Value>& args) override {
    return RunAll(sql, args, {}, nullptr);
  }
  absl::Status ReadAhead(std::string_view, const std::vector<Value>&) override { return absl::OkStatus(); }
  void DropDeferred() override {}

  absl::StatusOr<std::vector<std::vector<Value>>> Query(std::string_view sql, const std::vector<Value>& args,
                                                        const std::vector<ColumnType>& columns) override {
    std::vector<std::vector<Value>> rows;
    SDA_RETURN_IF_ERROR(RunAll(sql, args, columns, &rows));
    return rows;
  }

  bool InTransaction() const override { return sqlite3_get_autocommit(database_.get()) == 0; }
  bool IsBroken() const override { return false; }

 private:
  absl::StatusOr<sqlite3_stmt*> Prepare(std::string_view sql, size_t arguments) {
    const auto known = statements_.find(sql);
    if (known != statements_.end()) return known->second.get();
    const PositionalSql positional = ToPositional(sql, Dialect::kSqlite);
    if (positional.parameters != static_cast<int>(arguments)) {
      return absl::InternalError(absl::StrCat("database: ", positional.parameters, " parameters and ",
                                              arguments, " values: ", positional.text));
    }
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(database_.get(), positional.text.data(), static_cast<int>(positional.text.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return LastError(database_.get());
    statements_.emplace(std::string(sql), statement);
    return statement;
  }

  absl::Status RunAll(std::string_view sql, const std::vector<Value>& args,
                      const std::vector<ColumnType>& columns, std::vector<std::vector<Value>>* rows) {
    SDA_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(sql, args.size()));
    const Run run(statement);
    for (size_t i = 0; i < args.size(); ++i) {
      const int code = std::visit(Binder{statement, static_cast<int>(i) + 1}, args[i].content());
      if (code != SQLITE_OK) return LastError(database_.get());
    }
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && rows != nullptr &&
        sqlite3_column_count(statement) < static_cast<int>(columns.size()))
      return absl::InternalError(absl::StrCat("database: more columns wanted than there are: ", ToAbsl(sql)));
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
      if (rows == nullptr) continue;
      std::vector<Value>& row = rows->emplace_back();
      row.reserve(columns.size());
      for (size_t c = 0; c < columns.size(); ++c)
        row.push_back(ReadColumn(statement, static_cast<int>(c), columns[c]));
    }
    if (code != SQLITE_DONE) return LastError(database_.get());
    return absl::OkStatus();
  }

  std::function<void(int)> on_commit_;  // before the database, which calls it
  DatabaseHandle database_;
  StatementCache<StatementHandle> statements_;  // before the database they belong to
};

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> OpenSqlite(const std::string& path,
                                                       const SqliteOptions& options) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (options.read_only ? 0 : SQLITE_OPEN_CREATE);
  sqlite3* opened = nullptr;
  const int open_code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  DatabaseHandle database(opened);
  if (opened == nullptr) return absl::ResourceExhaustedError("database: out of memory");
  if (open_code != SQLITE_OK) return Annotate(LastError(opened), path);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, static_cast<int>(absl::ToInt64Milliseconds(options.busy_timeout)));
  // FULL syncs the log before each commit returns: what is acknowledged survives a power cut.
  const char* pragmas =
      options.read_only ? "PRAGMA query_only = ON"
                        : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
  if (sqlite3_exec(opened, pragmas, nullptr, nullptr, nullptr) != SQLITE_OK)
    return Annotate(LastError(opened), path);
  return std::make_unique<SqliteConnection>(std::move(database), options.on_commit);
}

}  // namespace sda::sql
