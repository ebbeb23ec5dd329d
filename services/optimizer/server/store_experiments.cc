#include <algorithm>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/optimizer/server/store.h"
#include "services/optimizer/server/store_rows.h"

// Experiments: their rows, labels and positions in the suggester's sequence.
namespace sda::optimizer::store {
namespace {

using sql::Bytes;
using sql::Transaction;

constexpr char kColumns[] = "e.id, e.message, p.suggestions, e.revision, e.number";
constexpr char kTables[] = "experiments e JOIN progress p ON p.experiment = e.id";

std::string OneExperimentSql() {
  return absl::StrCat("SELECT ", kColumns, " FROM ", kTables, " WHERE e.id = :id");
}

using ExperimentColumns = std::tuple<std::string, Bytes, int64_t, int64_t, int64_t>;

absl::StatusOr<ExperimentRow> ToRow(const ExperimentColumns& columns) {
  ExperimentRow row;
  row.id = std::get<0>(columns);
  SDA_RETURN_IF_ERROR(Parse(std::get<1>(columns), row.message));
  row.suggestions = std::get<2>(columns);
  row.stored_suggestions = row.suggestions;
  row.revision = std::get<3>(columns);
  row.message.set_etag(absl::StrCat(row.revision));
  return row;
}

// One state, or all with none, in either order of number.
absl::StatusOr<std::vector<NumberedExperiment>> ListOneState(Transaction& tx,
                                                             std::optional<v1::Experiment::State> state,
                                                             const ExperimentFilter& filter) {
  std::vector<sql::Value> args;
  std::string from = kTables;
  std::string where;
  const std::string number = filter.labels.empty() ? "e.number" : "l0.number";
  // The first label leads, so that its index gives the order; the others are looked up.
  size_t labels = 0;
  for (const auto& [label, content] : filter.labels) {
    const std::string table = absl::StrCat("l", labels++);
    from = table == "l0"
               ? absl::StrCat(
                     "experiment_labels l0 JOIN experiments e ON e.id = l0.experiment "
                     "JOIN progress p ON p.experiment = e.id")
               : absl::StrCat(from, " JOIN experiment_labels ", table, " ON ", table, ".experiment = e.id");
    absl::StrAppend(&where, where.empty() ? "" : " AND ", table, ".label = :label AND ", table,
                    ".content = :content");
    args.emplace_back(label);
    args.emplace_back(content);
  }
  absl::StrAppend(&where, where.empty() ? "" : " AND ", number, filter.ascending ? " > " : " < ", ":edge");
  args.emplace_back(filter.before.value_or(filter.ascending ? 0 : INT64_MAX));
  if (!filter.show_archived) where += " AND e.archived = 0";
  if (state) {
    where += " AND e.state = :state";
    args.emplace_back(static_cast<int>(*state));
    // All values of the column named, so that the index on state gives the order here too.
    if (filter.show_archived && filter.labels.empty()) where += " AND e.archived IN (0, 1)";
  }
  args.emplace_back(filter.limit);
  SDA_ASSIGN_OR_RETURN(const auto rows,
                       (tx.Query<std::string, Bytes, int64_t, int64_t, int64_t>(
                           absl::StrCat("SELECT ", kColumns, " FROM ", from, " WHERE ", where, " ORDER BY ",
                                        number, filter.ascending ? "" : " DESC", " LIMIT :limit"),
                           args)));
  std::vector<NumberedExperiment> experiments;
  for (const auto& columns : rows) {
    SDA_ASSIGN_OR_RETURN(ExperimentRow row, ToRow(columns));
    experiments.push_back({std::get<4>(columns), std::move(row)});
  }
  return experiments;
}

absl::Status WriteSuggestions(Transaction& tx, ExperimentRow& row) {
  if (row.suggestions == row.stored_suggestions) return absl::OkStatus();
  row.stored_suggestions = row.suggestions;
  return tx.Defer("UPDATE progress SET suggestions = :suggestions WHERE experiment = :experiment",
                  {row.suggestions, row.id});
}

}  // namespace

absl::Status WriteLabels(Transaction& tx, const std::string& experiment_id, int64_t number,
                         const v1::Experiment& experiment) {
  SDA_RETURN_IF_ERROR(
      tx.Execute("DELETE FROM experiment_labels WHERE experiment = :experiment", {experiment_id}).status());
  for (const auto& [label, content] : experiment.labels()) {
    SDA_RETURN_IF_ERROR(
        tx.Defer("INSERT INTO experiment_labels (experiment, label, content, number) "
                 "VALUES (:experiment, :label, :content, :number)",
                 {experiment_id, label, content, number}));
  }
  return absl::OkStatus();
}

absl::Status InsertExperiment(Transaction& tx, const ExperimentRow& row) {
  SDA_ASSIGN_OR_RETURN(const auto taken,
                       tx.QueryOne<int64_t>("SELECT 1 FROM experiments WHERE id = :id", {row.id}));
  if (taken) {
    return MakeError(
        absl::StatusCode::kAlreadyExists, absl::StrCat(ExperimentName(row.id), " exists already"),
        {.reason = "EXPERIMENT_EXISTS", .metadata = {{"name", ExperimentName(row.id)}}, .violations = {}});
  }
  SDA_ASSIGN_OR_RETURN(const auto last,
                       tx.QueryOne<int64_t>("SELECT COALESCE(MAX(number), 0) FROM experiments"));
  const int64_t number = std::get<0>(*last) + 1;
  const absl::Status inserted =
      tx.Execute(
            "INSERT INTO experiments (id, number, state, archived, work_type, timed, revision, message, "
            "budget, bandwidth) VALUES (:id, :number, :state, :archived, :work_type, :timed, 1, :message, "
            ":budget, :bandwidth)",
            {row.id, number, static_cast<int>(row.message.state()), row.message.archived(),
             row.message.work().type_url(), row.message.has_wall_clock_budget(),
             Bytes{row.message.SerializeAsString()}, row.message.observation_budget(),
             int64_t{row.message.parallel_bandwidth()}})
          .status();
  // Another process took the number, or the id, at the same time.
  if (absl::IsAlreadyExists(inserted)) return sql::TransactionConflict("an experiment made meanwhile");
  SDA_RETURN_IF_ERROR(inserted);
  SDA_RETURN_IF_ERROR(tx.Execute("INSERT INTO progress (experiment, suggestions, queued, active, succeeded, "
                                 "stopped, infeasible, failed, cancelled) "
                                 "VALUES (:experiment, :suggestions, 0, 0, 0, 0, 0, 0, 0)",
                                 {row.id, row.suggestions})
                          .status());
  if (!row.message.labels().empty()) SDA_RETURN_IF_ERROR(WriteLabels(tx, row.id, number, row.message));
  return AddChange(tx, row.id, 0);
}

absl::Status UpdateExperiment(Transaction& tx, ExperimentRow& row) {
  ++row.revision;
  row.message.set_etag(absl::StrCat(row.revision));
  SDA_RETURN_IF_ERROR(
      tx.Execute("UPDATE experiments SET state = :state, archived = :archived, timed = :timed, "
                 "revision = :revision, message = :message, budget = :budget, bandwidth = :bandwidth "
                 "WHERE id = :id",
                 {static_cast<int>(row.message.state()), row.message.archived(),
                  row.message.has_wall_clock_budget(), row.revision, Bytes{row.message.SerializeAsString()},
                  row.message.observation_budget(), int64_t{row.message.parallel_bandwidth()}, row.id})
          .status());
  SDA_RETURN_IF_ERROR(WriteSuggestions(tx, row));
  SDA_ASSIGN_OR_RETURN(const auto number,
                       tx.QueryOne<int64_t>("SELECT number FROM experiments WHERE id = :id", {row.id}));
  if (number) SDA_RETURN_IF_ERROR(WriteLabels(tx, row.id, std::get<0>(*number), row.message));
  return AddChange(tx, row.id, 0);
}

absl::Status UpdateSuggestions(Transaction& tx, ExperimentRow& row) {
  return WriteSuggestions(tx, row);
}

absl::Status DeleteExperiment(Transaction& tx, const std::string& experiment_id) {
  return tx.Execute("DELETE FROM experiments WHERE id = :id", {experiment_id}).status();
}

absl::Status LockExperiment(Transaction& tx, const std::string& experiment_id) {
  if (tx.dialect() == sql::Dialect::kSqlite) return absl::OkStatus();  // the one writer is the lock
  return tx.Defer("SELECT 1 FROM experiments WHERE id = :id FOR UPDATE", {experiment_id});
}

absl::Status ReadExperimentAhead(Transaction& tx, const std::string& experiment_id) {
  return tx.ReadAhead(OneExperimentSql(), {experiment_id});
}

absl::StatusOr<ExperimentRow> GetExperiment(Transaction& tx, const std::string& experiment_id) {
  SDA_ASSIGN_OR_RETURN(const auto columns, (tx.QueryOne<std::string, Bytes, int64_t, int64_t, int64_t>(
                                               OneExperimentSql(), {experiment_id})));
  if (!columns) return NotFound(ExperimentName(experiment_id));
  return ToRow(*columns);
}

absl::StatusOr<std::vector<NumberedExperiment>> ListExperiments(Transaction& tx,
                                                                const ExperimentFilter& filter) {
  if (filter.states.empty()) return ListOneState(tx, std::nullopt, filter);
  std::vector<v1::Experiment::State> states = filter.states;
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  std::vector<NumberedExperiment> experiments;
  for (v1::Experiment::State state : states) {
    SDA_ASSIGN_OR_RETURN(auto some, ListOneState(tx, state, filter));
    std::move(some.begin(), some.end(), std::back_inserter(experiments));
  }
  std::sort(experiments.begin(), experiments.end(), [&](const auto& a, const auto& b) {
    return filter.ascending ? a.number < b.number : a.number > b.number;
  });
  if (experiments.size() > static_cast<size_t>(filter.limit))
    experiments.erase(experiments.begin() + filter.limit, experiments.end());
  return experiments;
}

absl::StatusOr<std::vector<std::string>> ClaimableExperiments(Transaction& tx, const std::string& work_type,
                                                              int64_t limit) {
  std::string sql =
      "SELECT e.id FROM experiments e JOIN progress p ON p.experiment = e.id WHERE e.state = :state";
  std::vector<sql::Value> args = {static_cast<int>(v1::Experiment::STATE_ACTIVE)};
  if (!work_type.empty()) {
    sql += " AND e.work_type = :work_type";
    args.emplace_back(work_type);
  }
  args.emplace_back(limit);
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      tx.Query<std::string>(
          absl::StrCat(sql,
                       " AND p.active < e.bandwidth AND (p.queued > 0 OR "
                       "p.queued + p.active + p.succeeded + p.stopped + p.infeasible < e.budget) "
                       "ORDER BY e.number LIMIT :limit"),
          args));
  std::vector<std::string> ids;
  for (const auto& [id] : rows) ids.push_back(id);
  return ids;
}

absl::StatusOr<std::vector<std::string>> TimedExperiments(Transaction& tx) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      tx.Query<std::string>("SELECT id FROM experiments WHERE state IN (1, 2) AND timed = 1"));
  std::vector<std::string> ids;
  for (const auto& [id] : rows) ids.push_back(id);
  return ids;
}

}  // namespace sda::optimizer::store
