#include "services/advisor/server/run_store.h"

#include <optional>

#include "common/base/status_macros.h"
#include "common/storage/sql/idempotency.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/proto_time.h"
#include "services/advisor/server/resource_table.h"

namespace sda::advisor {
namespace {

sql::Schema MakeSchema() {
  sql::Migration first{.version = 1, .statements = {}};
  for (const std::vector<std::string>& statements :
       {kRecipes.Schema(), kModels.Schema(), run_table::Schema(), sql::IdempotencySchema()}) {
    first.statements.insert(first.statements.end(), statements.begin(), statements.end());
  }
  return {.component = "advisor", .migrations = {first}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<sql::Database>> OpenDatabase(const std::string& url) {
  return sql::Database::Open(url, MakeSchema());
}

absl::StatusOr<RunEntry> RunStore::Get(const std::string& id) {
  std::optional<RunEntry> found;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(found, run_table::Get(transaction, id));
    return absl::OkStatus();
  }));
  if (!found) return error::RunNotFound(ResourceName("runs", id));
  return *std::move(found);
}

absl::Status RunStore::Advance(const std::string& id, const Change& change) {
  const absl::Status status = database_.Write([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(std::optional<RunEntry> entry, run_table::Get(transaction, id));
    if (!entry || entry->run.state() != v1::Run::STATE_RUNNING)
      return error::RunEnded(ResourceName("runs", id));
    SDA_RETURN_IF_ERROR(change(transaction, *entry));
    return run_table::Update(transaction, *entry);
  });
  feed_.Ring(ResourceName("runs", id));
  return status;
}

absl::Status RunStore::Fail(const std::string& id, const absl::Status& status, bool is_spent) {
  return Advance(id, [&](sql::Transaction&, RunEntry& entry) {
    entry.run.set_state(v1::Run::STATE_FAILED);
    *entry.run.mutable_error() = error::ToResourceError(status);
    *entry.run.mutable_complete_time() = ToTimestamp(clock_.Now());
    entry.is_spent = is_spent;
    return absl::OkStatus();
  });
}

absl::Status RunStore::CleanedUp(const std::string& id) {
  return database_.Write([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(std::optional<RunEntry> entry, run_table::Get(transaction, id));
    if (!entry) return absl::OkStatus();
    entry->needs_cleanup = false;
    return run_table::Update(transaction, *entry);
  });
}

absl::StatusOr<std::vector<std::string>> RunStore::Unfinished() {
  std::vector<std::string> ids;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(ids, run_table::Unfinished(transaction));
    return absl::OkStatus();
  }));
  return ids;
}

}  // namespace sda::advisor
