#include "common/storage/sql/postgres_connection.h"

#include <optional>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <libpq-fe.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/sql/database.h"
#include "common/storage/sql/placeholders.h"

namespace sda::sql {
namespace {

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

using ConnectionHandle = std::unique_ptr<PGconn, CloseConnection>;
using Result = std::unique_ptr<PGresult, ClearResult>;

// What the session is told once: durability whatever the server's default is, and bounds on waiting.
constexpr char kSession[] =
    "SET synchronous_commit = on; SET statement_timeout = '30s'; "
    "SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning";

absl::Status Failed(absl::StatusCode code, const char* reason, std::string_view what) {
  return MakeError(code, absl::StrCat("database: ", absl::StripTrailingAsciiWhitespace(ToAbsl(what))),
                   {.reason = reason, .metadata = {}, .violations = {}});
}

// By SQLSTATE (PostgreSQL manual, appendix A).
absl::Status StatusOf(absl::string_view state, std::string_view what) {
  if (state == "40001" || state == "40P01")
    return Failed(absl::StatusCode::kAborted, "TRANSACTION_CONFLICT", what);
  if (state == "53100") return Failed(absl::StatusCode::kResourceExhausted, "DISK_FULL", what);
  if (state == "57014" || state == "55P03" || absl::StartsWith(state, "53"))
    return Failed(absl::StatusCode::kUnavailable, "DATABASE_BUSY", what);
  // Shutdown and start, a stand-by that does not take writes, a pooler that lost our statements.
  if (state.empty() || absl::StartsWith(state, "08") || absl::StartsWith(state, "57P") || state == "25006" ||
      state == "26000" || state == "25P03")
    return Failed(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE", what);
  if (absl::StartsWith(state, "58")) return Failed(absl::StatusCode::kUnavailable, "DATABASE_IO", what);
  if (absl::StartsWith(state, "23")) return Failed(absl::StatusCode::kAlreadyExists, "CONSTRAINT", what);
  if (absl::StartsWith(state, "XX00")) return Failed(absl::StatusCode::kDataLoss, "DATABASE_DAMAGED", what);
  if (state == "42501" || absl::StartsWith(state, "28") || state == "3D000")
    return Failed(absl::StatusCode::kFailedPrecondition, "DATABASE_NOT_WRITABLE", what);
  return Failed(absl::StatusCode::kInternal, "DATABASE_ERROR", what);
}

// A parameter as text, which the server converts to the type it needs.
struct ToText {
  std::optional<std::string> operator()(std::monostate) const { return std::nullopt; }
  std::optional<std::string> operator()(int64_t value) const { return absl::StrCat(value); }
  std::optional<std::string> operator()(double value) const { return absl::StrFormat("%.17g", value); }
  std::optional<std::string> operator()(const std::string& value) const { return value; }
};

absl::StatusOr<Value> FromText(std::string_view text, ColumnType type) {
  const absl::string_view view = ToAbsl(text);
  if (type == ColumnType::kText) return Value(text);
  if (type == ColumnType::kDouble) {
    double real = 0;
    if (absl::SimpleAtod(view, &real)) return Value(real);
  } else {
    int64_t integer = 0;
    if (absl::SimpleAtoi(view, &integer)) return Value(integer);
    if (view == "t" || view == "f") return Value(view == "t");
  }
  return absl::InternalError(absl::StrCat("database: \"", view, "\" is not a number"));
}

class PostgresConnection final : public Connection {
 public:
  explicit PostgresConnection(ConnectionHandle connection) : connection_(std::move(connection)) {}

  Dialect dialect() const override { return Dialect::kPostgres; }

  absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& args) override {
    ForgetAhead();
    SDA_ASSIGN_OR_RETURN(const Result result, Run(sql, args));
    int64_t changed = 0;
    if (!absl::SimpleAtoi(PQcmdTuples(result.get()), &changed)) return 0;
    return changed;
  }

  absl::Status Defer(std::string_view sql, const std::vector<Value>& args) override {
    ForgetAhead();
    SDA_ASSIGN_OR_RETURN(Bound bound, Bind(sql, args));
    deferred_.push_back(std::move(bound));
    return absl::OkStatus();
  }

  absl::Status ReadAhead(std::string_view sql, const std::vector<Value>& args) override {
    SDA_ASSIGN_OR_RETURN(Bound bound, Bind(sql, args));
    bound.read_ahead = true;
    deferred_.push_back(std::move(bound));
    return absl::OkStatus();
  }

  void DropDeferred() override {
    deferred_.clear();
    ahead_.clear();
  }

  absl::StatusOr<std::vector<std::vector<Value>>> Query(std::string_view sql, const std::vector<Value>& args,
                                                        const std::vector<ColumnType>& columns) override {
    SDA_ASSIGN_OR_RETURN(Bound bound, Bind(sql, args));
    Result result = TakeAhead(bound);
    if (result == nullptr) {
      SDA_ASSIGN_OR_RETURN(result, Run(bound));
    }
    const int count = PQntuples(result.get());
    if (count > 0 && PQnfields(result.get()) < static_cast<int>(columns.size()))
      return absl::InternalError(absl::StrCat("database: more columns wanted than there are: ", ToAbsl(sql)));
    std::vector<std::vector<Value>> rows(static_cast<size_t>(count));
    for (int r = 0; r < count; ++r) {
      rows[r].reserve(columns.size());
      for (int c = 0; c < static_cast<int>(columns.size()); ++c) {
        if (PQgetisnull(result.get(), r, c) != 0) {
          rows[r].emplace_back(std::nullopt);
          continue;
        }
        const std::string_view text(PQgetvalue(result.get(), r, c),
                                    static_cast<size_t>(PQgetlength(result.get(), r, c)));
        SDA_ASSIGN_OR_RETURN(Value value, FromText(text, columns[c]));
        rows[r].push_back(std::move(value));
      }
    }
    return rows;
  }

  bool InTransaction() const override {
    const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
  }

  bool IsBroken() const override { return lost_ || PQstatus(connection_.get()) != CONNECTION_OK; }

 private:
  struct Statement {
    std::string name;
    int parameters = 0;
  };

  absl::StatusOr<Statement> Prepare(std::string_view sql) {
    const auto known = statements_.find(sql);
    if (known != statements_.end()) return known->second;
    const PositionalSql positional = ToPositional(sql, Dialect::kPostgres);
    Statement statement{.name = absl::StrCat("s", statements_.size()), .parameters = positional.parameters};
    const Result prepared(PQprepare(connection_.get(), statement.name.c_str(), positional.text.c_str(),
                                    positional.parameters, nullptr));
    SDA_RETURN_IF_ERROR(Check(prepared.get()));
    statements_.emplace(std::string(sql), statement);
    return statement;
  }

  // A statement with its parameters, ready to be sent.
  struct Bound {
    Statement statement;
    std::vector<std::optional<std::string>> texts;
    bool read_ahead = false;

    std::vector<const char*> Values() const {
      std::vector<const char*> values;
      values.reserve(texts.size());
      for (const auto& text : texts) values.push_back(text ? text->c_str() : nullptr);
      return values;
    }
  };

  absl::StatusOr<Bound> Bind(std::string_view sql, const std::vector<Value>& args) {
    Bound bound;
    SDA_ASSIGN_OR_RETURN(bound.statement, Prepare(sql));
    if (bound.statement.parameters != static_cast<int>(args.size())) {
      return absl::InternalError(absl::StrCat("database: ", bound.statement.parameters, " parameters and ",
                                              args.size(), " values: ", ToAbsl(sql)));
    }
    bound.texts.reserve(args.size());
    for (const Value& arg : args) {
      bound.texts.push_back(std::visit(ToText(), arg.content()));
      if (bound.texts.back() && bound.texts.back()->find('\0') != std::string::npos)
        return absl::InvalidArgumentError("database: PostgreSQL stores no text with a zero byte in it");
    }
    return bound;
  }

  // The rows of a query that was read ahead, once; null where there are none.
  Result TakeAhead(const Bound& query) {
    for (auto& [bound, result] : ahead_) {
      if (result != nullptr && bound.statement.name == query.statement.name && bound.texts == query.texts)
        return std::move(result);
    }
    return nullptr;
  }

  // Something is about to change.
  void ForgetAhead() {
    ahead_.clear();
    for (Bound& bound : deferred_) bound.read_ahead = false;
  }

  absl::StatusOr<Result> Run(std::string_view sql, const std::vector<Value>& args) {
    SDA_ASSIGN_OR_RETURN(const Bound bound, Bind(sql, args));
    return Run(bound);
  }

  absl::StatusOr<Result> Run(const Bound& bound) {
    if (!deferred_.empty()) return RunPipeline(bound);
    Result result(PQexecPrepared(connection_.get(), bound.statement.name.c_str(), bound.statement.parameters,
                                 bound.Values().data(), nullptr, nullptr, /*resultFormat=*/0));
    SDA_RETURN_IF_ERROR(Check(result.get()));
    return result;
  }

  // Sends what was deferred and `last` at once; the result of `last`, or the first error: after one the
  // server skips the rest (PostgreSQL manual, "Pipeline Mode").
  absl::StatusOr<Result> RunPipeline(const Bound& last) {
    std::vector<Bound> deferred = std::exchange(deferred_, {});
    bool sent = PQenterPipelineMode(connection_.get()) == 1;
    for (const Bound& bound : deferred) sent = sent && Send(bound);
    sent = sent && Send(last) && PQpipelineSync(connection_.get()) == 1;
    absl::Status failed = sent ? absl::OkStatus() : Check(nullptr);
    for (size_t i = 0; sent && i < deferred.size(); ++i) {
      Result result = Receive();
      if (!failed.ok()) continue;  // skipped
      failed = Check(result.get());
      // What made a row of this name came from elsewhere meanwhile: the next run sees it.
      if (absl::IsAlreadyExists(failed)) failed = TransactionConflict(ToStd(failed.message()));
      if (failed.ok() && deferred[i].read_ahead)
        ahead_.emplace_back(std::move(deferred[i]), std::move(result));
    }
    Result result = sent ? Receive() : nullptr;
    if (failed.ok()) failed = Check(result.get());
    if (sent) Receive(/*statement=*/false);  // the mark of PQpipelineSync
    lost_ = lost_ || PQexitPipelineMode(connection_.get()) != 1;
    SDA_RETURN_IF_ERROR(failed);
    return result;
  }

  bool Send(const Bound& bound) {
    return PQsendQueryPrepared(connection_.get(), bound.statement.name.c_str(), bound.statement.parameters,
                               bound.Values().data(), nullptr, nullptr, /*resultFormat=*/0) == 1;
  }

  // The next result of a pipeline; behind a statement's there is a null that ends it.
  Result Receive(bool statement = true) {
    Result result(PQgetResult(connection_.get()));
    if (statement && result != nullptr && PQstatus(connection_.get()) == CONNECTION_OK)
      const Result end(PQgetResult(connection_.get()));
    return result;
  }

  absl::Status Check(PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
    const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    absl::Status failed = StatusOf(state == nullptr ? "" : state,
                                   primary == nullptr ? PQerrorMessage(connection_.get()) : primary);
    lost_ = lost_ || GetErrorReason(failed) == "DATABASE_UNREACHABLE";
    return failed;
  }

  ConnectionHandle connection_;
  StatementCache<Statement> statements_;
  std::vector<Bound> deferred_;
  std::vector<std::pair<Bound, Result>> ahead_;
  bool lost_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> OpenPostgres(const std::string& url) {
  char* unreadable = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(PQconninfoParse(url.c_str(), &unreadable));
  if (parsed == nullptr) {
    PQfreemem(unreadable);  // it may quote the URL with its password
    return InvalidField("database", "is not a URL that PostgreSQL's client library can read");
  }
  // The URL comes last: what it sets beats these.
  const char* const keywords[] = {"connect_timeout",
                                  "keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "tcp_user_timeout",
                                  "application_name",
                                  "dbname",
                                  nullptr};
  const char* const values[] = {"5", "10", "5", "3", "20000", "sda", url.c_str(), nullptr};
  ConnectionHandle connection(PQconnectdbParams(keywords, values, /*expand_dbname=*/1));
  if (connection == nullptr) return absl::ResourceExhaustedError("database: out of memory");
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return Failed(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE", PQerrorMessage(connection.get()));
  }
  const Result set(PQexec(connection.get(), kSession));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK) {
    return Failed(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE", PQerrorMessage(connection.get()));
  }
  return std::make_unique<PostgresConnection>(std::move(connection));
}

}  // namespace sda::sql
