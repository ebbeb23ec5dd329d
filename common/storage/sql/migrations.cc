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

absl::Status Apply(Connection& connection, const Schema& schema, const Migration& migration) {
  Transaction transaction(connection);
  for (const std::string& statement : migration.statements) {
    SDA_RETURN_IF_ERROR(transaction.Execute(statement).status());
  }
  SDA_RETURN_IF_ERROR(transaction.Execute("DELETE FROM sda_schema").status());
  return transaction
      .Execute(
          "INSERT INTO sda_schema (component, version, applied_at) VALUES (:component, :version, "
          ":applied_at)",
          {schema.component, migration.version, absl::Now()})
      .status();
}

}  // namespace

absl::Status Migrate(Connection& connection, const Schema& schema) {
  SDA_RETURN_IF_ERROR(connection
                          .Execute("CREATE TABLE IF NOT EXISTS sda_schema (component TEXT PRIMARY KEY, "
                                   "version BIGINT NOT NULL, applied_at BIGINT NOT NULL)",
                                   {})
                          .status());
  Transaction transaction(connection);
  SDA_ASSIGN_OR_RETURN(const int64_t found, CheckVersion(transaction, schema));
  for (const Migration& migration : schema.migrations) {
    if (migration.version <= found) continue;
    SDA_RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE", {}).status());
    absl::Status applied = Apply(connection, schema, migration);
    if (applied.ok()) applied = connection.Execute("COMMIT", {}).status();
    if (!applied.ok()) {
      if (connection.InTransaction()) connection.Execute("ROLLBACK", {}).IgnoreError();
      return Annotate(applied, absl::StrCat("schema migration ", migration.version));
    }
  }
  return absl::OkStatus();
}

}  // namespace sda::sql
