#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/store.h"
#include "services/optimizer/server/store_rows.h"

// Trials and their counts.
namespace sda::optimizer::store {
namespace {

using sql::Bytes;
using sql::Transaction;

constexpr char kTrialColumns[] =
    "number, message, token, counted_attempts, stop_reason, memory_required, memory_available, "
    "memory_losses, "
    "lease_end";

constexpr char kCountsSql[] =
    "SELECT queued, active, succeeded, stopped, infeasible, failed, cancelled FROM progress "
    "WHERE experiment = :experiment";

constexpr char kClockSql[] = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

std::string OneTrialSql() {
  return absl::StrCat("SELECT ", kTrialColumns,
                      " FROM trials WHERE experiment = :experiment AND number = :number");
}

using TrialColumns =
    std::tuple<int64_t, Bytes, std::string, int64_t, std::string, int64_t, int64_t, int64_t, int64_t>;

absl::StatusOr<TrialRow> ToRow(const std::string& experiment_id, const TrialColumns& columns) {
  TrialRow row;
  row.id = {experiment_id, std::get<0>(columns)};
  SDA_RETURN_IF_ERROR(Parse(std::get<1>(columns), row.message));
  row.token = std::get<2>(columns);
  row.counted_attempts = static_cast<int32_t>(std::get<3>(columns));
  row.stop_reason = std::get<4>(columns);
  row.message.set_stop_reason(row.stop_reason);
  row.memory_required_bytes = std::get<5>(columns);
  row.memory_available_bytes = std::get<6>(columns);
  row.losses_near_memory_limit = static_cast<int32_t>(std::get<7>(columns));
  row.lease_end_micros = std::get<8>(columns);
  row.stored_state = row.state();
  return row;
}

// `change` more trials in this state.
void Add(TrialCounts& counts, TrialState state, int64_t change) {
  switch (state) {
    case TrialState::kQueued:
      counts.queued += change;
      break;
    case TrialState::kActive:
      counts.active += change;
      break;
    case TrialState::kSucceeded:
      counts.succeeded += change;
      break;
    case TrialState::kStopped:
      counts.stopped += change;
      break;
    case TrialState::kInfeasible:
      counts.infeasible += change;
      break;
    case TrialState::kFailed:
      counts.failed += change;
      break;
    case TrialState::kCancelled:
      counts.cancelled += change;
      break;
  }
}

absl::Status AddToCounts(Transaction& tx, const std::string& experiment_id, const TrialCounts& change) {
  return tx.Defer(
      "UPDATE progress SET queued = queued + :queued, active = active + :active, "
      "succeeded = succeeded + :succeeded, stopped = stopped + :stopped, "
      "infeasible = infeasible + :infeasible, failed = failed + :failed, "
      "cancelled = cancelled + :cancelled WHERE experiment = :experiment",
      {change.queued, change.active, change.succeeded, change.stopped, change.infeasible, change.failed,
       change.cancelled, experiment_id});
}

// One state, or all with none: numbers in (after, before), in either order.
absl::StatusOr<std::vector<TrialRow>> ListOneState(Transaction& tx, const std::string& experiment_id,
                                                   std::optional<TrialState> state,
                                                   const TrialFilter& filter) {
  std::string sql = absl::StrCat("SELECT ", kTrialColumns, " FROM trials WHERE experiment = :experiment");
  std::vector<sql::Value> args = {experiment_id};
  if (state) {
    sql += " AND state = :state";
    args.emplace_back(static_cast<int>(*state));
  }
  sql += filter.descending ? " AND number < :edge ORDER BY number DESC LIMIT :limit"
                           : " AND number > :edge ORDER BY number LIMIT :limit";
  args.emplace_back(filter.after);
  args.emplace_back(filter.limit > 0 ? filter.limit : INT64_MAX);
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<int64_t, Bytes, std::string, int64_t, std::string, int64_t, int64_t, int64_t, int64_t>(
          sql, args)));
  std::vector<TrialRow> trials;
  trials.reserve(rows.size());
  for (const auto& columns : rows) {
    SDA_ASSIGN_OR_RETURN(TrialRow row, ToRow(experiment_id, columns));
    trials.push_back(std::move(row));
  }
  return trials;
}

}  // namespace

int64_t PointHash(const Assignments& assignments) {
  const std::string digest = Sha256Hex(PointKey(assignments));
  uint64_t number = 0;
  std::from_chars(digest.data(), digest.data() + 16, number, 16);
  return static_cast<int64_t>(number);
}

absl::Status ReadCountsAhead(Transaction& tx, const std::string& experiment_id) {
  return tx.ReadAhead(kCountsSql, {experiment_id});
}

absl::StatusOr<TrialCounts> CountTrials(Transaction& tx, const std::string& experiment_id) {
  SDA_ASSIGN_OR_RETURN(const auto row,
                       (tx.QueryOne<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t>(
                           kCountsSql, {experiment_id})));
  TrialCounts counts;
  if (row) {
    std::tie(counts.queued, counts.active, counts.succeeded, counts.stopped, counts.infeasible, counts.failed,
             counts.cancelled) = *row;
  }
  return counts;
}

absl::Status InsertTrial(Transaction& tx, TrialRow& row) {
  SDA_ASSIGN_OR_RETURN(
      const auto last,
      tx.QueryOne<int64_t>("SELECT COALESCE(MAX(number), 0) FROM trials WHERE experiment = :experiment",
                           {row.id.experiment_id}));
  row.id.number = std::get<0>(*last) + 1;
  row.message.set_name(TrialName(row.id.experiment_id, row.id.number));
  SDA_RETURN_IF_ERROR(tx.Defer(
      "INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, "
      "memory_required, memory_available, memory_losses, message, lease_end, point) "
      "VALUES (:experiment, :number, :state, :token, :attempts, :stop, :required, :available, "
      ":losses, :message, :lease_end, :point)",
      {row.id.experiment_id, row.id.number, static_cast<int>(row.state()), row.token,
       int64_t{row.counted_attempts}, row.stop_reason, row.memory_required_bytes, row.memory_available_bytes,
       int64_t{row.losses_near_memory_limit}, Bytes{row.message.SerializeAsString()}, row.lease_end_micros,
       PointHash(ToAssignments(row.message.assignments()))}));
  TrialCounts change;
  Add(change, row.state(), 1);
  row.stored_state = row.state();
  SDA_RETURN_IF_ERROR(AddToCounts(tx, row.id.experiment_id, change));
  return AddChange(tx, row.id.experiment_id, row.id.number);
}

absl::Status UpdateTrial(Transaction& tx, TrialRow& row) {
  SDA_RETURN_IF_ERROR(tx.Defer(
      "UPDATE trials SET state = :state, token = :token, counted_attempts = :attempts, "
      "stop_reason = :stop, memory_required = :required, memory_available = :available, "
      "memory_losses = :losses, message = :message, lease_end = :lease_end "
      "WHERE experiment = :experiment AND number = :number",
      {static_cast<int>(row.state()), row.token, int64_t{row.counted_attempts}, row.stop_reason,
       row.memory_required_bytes, row.memory_available_bytes, int64_t{row.losses_near_memory_limit},
       Bytes{row.message.SerializeAsString()}, row.lease_end_micros, row.id.experiment_id, row.id.number}));
  if (row.state() != row.stored_state) {
    TrialCounts change;
    Add(change, row.stored_state, -1);
    Add(change, row.state(), 1);
    row.stored_state = row.state();
    SDA_RETURN_IF_ERROR(AddToCounts(tx, row.id.experiment_id, change));
  }
  return AddChange(tx, row.id.experiment_id, row.id.number);
}

absl::Status ReadTrialAhead(Transaction& tx, const TrialId& id) {
  return tx.ReadAhead(OneTrialSql(), {id.experiment_id, id.number});
}

absl::StatusOr<TrialRow> GetTrial(Transaction& tx, const TrialId& id) {
  SDA_ASSIGN_OR_RETURN(
      const auto columns,
      (tx.QueryOne<int64_t, Bytes, std::string, int64_t, std::string, int64_t, int64_t, int64_t, int64_t>(
          OneTrialSql(), {id.experiment_id, id.number})));
  if (!columns) return NotFound(TrialName(id.experiment_id, id.number));
  return ToRow(id.experiment_id, *columns);
}

absl::StatusOr<std::vector<TrialRow>> ListTrials(Transaction& tx, const std::string& experiment_id,
                                                 const TrialFilter& filter) {
  if (filter.states.empty()) return ListOneState(tx, experiment_id, std::nullopt, filter);
  // Each state by its index, then merged: no state is looked through for the trials of another.
  std::vector<TrialRow> trials;
  std::vector<TrialState> states = filter.states;
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  for (TrialState state : states) {
    SDA_ASSIGN_OR_RETURN(auto some, ListOneState(tx, experiment_id, state, filter));
    std::move(some.begin(), some.end(), std::back_inserter(trials));
  }
  std::sort(trials.begin(), trials.end(), [&](const TrialRow& a, const TrialRow& b) {
    return filter.descending ? a.id.number > b.id.number : a.id.number < b.id.number;
  });
  if (filter.limit > 0 && trials.size() > static_cast<size_t>(filter.limit))
    trials.erase(trials.begin() + filter.limit, trials.end());
  return trials;
}

absl::StatusOr<std::optional<TrialRow>> FirstQueued(Transaction& tx, const std::string& experiment_id) {
  SDA_ASSIGN_OR_RETURN(auto rows,
                       ListOneState(tx, experiment_id, TrialState::kQueued, {.states = {}, .limit = 1}));
  if (rows.empty()) return std::nullopt;
  return std::make_optional(std::move(rows.front()));
}

absl::StatusOr<Expired> ExpiredLeases(Transaction& tx, const std::string& experiment_id, int64_t now_micros) {
  SDA_ASSIGN_OR_RETURN(
      const auto row,
      (tx.QueryOne<int64_t, int64_t>("SELECT COUNT(*), COALESCE(MIN(number), 0) FROM trials "
                                     "WHERE experiment = :experiment AND state = 2 AND lease_end <= :now",
                                     {experiment_id, now_micros})));
  return Expired{.count = std::get<0>(*row), .first = std::get<1>(*row)};
}

absl::StatusOr<std::vector<TrialId>> AllExpiredLeases(Transaction& tx, int64_t now_micros) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<std::string, int64_t>(
          "SELECT experiment, number FROM trials WHERE state = 2 AND lease_end <= :now", {now_micros})));
  std::vector<TrialId> ids;
  for (const auto& [experiment, number] : rows) ids.push_back({experiment, number});
  return ids;
}

absl::StatusOr<std::vector<std::string>> ExperimentsWithActiveTrials(Transaction& tx) {
  SDA_ASSIGN_OR_RETURN(const auto rows,
                       tx.Query<std::string>("SELECT DISTINCT experiment FROM trials WHERE state = 2"));
  std::vector<std::string> ids;
  for (const auto& [id] : rows) ids.push_back(id);
  return ids;
}

absl::Status ExtendLeases(Transaction& tx, const std::string& experiment_id, int64_t end_micros) {
  return tx.Defer("UPDATE trials SET lease_end = :end WHERE experiment = :experiment AND state = 2",
                  {end_micros, experiment_id});
}

absl::Status SetLeaseEnd(Transaction& tx, const TrialId& id, int64_t end_micros) {
  return tx.Defer("UPDATE trials SET lease_end = :end WHERE experiment = :experiment AND number = :number",
                  {end_micros, id.experiment_id, id.number});
}

absl::StatusOr<bool> HasPoint(Transaction& tx, const std::string& experiment_id,
                              const Assignments& assignments) {
  SDA_ASSIGN_OR_RETURN(
      const auto found,
      tx.QueryOne<int64_t>("SELECT 1 FROM trials WHERE experiment = :experiment AND point = :point LIMIT 1",
                           {experiment_id, PointHash(assignments)}));
  return found.has_value();
}

absl::Status ReadClockAhead(Transaction& tx) {
  return tx.dialect() == sql::Dialect::kPostgres ? tx.ReadAhead(kClockSql) : absl::OkStatus();
}

absl::StatusOr<int64_t> DatabaseMicros(Transaction& tx) {
  SDA_ASSIGN_OR_RETURN(const auto now, tx.QueryOne<int64_t>(kClockSql));
  if (!now) return absl::InternalError("database: no time");
  return std::get<0>(*now);
}

}  // namespace sda::optimizer::store
