#include "common/storage/sql/connection.h"

#include <cerrno>
#include <deque>
#include <exception>
#include <unordered_map>
#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
// SOCI's exchange of Boost types is all templates in its headers; without it those headers need no Boost.
#include <soci/soci-config.h>
#undef SOCI_HAVE_BOOST
#undef SOCI_HAVE_BOOST_DATE_TIME
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"

namespace sda::sql {
namespace {

// A bound parameter or result column. SOCI keeps its address, so it never moves.
struct Cell {
  ColumnType type = ColumnType::kText;
  long long integer = 0;
  double real = 0;
  std::string text;
  soci::indicator indicator = soci::i_ok;

  void Set(const Value& value) {
    indicator = soci::i_ok;
    if (const auto* i = std::get_if<int64_t>(&value.content())) {
      integer = *i;
    } else if (const auto* d = std::get_if<double>(&value.content())) {
      real = *d;
    } else if (const auto* s = std::get_if<std::string>(&value.content())) {
      text = *s;
    } else {
      indicator = soci::i_null;
    }
  }

  Value Get() const {
    if (indicator == soci::i_null) return Value(std::nullopt);
    switch (type) {
      case ColumnType::kInteger:
        return Value(static_cast<int64_t>(integer));
      case ColumnType::kDouble:
        return Value(real);
      case ColumnType::kText:
        return Value(text);
    }
    return Value(std::nullopt);
  }
};

ColumnType TypeOf(const Value& value) {
  if (std::holds_alternative<int64_t>(value.content())) return ColumnType::kInteger;
  if (std::holds_alternative<double>(value.content())) return ColumnType::kDouble;
  return ColumnType::kText;
}

struct Prepared {
  explicit Prepared(soci::session& session) : statement(session) {}

  soci::statement statement;
  std::deque<Cell> in;
  std::deque<Cell> out;
};

// Statements differ by text and by the types bound to them.
std::string CacheKey(std::string_view sql, const std::vector<Value>& args) {
  std::string key;
  key.reserve(args.size() + 1 + sql.size());
  for (const Value& arg : args) key += static_cast<char>('0' + arg.content().index());
  key += ' ';
  key += sql;
  return key;
}

absl::Status StatusFromSqlite(int code, int os_error, const char* what) {
  const auto error = [&](absl::StatusCode status, const char* reason) {
    return MakeError(status, absl::StrCat("database: ", what),
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

}  // namespace

Value::Value(const Bytes& value) : content_(absl::Base64Escape(value.data)) {}

struct Connection::State {
  soci::session session;
  std::unordered_map<std::string, std::unique_ptr<Prepared>> statements;

  ~State() { statements.clear(); }  // before the session they belong to

  // The library keeps the type information of its session hidden, which the check would need.
  __attribute__((no_sanitize("vptr"))) sqlite_api::sqlite3* Handle() {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
  }

  absl::Status FromException(const std::exception& e) {
    if (const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&e)) {
      int code = error->result();
      int os_error = 0;
      if (session.get_backend() != nullptr && Handle() != nullptr) {
        os_error = sqlite_api::sqlite3_system_errno(Handle());
        const int extended = sqlite_api::sqlite3_extended_errcode(Handle());
        if ((extended & 0xff) == code) code = extended;
      }
      return StatusFromSqlite(code, os_error, e.what());
    }
    return MakeError(absl::StatusCode::kInternal, absl::StrCat("database: ", e.what()),
                     {.reason = "DATABASE_ERROR", .metadata = {}, .violations = {}});
  }

  Prepared& Prepare(std::string_view sql, const std::vector<Value>& args,
                    const std::vector<ColumnType>& columns, const std::string& key) {
    auto prepared = std::make_unique<Prepared>(session);
    for (const Value& arg : args) {
      Cell& cell = prepared->in.emplace_back();
      cell.type = TypeOf(arg);
      switch (cell.type) {
        case ColumnType::kInteger:
          prepared->statement.exchange(soci::use(cell.integer, cell.indicator));
          break;
        case ColumnType::kDouble:
          prepared->statement.exchange(soci::use(cell.real, cell.indicator));
          break;
        case ColumnType::kText:
          prepared->statement.exchange(soci::use(cell.text, cell.indicator));
          break;
      }
    }
    for (ColumnType type : columns) {
      Cell& cell = prepared->out.emplace_back();
      cell.type = type;
      switch (type) {
        case ColumnType::kInteger:
          prepared->statement.exchange(soci::into(cell.integer, cell.indicator));
          break;
        case ColumnType::kDouble:
          prepared->statement.exchange(soci::into(cell.real, cell.indicator));
          break;
        case ColumnType::kText:
          prepared->statement.exchange(soci::into(cell.text, cell.indicator));
          break;
      }
    }
    prepared->statement.alloc();
    prepared->statement.prepare(std::string(sql));
    prepared->statement.define_and_bind();
    return *(statements[key] = std::move(prepared));
  }

  absl::StatusOr<int64_t> Run(std::string_view sql, const std::vector<Value>& args,
                              const std::vector<ColumnType>& columns, std::vector<std::vector<Value>>* rows) {
    const std::string key = CacheKey(sql, args);
    try {
      auto known = statements.find(key);
      Prepared& prepared = known != statements.end() ? *known->second : Prepare(sql, args, columns, key);
      for (size_t i = 0; i < args.size(); ++i) prepared.in[i].Set(args[i]);
      for (bool more = prepared.statement.execute(true); more && rows != nullptr;
           more = prepared.statement.fetch()) {
        std::vector<Value>& row = rows->emplace_back();
        row.reserve(prepared.out.size());
        for (const Cell& cell : prepared.out) row.push_back(cell.Get());
      }
      return prepared.statement.get_affected_rows();
    } catch (const std::exception& e) {
      absl::Status status = FromException(e);
      statements.erase(key);  // a failed statement is not trusted again
      return status;
    }
  }
};

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path,
                                                             const ConnectionOptions& options) {
  auto state = std::make_unique<State>();
  try {
    state->session.open(soci::sqlite3, absl::StrCat("db=\"", path, "\""));
  } catch (const std::exception& e) {
    return Annotate(state->FromException(e), path);
  }
  sqlite_api::sqlite3_busy_timeout(state->Handle(),
                                   static_cast<int>(absl::ToInt64Milliseconds(options.busy_timeout)));
  // FULL syncs the log before each commit returns: what is acknowledged survives a power cut.
  const char* pragmas =
      options.read_only ? "PRAGMA query_only = ON"
                        : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
  const int code = sqlite_api::sqlite3_exec(state->Handle(), pragmas, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    const int os_error = sqlite_api::sqlite3_system_errno(state->Handle());
    return Annotate(StatusFromSqlite(code, os_error, sqlite_api::sqlite3_errmsg(state->Handle())), path);
  }
  return std::unique_ptr<Connection>(new Connection(std::move(state)));
}

absl::StatusOr<int64_t> Connection::Execute(std::string_view sql, const std::vector<Value>& args) {
  return state_->Run(sql, args, {}, nullptr);
}

absl::StatusOr<std::vector<std::vector<Value>>> Connection::Query(std::string_view sql,
                                                                  const std::vector<Value>& args,
                                                                  const std::vector<ColumnType>& columns) {
  std::vector<std::vector<Value>> rows;
  auto done = state_->Run(sql, args, columns, &rows);
  if (!done.ok()) return done.status();
  return rows;
}

bool Connection::InTransaction() const {
  return sqlite_api::sqlite3_get_autocommit(state_->Handle()) == 0;
}

}  // namespace sda::sql
