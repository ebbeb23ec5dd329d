#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "common/storage/sql/idempotency.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/store.h"
#include "services/optimizer/server/store_curves.h"
#include "services/optimizer/server/store_rows.h"

namespace sda::optimizer::store {
namespace {

using sql::Bytes;
using sql::Transaction;

std::vector<std::string> FirstVersion() {
  std::vector<std::string> statements = {
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
  for (std::string& statement : sql::IdempotencySchema()) statements.push_back(std::move(statement));
  return statements;
}

// Counts of trials are kept instead of counted, every change keeps its last event only, a lease's end is in
// its trial's row, and what lists and workers search by has an index.
std::vector<std::string> SecondVersion() {
  std::string counts;
  for (int state = 1; state <= 7; ++state)
    absl::StrAppend(&counts,
                    ", (SELECT COUNT(*) FROM trials t WHERE t.experiment = e.id AND t.state = ", state, ")");
  return {
      "CREATE TABLE progress (experiment TEXT PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE, "
      "suggestions BIGINT NOT NULL, queued BIGINT NOT NULL, active BIGINT NOT NULL, succeeded BIGINT NOT "
      "NULL, "
      "stopped BIGINT NOT NULL, infeasible BIGINT NOT NULL, failed BIGINT NOT NULL, cancelled BIGINT NOT "
      "NULL)",
      absl::StrCat("INSERT INTO progress SELECT e.id, e.suggestions", counts, " FROM experiments e"),
      "ALTER TABLE experiments DROP COLUMN suggestions",
      "ALTER TABLE experiments ADD COLUMN budget BIGINT NOT NULL DEFAULT 0",
      "ALTER TABLE experiments ADD COLUMN bandwidth BIGINT NOT NULL DEFAULT 0",
      "CREATE INDEX experiments_listed ON experiments (archived, number)",
      "CREATE INDEX experiments_by_state ON experiments (state, archived, number)",
      "CREATE TABLE experiment_labels (experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE "
      "CASCADE, "
      "label TEXT NOT NULL, content TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (experiment, label))",
      "CREATE INDEX experiment_labels_by_content ON experiment_labels (label, content, number)",
      "ALTER TABLE trials ADD COLUMN lease_end BIGINT NOT NULL DEFAULT 0",
      "ALTER TABLE trials ADD COLUMN point BIGINT NOT NULL DEFAULT 0",
      "DROP INDEX trials_by_state",
      "CREATE INDEX trials_by_state ON trials (experiment, state, number)",
      "CREATE INDEX trials_by_point ON trials (experiment, point)",
      "CREATE INDEX trials_active ON trials (experiment, number) WHERE state = 2",
      "CREATE TABLE changes (experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE, "
      "trial BIGINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (experiment, trial))",
      "INSERT INTO changes SELECT experiment, trial, MAX(seq) FROM events GROUP BY experiment, trial",
      "CREATE UNIQUE INDEX changes_in_order ON changes (experiment, seq)",
      "DROP TABLE events",
  };
}

// The new columns of rows that are there already.
absl::Status FillSecondVersion(Transaction& tx) {
  SDA_ASSIGN_OR_RETURN(
      const auto experiments,
      (tx.Query<std::string, Bytes, int64_t>("SELECT id, message, number FROM experiments")));
  for (const auto& [id, bytes, number] : experiments) {
    v1::Experiment experiment;
    SDA_RETURN_IF_ERROR(Parse(bytes, experiment));
    SDA_RETURN_IF_ERROR(
        tx.Execute("UPDATE experiments SET budget = :budget, bandwidth = :bandwidth WHERE id = :id",
                   {experiment.observation_budget(), int64_t{experiment.parallel_bandwidth()}, id})
            .status());
    SDA_RETURN_IF_ERROR(WriteLabels(tx, id, number, experiment));
    SDA_ASSIGN_OR_RETURN(const auto trials,
                         (tx.Query<int64_t, Bytes>(
                             "SELECT number, message FROM trials WHERE experiment = :experiment", {id})));
    for (const auto& [trial_number, trial_bytes] : trials) {
      v1::Trial trial;
      SDA_RETURN_IF_ERROR(Parse(trial_bytes, trial));
      SDA_RETURN_IF_ERROR(
          tx.Execute("UPDATE trials SET point = :point WHERE experiment = :experiment AND number = :number",
                     {PointHash(ToAssignments(trial.assignments())), id, trial_number})
              .status());
    }
  }
  return absl::OkStatus();
}

// What a report needs of all readings and of all finished trials, kept instead of read (store_curves.h).
std::vector<std::string> ThirdVersion() {
  return {
      "CREATE TABLE curves (experiment TEXT NOT NULL, trial BIGINT NOT NULL, step BIGINT NOT NULL, "
      "total DOUBLE PRECISION NOT NULL, readings BIGINT NOT NULL, best DOUBLE PRECISION NOT NULL, "
      "PRIMARY KEY (experiment, trial, step), "
      "FOREIGN KEY (experiment, trial) REFERENCES trials (experiment, number) ON DELETE CASCADE)",
      "CREATE TABLE fronts (experiment TEXT PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE, "
      "event BIGINT NOT NULL, etag TEXT NOT NULL, message TEXT NOT NULL)",
  };
}

// The curves of trials that have reported already; fronts are made when they are first asked for.
absl::Status FillThirdVersion(Transaction& tx) {
  SDA_ASSIGN_OR_RETURN(const auto experiments,
                       (tx.Query<std::string, Bytes>("SELECT id, message FROM experiments")));
  for (const auto& [id, bytes] : experiments) {
    v1::Experiment experiment;
    SDA_RETURN_IF_ERROR(Parse(bytes, experiment));
    if (!ComparedMetric(experiment)) continue;
    SDA_ASSIGN_OR_RETURN(
        const auto rows,
        (tx.Query<int64_t, Bytes>("SELECT trial, message FROM measurements WHERE experiment = :experiment "
                                  "AND superseded = 0 ORDER BY trial, position",
                                  {id})));
    for (const auto& [trial, reading] : rows) {
      v1::Measurement measurement;
      SDA_RETURN_IF_ERROR(Parse(reading, measurement));
      SDA_RETURN_IF_ERROR(ExtendCurve(tx, {id, trial}, experiment, measurement));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const sql::Schema& OptimizerSchema() {
  static const auto* const schema =
      new sql::Schema{.component = "optimizer",
                      .migrations = {{.version = 1, .statements = FirstVersion(), .fill = {}},
                                     {.version = 2, .statements = SecondVersion(), .fill = FillSecondVersion},
                                     {.version = 3, .statements = ThirdVersion(), .fill = FillThirdVersion}}};
  return *schema;
}

}  // namespace sda::optimizer::store
