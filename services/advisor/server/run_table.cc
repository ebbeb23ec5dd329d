#include "services/advisor/server/run_table.h"

#include <limits>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"

namespace sda::advisor {

RunRecord RunEntry::Record() const {
  return {.has_dataset = !run.dataset().empty(),
          .has_recipe = !run.recipe().empty(),
          .has_winner = run.result().has_best(),
          .is_evaluated = is_evaluated};
}

std::string RunEntry::id() const {
  return ResourceId(run.name());
}

v1::Run::Stage ToProto(Stage stage) {
  switch (stage) {
    case Stage::kEncode:
      return v1::Run::STAGE_ENCODE;
    case Stage::kAdvise:
      return v1::Run::STAGE_ADVISE;
    case Stage::kTune:
      return v1::Run::STAGE_TUNE;
    case Stage::kDeliver:
      break;
  }
  return v1::Run::STAGE_DELIVER;
}

namespace run_table {
namespace {

constexpr char kColumns[] = "run, recipe, job, attempt, is_spent, is_evaluated, needs_cleanup, position";

using Row = std::tuple<sql::Bytes, sql::Bytes, std::string, int64_t, bool, bool, bool, int64_t>;

absl::StatusOr<RunEntry> FromRow(const Row& row) {
  RunEntry entry;
  if (!entry.run.ParseFromString(std::get<0>(row).data) ||
      !entry.recipe.ParseFromString(std::get<1>(row).data)) {
    return absl::DataLossError("database: a run cannot be read");
  }
  entry.job = std::get<2>(row);
  entry.attempt = static_cast<int>(std::get<3>(row));
  entry.is_spent = std::get<4>(row);
  entry.is_evaluated = std::get<5>(row);
  entry.needs_cleanup = std::get<6>(row);
  entry.position = std::get<7>(row);
  return entry;
}

}  // namespace

std::vector<std::string> Schema() {
  return {
      "CREATE TABLE runs (id TEXT PRIMARY KEY, position BIGINT NOT NULL UNIQUE, state BIGINT NOT NULL, run "
      "TEXT NOT NULL, "
      "recipe TEXT NOT NULL, job TEXT NOT NULL, attempt BIGINT NOT NULL, is_spent BIGINT NOT NULL, "
      "is_evaluated BIGINT NOT NULL, needs_cleanup BIGINT NOT NULL)",
      "CREATE INDEX runs_by_state ON runs (state, position)",
  };
}

absl::StatusOr<std::optional<RunEntry>> Get(sql::Transaction& transaction, const std::string& id) {
  SDA_ASSIGN_OR_RETURN(
      const auto row,
      (transaction.QueryOne<sql::Bytes, sql::Bytes, std::string, int64_t, bool, bool, bool, int64_t>(
          absl::StrCat("SELECT ", kColumns, " FROM runs WHERE id = :id"), {id})));
  if (!row) return std::nullopt;
  SDA_ASSIGN_OR_RETURN(RunEntry entry, FromRow(*row));
  return entry;
}

absl::Status Insert(sql::Transaction& transaction, const RunEntry& entry) {
  return transaction
      .Execute(
          "INSERT INTO runs (id, position, state, run, recipe, job, attempt, is_spent, is_evaluated, "
          "needs_cleanup) "
          "SELECT :id, COALESCE(MAX(position), 0) + 1, :state, :run, :recipe, :job, :attempt, :spent, "
          ":evaluated, :cleanup "
          "FROM runs",
          {entry.id(), static_cast<int64_t>(entry.run.state()), sql::Bytes{entry.run.SerializeAsString()},
           sql::Bytes{entry.recipe.SerializeAsString()}, entry.job, int64_t{entry.attempt}, entry.is_spent,
           entry.is_evaluated, entry.needs_cleanup})
      .status();
}

absl::Status Update(sql::Transaction& transaction, const RunEntry& entry) {
  return transaction
      .Execute(
          "UPDATE runs SET state = :state, run = :run, recipe = :recipe, job = :job, attempt = :attempt, "
          "is_spent = :spent, "
          "is_evaluated = :evaluated, needs_cleanup = :cleanup WHERE id = :id",
          {static_cast<int64_t>(entry.run.state()), sql::Bytes{entry.run.SerializeAsString()},
           sql::Bytes{entry.recipe.SerializeAsString()}, entry.job, int64_t{entry.attempt}, entry.is_spent,
           entry.is_evaluated, entry.needs_cleanup, entry.id()})
      .status();
}

absl::Status Delete(sql::Transaction& transaction, const std::string& id) {
  return transaction.Execute("DELETE FROM runs WHERE id = :id", {id}).status();
}

absl::StatusOr<std::vector<std::string>> Unfinished(sql::Transaction& transaction) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      transaction.Query<std::string>(
          "SELECT id FROM runs WHERE state = :running OR needs_cleanup = 1 ORDER BY position",
          {static_cast<int64_t>(v1::Run::STATE_RUNNING)}));
  std::vector<std::string> ids;
  for (const auto& row : rows) ids.push_back(std::get<0>(row));
  return ids;
}

absl::StatusOr<std::vector<RunEntry>> List(sql::Transaction& transaction,
                                           const std::vector<v1::Run::State>& states, int64_t before,
                                           int64_t size) {
  if (before == 0) before = std::numeric_limits<int64_t>::max();
  const std::string filter = states.empty()
                                 ? ""
                                 : absl::StrCat(" AND state IN (",
                                                absl::StrJoin(states, ", ",
                                                              [](std::string* out, v1::Run::State state) {
                                                                absl::StrAppend(out, static_cast<int>(state));
                                                              }),
                                                ")");
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (transaction.Query<sql::Bytes, sql::Bytes, std::string, int64_t, bool, bool, bool, int64_t>(
          absl::StrCat("SELECT ", kColumns, " FROM runs WHERE position < :before", filter,
                       " ORDER BY position DESC LIMIT :size"),
          {before, size})));
  std::vector<RunEntry> entries;
  for (const Row& row : rows) {
    SDA_ASSIGN_OR_RETURN(RunEntry entry, FromRow(row));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace run_table
}  // namespace sda::advisor
