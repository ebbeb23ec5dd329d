#include "common/storage/sql/database.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/base/error.h"
#include "common/storage/sql/postgres_database.h"
#include "common/storage/sql/sqlite_database.h"

namespace sda::sql {
namespace {

constexpr char kConflict[] = "TRANSACTION_CONFLICT";

}  // namespace

bool IsPostgresUrl(const std::string& url) {
  return absl::StartsWith(url, "postgresql://") || absl::StartsWith(url, "postgres://");
}

absl::StatusOr<std::string> SqlitePath(const std::string& url) {
  absl::string_view path = url;
  if (!absl::ConsumePrefix(&path, "sqlite://") && absl::StrContains(url, "://")) {
    return InvalidField("database",
                        absl::StrCat("\"", url.substr(0, url.find("://") + 3),
                                     "…\" is neither a path nor a sqlite:// or postgresql:// URL"));
  }
  if (path.empty() || path == ":memory:") {
    return InvalidField("database",
                        absl::StrCat("\"", url, "\" names no file; the database must survive a restart"));
  }
  return std::string(path);
}

absl::Status TransactionConflict(std::string_view what) {
  return MakeError(absl::StatusCode::kAborted, what, {.reason = kConflict, .metadata = {}, .violations = {}});
}

bool IsTransactionConflict(const absl::Status& status) {
  return absl::IsAborted(status) && GetErrorReason(status) == kConflict;
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& url, const Schema& schema,
                                                         const DatabaseOptions& options) {
  if (IsPostgresUrl(url)) return OpenPostgresDatabase(url, schema, options);
  SDA_ASSIGN_OR_RETURN(const std::string path, SqlitePath(url));
  return OpenSqliteDatabase(path, schema, options);
}

}  // namespace sda::sql
