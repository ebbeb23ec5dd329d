#include "common/storage/sql/migrations.h"

#include <cstdint>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::sql {
namespace {

// The version found, 0 for a new database.
absl::StatusOr<int64_t> CheckVersion(Transaction& transaction, const Schema& schema) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (transaction.Query<std::string, int64_t>("SELECT component, version FROM sda_schema")));
  const int64_t newest = schema.migrations.empty() ? 0 : schema.migrations.back().version;
  for (const auto& [component, version] : rows) {
    if (component != schema.component) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition,
          absl::StrCat("the database belongs to ", component, ", not to ", schema.component),
          {.reason = "WRONG_COMPONENT", .metadata = {{"component", component}}, .violations = {}});
    }
    if (version > newest) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition,
          absl::StrCat("the database has schema version ", version, " of ", component,
                       ", this program knows up to ", newest, ": start the newer program instead"),
          {.reason = "SCHEMA_TOO_NEW", .metadata = {{"version", absl::StrCat(version)}}, .violations = {}});
    }
    return version;
  }
  return 0;
}

// Applies the first migration beyond the version found, in the open transaction. False when there is none.
absl::StatusOr<bool> ApplyNext(Transaction& transaction, const Schema& schema) {
  // Two servers that start at once: the second waits here and finds the work done.
  if (transaction.dialect() == Dialect::kPostgres) {
    SDA_RETURN_IF_ERROR(
        transaction.Query<std::string>("SELECT CAST(pg_advisory_xact_lock(5348416) AS TEXT)").status());
  }
  SDA_RETURN_IF_ERROR(transaction
                          .Execute("CREATE TABLE IF NOT EXISTS sda_schema (component TEXT PRIMARY KEY, "
                                   "version BIGINT NOT NULL, applied_at BIGINT NOT NULL)")
                          .status());
  SDA_ASSIGN_OR_RETURN(const int64_t found, CheckVersion(transaction, schema));
  for (const Migration& migration : schema.migrations) {
    if (migration.version <= found) continue;
    const auto step = [&]() -> absl::Status {
      for (const std::string& statement : migration.statements)
        SDA_RETURN_IF_ERROR(transaction.Execute(statement).status());
      if (migration.fill) SDA_RETURN_IF_ERROR(migration.fill(transaction));
      SDA_RETURN_IF_ERROR(transaction.Execute("DELETE FROM sda_schema").status());
      return transaction
          .Execute(
              "INSERT INTO sda_schema (component, version, applied_at) VALUES (:component, :version, "
              ":applied_at)",
              {schema.component, migration.version, absl::Now()})
          .status();
    };
    if (absl::Status stepped = step(); !stepped.ok())
      return Annotate(stepped, absl::StrCat("schema migration ", migration.version));
    return true;
  }
  return false;
}

}  // namespace

absl::Status Migrate(Connection& connection, const Schema& schema) {
  const char* const begin = connection.dialect() == Dialect::kSqlite ? "BEGIN IMMEDIATE" : "BEGIN";
  while (true) {
    SDA_RETURN_IF_ERROR(connection.Execute(begin, {}).status());
    Transaction transaction(connection);
    absl::StatusOr<bool> applied = ApplyNext(transaction, schema);
    absl::Status status = applied.status();
    if (status.ok()) status = connection.Execute("COMMIT", {}).status();
    if (!status.ok()) {
      if (!connection.IsBroken() && connection.InTransaction())
        connection.Execute("ROLLBACK", {}).IgnoreError();
      return status;
    }
    if (!*applied) return absl::OkStatus();
  }
}

}  // namespace sda::sql
