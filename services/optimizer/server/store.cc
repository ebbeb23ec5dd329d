#include "services/optimizer/server/store.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/storage/sql/idempotency.h"

namespace sda::optimizer::store {
namespace {

using sql::Bytes;
using sql::Transaction;

absl::Status NotFound(const std::string& name) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat(name, " does not exist"),
                   {.reason = "NOT_FOUND", .metadata = {{"name", name}}, .violations = {}});
}

template <class Message>
absl::Status Parse(const Bytes& bytes, Message& message) {
  if (message.ParseFromString(bytes.data)) return absl::OkStatus();
  return absl::DataLossError("database: a stored message cannot be read");
}

// "1, 2, 3" of an enum's values, for IN (…): numbers only, so nothing needs quoting.
template <class State>
std::string NumberList(const std::vector<State>& states) {
  return absl::StrJoin(states, ", ",
                       [](std::string* out, State state) { absl::StrAppend(out, static_cast<int>(state)); });
}

absl::Status AddEvent(Transaction& tx, const std::string& experiment_id, int64_t trial) {
  return tx
      .Execute(
          "INSERT INTO events (seq, experiment, trial) "
          "SELECT COALESCE(MAX(seq), 0) + 1, :experiment, :trial FROM events",
          {experiment_id, trial})
      .status();
}

using ExperimentColumns = std::tuple<std::string, Bytes, int64_t, int64_t, int64_t>;

absl::StatusOr<ExperimentRow> ToRow(const ExperimentColumns& columns) {
  ExperimentRow row;
  row.id = std::get<0>(columns);
  SDA_RETURN_IF_ERROR(Parse(std::get<1>(columns), row.message));
  row.suggestions = std::get<2>(columns);
  row.revision = std::get<3>(columns);
  row.message.set_etag(absl::StrCat(row.revision));
  return row;
}

constexpr char kTrialColumns[] =
    "number, message, token, counted_attempts, stop_reason, memory_required, memory_available, memory_losses";

using TrialColumns = std::tuple<int64_t, Bytes, std::string, int64_t, std::string, int64_t, int64_t, int64_t>;

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
  return row;
}

absl::StatusOr<std::vector<v1::Measurement>> ParseMeasurements(
    const std::vector<std::tuple<Bytes, bool>>& rows) {
  std::vector<v1::Measurement> measurements;
  for (const auto& [bytes, superseded] : rows) {
    SDA_RETURN_IF_ERROR(Parse(bytes, measurements.emplace_back()));
    measurements.back().set_superseded(superseded);
  }
  return measurements;
}

}  // namespace

const sql::Schema& OptimizerSchema() {
  static const auto* const schema = [] {
    std::vector<std::string> first = {
        "CREATE TABLE experiments (id TEXT PRIMARY KEY, number BIGINT NOT NULL UNIQUE, state INTEGER NOT "
        "NULL, "
        "archived INTEGER NOT NULL, work_type TEXT NOT NULL, timed INTEGER NOT NULL, suggestions BIGINT NOT "
        "NULL, "
        "revision BIGINT NOT NULL, message TEXT NOT NULL)",
        "CREATE INDEX experiments_by_work ON experiments (state, work_type, number)",
        "CREATE TABLE trials (experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE, "
        "number BIGINT NOT NULL, state INTEGER NOT NULL, token TEXT NOT NULL, counted_attempts INTEGER NOT "
        "NULL, "
        "stop_reason TEXT NOT NULL, memory_required BIGINT NOT NULL, memory_available BIGINT NOT NULL, "
        "memory_losses INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (experiment, number))",
        "CREATE INDEX trials_by_state ON trials (state, experiment, number)",
        "CREATE TABLE measurements (experiment TEXT NOT NULL, trial BIGINT NOT NULL, position BIGINT NOT "
        "NULL, "
        "step BIGINT NOT NULL, superseded INTEGER NOT NULL, has_checkpoint INTEGER NOT NULL, message TEXT "
        "NOT NULL, "
        "PRIMARY KEY (experiment, trial, position), "
        "FOREIGN KEY (experiment, trial) REFERENCES trials (experiment, number) ON DELETE CASCADE)",
        "CREATE TABLE events (seq BIGINT PRIMARY KEY, experiment TEXT NOT NULL "
        "REFERENCES experiments (id) ON DELETE CASCADE, trial BIGINT NOT NULL)",
        "CREATE INDEX events_by_experiment ON events (experiment, seq)",
    };
    for (std::string& statement : sql::IdempotencySchema()) first.push_back(std::move(statement));
    return new sql::Schema{.component = "optimizer",
                           .migrations = {{.version = 1, .statements = std::move(first)}}};
  }();
  return *schema;
}

absl::Status InsertExperiment(Transaction& tx, const ExperimentRow& row) {
  SDA_ASSIGN_OR_RETURN(const auto taken,
                       tx.QueryOne<int64_t>("SELECT 1 FROM experiments WHERE id = :id", {row.id}));
  if (taken) {
    return MakeError(
        absl::StatusCode::kAlreadyExists, absl::StrCat(ExperimentName(row.id), " exists already"),
        {.reason = "EXPERIMENT_EXISTS", .metadata = {{"name", ExperimentName(row.id)}}, .violations = {}});
  }
  SDA_RETURN_IF_ERROR(tx.Execute("INSERT INTO experiments (id, number, state, archived, work_type, timed, "
                                 "suggestions, revision, message) "
                                 "SELECT :id, COALESCE(MAX(number), 0) + 1, :state, :archived, :work_type, "
                                 ":timed, :suggestions, 1, :message "
                                 "FROM experiments",
                                 {row.id, static_cast<int>(row.message.state()), row.message.archived(),
                                  row.message.work().type_url(), row.message.has_wall_clock_budget(),
                                  row.suggestions, Bytes{row.message.SerializeAsString()}})
                          .status());
  return AddEvent(tx, row.id, 0);
}

absl::Status UpdateExperiment(Transaction& tx, ExperimentRow& row) {
  ++row.revision;
  row.message.set_etag(absl::StrCat(row.revision));
  SDA_RETURN_IF_ERROR(
      tx.Execute("UPDATE experiments SET state = :state, archived = :archived, timed = :timed, "
                 "suggestions = :suggestions, revision = :revision, message = :message WHERE id = :id",
                 {static_cast<int>(row.message.state()), row.message.archived(),
                  row.message.has_wall_clock_budget(), row.suggestions, row.revision,
                  Bytes{row.message.SerializeAsString()}, row.id})
          .status());
  return AddEvent(tx, row.id, 0);
}

absl::Status DeleteExperiment(Transaction& tx, const std::string& experiment_id) {
  return tx.Execute("DELETE FROM experiments WHERE id = :id", {experiment_id}).status();
}

absl::StatusOr<ExperimentRow> GetExperiment(Transaction& tx, const std::string& experiment_id) {
  SDA_ASSIGN_OR_RETURN(
      const auto columns,
      (tx.QueryOne<std::string, Bytes, int64_t, int64_t, int64_t>(
          "SELECT id, message, suggestions, revision, number FROM experiments WHERE id = :id",
          {experiment_id})));
  if (!columns) return NotFound(ExperimentName(experiment_id));
  return ToRow(*columns);
}

absl::StatusOr<std::vector<NumberedExperiment>> ListExperiments(Transaction& tx,
                                                                const ExperimentFilter& filter) {
  std::string sql =
      "SELECT id, message, suggestions, revision, number FROM experiments WHERE number < :before";
  if (!filter.show_archived) sql += " AND archived = 0";
  if (!filter.states.empty()) absl::StrAppend(&sql, " AND state IN (", NumberList(filter.states), ")");
  sql += " ORDER BY number DESC LIMIT :limit";
  SDA_ASSIGN_OR_RETURN(const auto rows, (tx.Query<std::string, Bytes, int64_t, int64_t, int64_t>(
                                            sql, {filter.before.value_or(INT64_MAX), filter.limit})));
  std::vector<NumberedExperiment> experiments;
  for (const auto& columns : rows) {
    SDA_ASSIGN_OR_RETURN(ExperimentRow row, ToRow(columns));
    experiments.push_back({std::get<4>(columns), std::move(row)});
  }
  return experiments;
}

absl::StatusOr<std::vector<std::string>> ActiveExperiments(Transaction& tx, const std::string& work_type) {
  std::string sql = "SELECT id FROM experiments WHERE state = :state";
  std::vector<sql::Value> args = {static_cast<int>(v1::Experiment::STATE_ACTIVE)};
  if (!work_type.empty()) {
    sql += " AND work_type = :work_type";
    args.emplace_back(work_type);
  }
  SDA_ASSIGN_OR_RETURN(const auto rows, tx.Query<std::string>(sql + " ORDER BY number", args));
  std::vector<std::string> ids;
  for (const auto& [id] : rows) ids.push_back(id);
  return ids;
}

absl::StatusOr<std::vector<std::string>> UnsettledExperiments(Transaction& tx) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      tx.Query<std::string>("SELECT DISTINCT experiment FROM trials WHERE state = :active "
                            "UNION SELECT id FROM experiments WHERE timed = 1 AND state IN (1, 2)",
                            {static_cast<int>(TrialState::kActive)}));
  std::vector<std::string> ids;
  for (const auto& [id] : rows) ids.push_back(id);
  return ids;
}

absl::StatusOr<TrialCounts> CountTrials(Transaction& tx, const std::string& experiment_id) {
  SDA_ASSIGN_OR_RETURN(const auto rows,
                       (tx.Query<int64_t, int64_t>(
                           "SELECT state, COUNT(*) FROM trials WHERE experiment = :experiment GROUP BY state",
                           {experiment_id})));
  TrialCounts counts;
  for (const auto& [state, count] : rows) {
    switch (static_cast<TrialState>(state)) {
      case TrialState::kQueued:
        counts.queued = count;
        break;
      case TrialState::kActive:
        counts.active = count;
        break;
      case TrialState::kSucceeded:
        counts.succeeded = count;
        break;
      case TrialState::kStopped:
        counts.stopped = count;
        break;
      case TrialState::kInfeasible:
        counts.infeasible = count;
        break;
      case TrialState::kFailed:
        counts.failed = count;
        break;
      case TrialState::kCancelled:
        counts.cancelled = count;
        break;
    }
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
  SDA_RETURN_IF_ERROR(
      tx.Execute("INSERT INTO trials (experiment, number, state, token, counted_attempts, stop_reason, "
                 "memory_required, "
                 "memory_available, memory_losses, message) "
                 "VALUES (:experiment, :number, :state, :token, :attempts, :stop, :required, :available, "
                 ":losses, :message)",
                 {row.id.experiment_id, row.id.number, static_cast<int>(row.state()), row.token,
                  int64_t{row.counted_attempts}, row.stop_reason, row.memory_required_bytes,
                  row.memory_available_bytes, int64_t{row.losses_near_memory_limit},
                  Bytes{row.message.SerializeAsString()}})
          .status());
  return AddEvent(tx, row.id.experiment_id, row.id.number);
}

absl::Status UpdateTrial(Transaction& tx, const TrialRow& row) {
  SDA_RETURN_IF_ERROR(
      tx.Execute(
            "UPDATE trials SET state = :state, token = :token, counted_attempts = :attempts, stop_reason = "
            ":stop, "
            "memory_required = :required, memory_available = :available, memory_losses = :losses, message = "
            ":message "
            "WHERE experiment = :experiment AND number = :number",
            {static_cast<int>(row.state()), row.token, int64_t{row.counted_attempts}, row.stop_reason,
             row.memory_required_bytes, row.memory_available_bytes, int64_t{row.losses_near_memory_limit},
             Bytes{row.message.SerializeAsString()}, row.id.experiment_id, row.id.number})
          .status());
  return AddEvent(tx, row.id.experiment_id, row.id.number);
}

absl::StatusOr<TrialRow> GetTrial(Transaction& tx, const TrialId& id) {
  SDA_ASSIGN_OR_RETURN(
      const auto columns,
      (tx.QueryOne<int64_t, Bytes, std::string, int64_t, std::string, int64_t, int64_t, int64_t>(
          absl::StrCat("SELECT ", kTrialColumns,
                       " FROM trials WHERE experiment = :experiment AND number = :number"),
          {id.experiment_id, id.number})));
  if (!columns) return NotFound(TrialName(id.experiment_id, id.number));
  return ToRow(id.experiment_id, *columns);
}

absl::StatusOr<std::vector<TrialRow>> ListTrials(Transaction& tx, const std::string& experiment_id,
                                                 const TrialFilter& filter) {
  std::string sql = absl::StrCat("SELECT ", kTrialColumns,
                                 " FROM trials WHERE experiment = :experiment AND number > :after");
  if (!filter.states.empty()) absl::StrAppend(&sql, " AND state IN (", NumberList(filter.states), ")");
  sql += " ORDER BY number LIMIT :limit";
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<int64_t, Bytes, std::string, int64_t, std::string, int64_t, int64_t, int64_t>(
          sql, {experiment_id, filter.after, filter.limit > 0 ? filter.limit : INT64_MAX})));
  std::vector<TrialRow> trials;
  trials.reserve(rows.size());
  for (const auto& columns : rows) {
    SDA_ASSIGN_OR_RETURN(TrialRow row, ToRow(experiment_id, columns));
    trials.push_back(std::move(row));
  }
  return trials;
}

absl::Status AppendMeasurement(Transaction& tx, const TrialId& id, const v1::Measurement& measurement) {
  return tx
      .Execute(
          "INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message) "
          "SELECT :experiment, :trial, COALESCE(MAX(position), 0) + 1, :step, 0, :has_checkpoint, :message "
          "FROM measurements WHERE experiment = :same_experiment AND trial = :same_trial",
          {id.experiment_id, id.number, measurement.step(), !measurement.checkpoint_uri().empty(),
           Bytes{measurement.SerializeAsString()}, id.experiment_id, id.number})
      .status();
}

absl::Status SupersedeMeasurements(Transaction& tx, const TrialId& id, int64_t step) {
  return tx
      .Execute(
          "UPDATE measurements SET superseded = 1 WHERE experiment = :experiment AND trial = :trial AND step "
          "> :step",
          {id.experiment_id, id.number, step})
      .status();
}

absl::StatusOr<std::vector<v1::Measurement>> ListMeasurements(Transaction& tx, const TrialId& id,
                                                              int64_t after, int64_t limit) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<Bytes, bool>("SELECT message, superseded FROM measurements WHERE experiment = :experiment "
                             "AND trial = :trial AND position > :after ORDER BY position LIMIT :limit",
                             {id.experiment_id, id.number, after, limit})));
  return ParseMeasurements(rows);
}

absl::StatusOr<std::optional<v1::Measurement>> NewestCheckpoint(Transaction& tx, const TrialId& id) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<Bytes, bool>("SELECT message, superseded FROM measurements WHERE experiment = :experiment "
                             "AND trial = :trial AND superseded = 0 AND has_checkpoint = 1 "
                             "ORDER BY position DESC LIMIT 1",
                             {id.experiment_id, id.number})));
  SDA_ASSIGN_OR_RETURN(auto measurements, ParseMeasurements(rows));
  if (measurements.empty()) return std::nullopt;
  return std::make_optional(std::move(measurements.front()));
}

absl::StatusOr<std::vector<Reading>> ReadingsOf(Transaction& tx, const std::string& experiment_id,
                                                const std::string& metric) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<int64_t, Bytes>("SELECT trial, message FROM measurements WHERE experiment = :experiment "
                                "AND superseded = 0 ORDER BY trial, position",
                                {experiment_id})));
  std::vector<Reading> readings;
  for (const auto& [trial, bytes] : rows) {
    v1::Measurement measurement;
    SDA_RETURN_IF_ERROR(Parse(bytes, measurement));
    const auto value = measurement.metrics().find(metric);
    if (value != measurement.metrics().end()) readings.push_back({trial, measurement.step(), value->second});
  }
  return readings;
}

absl::StatusOr<Changes> ChangesAfter(Transaction& tx, const std::string& experiment_id, int64_t event) {
  SDA_ASSIGN_OR_RETURN(const auto rows, (tx.Query<int64_t, int64_t>(
                                            "SELECT seq, trial FROM events WHERE experiment = :experiment "
                                            "AND seq > :event ORDER BY seq",
                                            {experiment_id, event})));
  Changes changes;
  changes.last_event = event;
  std::set<int64_t> seen;
  for (const auto& [seq, trial] : rows) {
    changes.last_event = seq;
    if (seen.insert(trial).second) changes.trials.push_back(trial);
  }
  return changes;
}

}  // namespace sda::optimizer::store
