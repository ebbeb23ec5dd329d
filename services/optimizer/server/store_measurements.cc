#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/status_macros.h"
#include "services/optimizer/server/store.h"
#include "services/optimizer/server/store_rows.h"

// Readings of trials, and what changed.
namespace sda::optimizer::store {
namespace {

using sql::Bytes;
using sql::Transaction;

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

absl::Status AddChange(Transaction& tx, const std::string& experiment_id, int64_t trial) {
  return tx.Defer(
      "INSERT INTO changes (experiment, trial, seq) VALUES (:experiment, :trial, "
      "(SELECT COALESCE(MAX(seq), 0) + 1 FROM changes WHERE experiment = :same_experiment)) "
      "ON CONFLICT (experiment, trial) DO UPDATE SET seq = excluded.seq",
      {experiment_id, trial, experiment_id});
}

namespace {

absl::Status Append(Transaction& tx, const TrialId& id, const v1::Measurement& measurement, bool superseded) {
  return tx.Defer(
      "INSERT INTO measurements (experiment, trial, position, step, superseded, has_checkpoint, message) "
      "VALUES (:experiment, :trial, (SELECT COALESCE(MAX(position), 0) + 1 FROM measurements "
      "WHERE experiment = :same_experiment AND trial = :same_trial), :step, :superseded, "
      ":has_checkpoint, "
      ":message)",
      {id.experiment_id, id.number, id.experiment_id, id.number, measurement.step(), superseded,
       !measurement.checkpoint_uri().empty(), Bytes{measurement.SerializeAsString()}});
}

}  // namespace

absl::Status AppendMeasurement(Transaction& tx, const TrialId& id, const v1::Measurement& measurement) {
  return Append(tx, id, measurement, /*superseded=*/false);
}

absl::Status RestoreMeasurement(Transaction& tx, const TrialId& id, const v1::Measurement& measurement) {
  return Append(tx, id, measurement, measurement.superseded());
}

absl::Status SupersedeMeasurements(Transaction& tx, const TrialId& id, int64_t step) {
  return tx.Defer(
      "UPDATE measurements SET superseded = 1 WHERE experiment = :experiment AND trial = :trial AND step "
      "> :step",
      {id.experiment_id, id.number, step});
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

absl::StatusOr<std::vector<Change>> ChangesAfter(Transaction& tx, const std::string& experiment_id,
                                                 int64_t event, int64_t limit) {
  SDA_ASSIGN_OR_RETURN(const auto rows, (tx.Query<int64_t, int64_t>(
                                            "SELECT seq, trial FROM changes WHERE experiment = :experiment "
                                            "AND seq > :event ORDER BY seq LIMIT :limit",
                                            {experiment_id, event, limit})));
  std::vector<Change> changes;
  changes.reserve(rows.size());
  for (const auto& [seq, trial] : rows) changes.push_back({.event = seq, .trial = trial});
  return changes;
}

absl::StatusOr<int64_t> LastChange(Transaction& tx, const std::string& experiment_id) {
  SDA_ASSIGN_OR_RETURN(
      const auto last,
      tx.QueryOne<int64_t>("SELECT COALESCE(MAX(seq), 0) FROM changes WHERE experiment = :experiment",
                           {experiment_id}));
  return last ? std::get<0>(*last) : 0;
}

absl::StatusOr<std::map<std::string, int64_t>> LastChanges(Transaction& tx,
                                                           const std::vector<std::string>& experiment_ids) {
  // An array's literal; ids hold nothing that would need quotes.
  const std::string ids = absl::StrCat("{", absl::StrJoin(experiment_ids, ","), "}");
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      // One look at the end of the index for each, however many changes it has had.
      (tx.Query<std::string, int64_t>(
          "SELECT asked.id, COALESCE((SELECT MAX(seq) FROM changes WHERE experiment = asked.id), 0) "
          "FROM unnest(CAST(:ids AS TEXT[])) AS asked (id)",
          {ids})));
  std::map<std::string, int64_t> changes;
  for (const auto& [id, seq] : rows) changes[id] = seq;
  return changes;
}

absl::StatusOr<std::vector<NumberedTrial>> ChangedTrials(Transaction& tx, const std::string& experiment_id,
                                                         int64_t event) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<int64_t, Bytes>("SELECT t.number, t.message FROM changes c JOIN trials t "
                                "ON t.experiment = c.experiment AND t.number = c.trial "
                                "WHERE c.experiment = :experiment AND c.seq > :event ORDER BY t.number",
                                {experiment_id, event})));
  std::vector<NumberedTrial> trials;
  trials.reserve(rows.size());
  for (const auto& [number, bytes] : rows) {
    trials.push_back({number, {}});
    SDA_RETURN_IF_ERROR(Parse(bytes, trials.back().message));
  }
  return trials;
}

}  // namespace sda::optimizer::store
