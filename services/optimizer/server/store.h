#ifndef SDA_SERVICES_OPTIMIZER_SERVER_STORE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/sql/database.h"
#include "sda/optimizer/v1/experiment.pb.h"
#include "services/optimizer/core/lifecycle.h"
#include "services/optimizer/core/space.h"
#include "services/optimizer/server/names.h"

// The optimizer's tables. Functions on an open transaction; messages are stored as they are, what is searched
// by beside them in columns. Every change of a row leaves word for watchers in the same transaction. What
// several processes share is read and changed under LockExperiment.
namespace sda::optimizer::store {

// The schema for sql::Database::Open.
const sql::Schema& OptimizerSchema();

struct ExperimentRow {
  std::string id;
  v1::Experiment message;          // without trial_counts
  int64_t suggestions = 0;         // positions of the suggester's sequence that are used up
  int64_t revision = 0;            // its etag
  int64_t stored_suggestions = 0;  // what the database has; for the store alone
};

struct TrialRow {
  TrialId id;
  v1::Trial message;             // without work
  std::string token;             // of the lease; empty unless ACTIVE
  int32_t counted_attempts = 0;  // those that count against max_attempts
  std::string stop_reason;       // why the trial was told to stop; empty if it was not
  int64_t memory_required_bytes = 0;
  int64_t memory_available_bytes = 0;
  int32_t losses_near_memory_limit = 0;
  // When the lease runs out, by the clock that judges leases (Engine::LeaseMicros).
  int64_t lease_end_micros = 0;
  TrialState stored_state = TrialState::kQueued;  // what the database has; for the store alone

  TrialState state() const { return static_cast<TrialState>(message.state()); }
};

// ALREADY_EXISTS if the id is taken.
absl::Status InsertExperiment(sql::Transaction& tx, const ExperimentRow& row);
// Raises the revision.
absl::Status UpdateExperiment(sql::Transaction& tx, ExperimentRow& row);
// Writes `suggestions` alone; the revision stays, and nobody is told.
absl::Status UpdateSuggestions(sql::Transaction& tx, ExperimentRow& row);
absl::Status DeleteExperiment(sql::Transaction& tx, const std::string& experiment_id);
// Keeps other processes from changing the experiment and its trials until the transaction ends; what is read
// from here on is the newest. OK if there is none.
absl::Status LockExperiment(sql::Transaction& tx, const std::string& experiment_id);
// NOT_FOUND names it.
absl::StatusOr<ExperimentRow> GetExperiment(sql::Transaction& tx, const std::string& experiment_id);

// Reads rows together with the next statement: for what is surely looked at next
// (sql::Transaction::ReadAhead).
absl::Status ReadExperimentAhead(sql::Transaction& tx, const std::string& experiment_id);
absl::Status ReadTrialAhead(sql::Transaction& tx, const TrialId& id);
absl::Status ReadCountsAhead(sql::Transaction& tx, const std::string& experiment_id);
absl::Status ReadClockAhead(sql::Transaction& tx);

struct ExperimentFilter {
  std::vector<v1::Experiment::State> states;  // empty: all
  bool show_archived = false;
  std::optional<int64_t> before;  // only those made before the one of this number (after it, if ascending)
  int64_t limit = 0;
  std::map<std::string, std::string> labels = {};  // only those that have all of them
  bool ascending = false;                          // oldest first
};
struct NumberedExperiment {
  int64_t number = 0;
  ExperimentRow row;
};
// Newest first, or oldest first.
absl::StatusOr<std::vector<NumberedExperiment>> ListExperiments(sql::Transaction& tx,
                                                                const ExperimentFilter& filter);
// Ids of ACTIVE experiments with work of this type (any if empty) that have a trial to hand out, leases that
// ran out aside; oldest first.
absl::StatusOr<std::vector<std::string>> ClaimableExperiments(sql::Transaction& tx,
                                                              const std::string& work_type, int64_t limit);
// Ids of experiments with a wall-clock budget that have not ended.
absl::StatusOr<std::vector<std::string>> TimedExperiments(sql::Transaction& tx);

// The index of an experiment's labels, written anew.
absl::Status WriteLabels(sql::Transaction& tx, const std::string& experiment_id, int64_t number,
                         const v1::Experiment& experiment);

absl::StatusOr<TrialCounts> CountTrials(sql::Transaction& tx, const std::string& experiment_id);

// Gives the trial the next number of its experiment and its name.
absl::Status InsertTrial(sql::Transaction& tx, TrialRow& row);
absl::Status UpdateTrial(sql::Transaction& tx, TrialRow& row);
// NOT_FOUND names it.
absl::StatusOr<TrialRow> GetTrial(sql::Transaction& tx, const TrialId& id);

struct TrialFilter {
  std::vector<TrialState> states;  // empty: all
  int64_t after = 0;               // only numbers above (below, if descending)
  int64_t limit = 0;               // 0: all
  bool descending = false;
};
// By number.
absl::StatusOr<std::vector<TrialRow>> ListTrials(sql::Transaction& tx, const std::string& experiment_id,
                                                 const TrialFilter& filter);

// The QUEUED trial of the lowest number.
absl::StatusOr<std::optional<TrialRow>> FirstQueued(sql::Transaction& tx, const std::string& experiment_id);

// ACTIVE trials whose lease ended at `now_micros` or before.
struct Expired {
  int64_t count = 0;
  int64_t first = 0;  // the lowest number; 0 for none
};
absl::StatusOr<Expired> ExpiredLeases(sql::Transaction& tx, const std::string& experiment_id,
                                      int64_t now_micros);
absl::StatusOr<std::vector<TrialId>> AllExpiredLeases(sql::Transaction& tx, int64_t now_micros);
absl::StatusOr<std::vector<std::string>> ExperimentsWithActiveTrials(sql::Transaction& tx);
// Every lease of the experiment ends then.
absl::Status ExtendLeases(sql::Transaction& tx, const std::string& experiment_id, int64_t end_micros);

// Of one trial; nobody is told.
absl::Status SetLeaseEnd(sql::Transaction& tx, const TrialId& id, int64_t end_micros);

// Whether some trial of the experiment, in whatever state, has this point.
absl::StatusOr<bool> HasPoint(sql::Transaction& tx, const std::string& experiment_id,
                              const Assignments& assignments);

// PostgreSQL's clock.
absl::StatusOr<int64_t> DatabaseMicros(sql::Transaction& tx);

absl::Status AppendMeasurement(sql::Transaction& tx, const TrialId& id, const v1::Measurement& measurement);
// The same with its mark of being superseded, for imports.
absl::Status RestoreMeasurement(sql::Transaction& tx, const TrialId& id, const v1::Measurement& measurement);
// Marks readings after `step` as superseded; step -1: all.
absl::Status SupersedeMeasurements(sql::Transaction& tx, const TrialId& id, int64_t step);
// From position `after` on (0 for the first), with the position of the last one.
absl::StatusOr<std::vector<v1::Measurement>> ListMeasurements(sql::Transaction& tx, const TrialId& id,
                                                              int64_t after, int64_t limit);
// The newest reading with a checkpoint that is not superseded.
absl::StatusOr<std::optional<v1::Measurement>> NewestCheckpoint(sql::Transaction& tx, const TrialId& id);
// What changed after an event, each thing once, by the event that changed it last: at most `limit`, oldest
// event first. Who has seen an event's change has seen all changes up to it.
struct Change {
  int64_t event = 0;
  int64_t trial = 0;  // 0: the experiment itself
};
absl::StatusOr<std::vector<Change>> ChangesAfter(sql::Transaction& tx, const std::string& experiment_id,
                                                 int64_t event, int64_t limit);
// The number of the newest event; 0 for none.
absl::StatusOr<int64_t> LastChange(sql::Transaction& tx, const std::string& experiment_id);
// Of several experiments; PostgreSQL only.
absl::StatusOr<std::map<std::string, int64_t>> LastChanges(sql::Transaction& tx,
                                                           const std::vector<std::string>& experiment_ids);
// The trials that changed after an event, by number.
struct NumberedTrial {
  int64_t number = 0;
  v1::Trial message;
};
absl::StatusOr<std::vector<NumberedTrial>> ChangedTrials(sql::Transaction& tx,
                                                         const std::string& experiment_id, int64_t event);

}  // namespace sda::optimizer::store

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_STORE_H_
