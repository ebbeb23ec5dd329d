#include "services/optimizer/server/store_curves.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/optimizer/core/best_trials.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/store_rows.h"

namespace sda::optimizer::store {
namespace {

using sql::Bytes;
using sql::Transaction;

// The trials with readings from the newest on, each found by one look at the index.
constexpr char kReported[] =
    "WITH RECURSIVE reported (trial, place) AS ("
    "SELECT MAX(trial), 1 FROM curves WHERE experiment = :experiment1 "
    "UNION ALL SELECT (SELECT MAX(c.trial) FROM curves c WHERE c.experiment = :experiment2 "
    "AND c.trial < reported.trial), reported.place + 1 FROM reported "
    "WHERE reported.trial IS NOT NULL AND reported.place <= :most) ";

// Measurements a fixed distance apart, each moved back by less than that: what is reported at regular
// positions, such as every tenth, is hit as often as it is there.
constexpr char kPicked[] =
    "WITH RECURSIVE picked (i, position) AS ("
    "SELECT CAST(0 AS BIGINT), CAST(:last1 AS BIGINT) "
    "UNION ALL SELECT i + 1, CAST(:last2 AS BIGINT) - (i + 1) * CAST(:stride1 AS BIGINT) "
    "- ((i + 1) * 7919) % CAST(:stride2 AS BIGINT) FROM picked "
    "WHERE (i + 2) * CAST(:stride3 AS BIGINT) <= CAST(:last3 AS BIGINT)) ";

absl::StatusOr<int64_t> LastPosition(Transaction& tx, const TrialId& id) {
  SDA_ASSIGN_OR_RETURN(const auto last,
                       tx.QueryOne<int64_t>("SELECT COALESCE(MAX(position), 0) FROM measurements "
                                            "WHERE experiment = :experiment AND trial = :trial",
                                            {id.experiment_id, id.number}));
  return last ? std::get<0>(*last) : 0;
}

// A front as it is kept: names and values of its trials.
using Front = v1::ListBestTrialsResponse;

void AddToFront(const v1::Trial& trial, Front& front) {
  v1::Trial& member = *front.add_pareto();
  member.set_name(trial.name());
  *member.mutable_metrics() = trial.metrics();
}

std::vector<MetricValues> ValuesOf(const Front& front) {
  std::vector<MetricValues> values;
  for (const v1::Trial& member : front.pareto()) values.push_back(ToMetricValues(member.metrics()));
  return values;
}

// Leaves those of the front alone.
void Sift(const std::vector<Metric>& metrics, Front& front) {
  Front sifted;
  for (const size_t i : FindBestTrials(metrics, ValuesOf(front)).pareto)
    *sifted.add_pareto() = front.pareto(static_cast<int>(i));
  front = std::move(sifted);
}

absl::StatusOr<Front> WholeFront(Transaction& tx, const std::string& id, const std::vector<Metric>& metrics) {
  SDA_ASSIGN_OR_RETURN(const auto rows, ListTrials(tx, id, {.states = {TrialState::kSucceeded}}));
  Front front;
  for (const TrialRow& row : rows) AddToFront(row.message, front);
  Sift(metrics, front);
  return front;
}

bool IsMember(const Front& front, const std::string& name) {
  return std::any_of(front.pareto().begin(), front.pareto().end(),
                     [&](const v1::Trial& member) { return member.name() == name; });
}

}  // namespace

std::optional<Metric> ComparedMetric(const v1::Experiment& experiment) {
  const v1::EarlyStopping& stopping = experiment.early_stopping();
  if (!stopping.has_median() && !stopping.has_halving()) return std::nullopt;
  const std::string& name = stopping.has_median() ? stopping.median().metric() : stopping.halving().metric();
  for (const Metric& metric : ToMetrics(experiment)) {
    if (metric.strategy == Strategy::kOptimize && (name.empty() || metric.name == name)) return metric;
  }
  return std::nullopt;
}

absl::Status ExtendCurve(Transaction& tx, const TrialId& id, const v1::Experiment& experiment,
                         const v1::Measurement& measurement) {
  const std::optional<Metric> metric = ComparedMetric(experiment);
  if (!metric) return absl::OkStatus();
  const auto reading = measurement.metrics().find(metric->name);
  if (reading == measurement.metrics().end()) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const auto last, (tx.QueryOne<double, int64_t, double>(
                                            "SELECT total, readings, best FROM curves "
                                            "WHERE experiment = :experiment AND trial = :trial "
                                            "ORDER BY step DESC LIMIT 1",
                                            {id.experiment_id, id.number})));
  double total = reading->second, best = reading->second;
  int64_t readings = 1;
  if (last) {
    total += std::get<0>(*last);
    readings += std::get<1>(*last);
    best = metric->maximize ? std::max(best, std::get<2>(*last)) : std::min(best, std::get<2>(*last));
  }
  return tx
      .Execute(
          "INSERT INTO curves (experiment, trial, step, total, readings, best) "
          "VALUES (:experiment, :trial, :step, :total, :readings, :best)",
          {id.experiment_id, id.number, measurement.step(), total, readings, best})
      .status();
}

absl::Status CutCurve(Transaction& tx, const TrialId& id, int64_t step) {
  return tx
      .Execute("DELETE FROM curves WHERE experiment = :experiment AND trial = :trial AND step > :step",
               {id.experiment_id, id.number, step})
      .status();
}

absl::StatusOr<std::vector<CurvePoint>> LastPoints(Transaction& tx, const TrialId& id) {
  SDA_ASSIGN_OR_RETURN(const auto rows,
                       (tx.Query<int64_t, double, double>("SELECT step, total / readings, best FROM curves "
                                                          "WHERE experiment = :experiment AND trial = :trial "
                                                          "ORDER BY step DESC LIMIT 2",
                                                          {id.experiment_id, id.number})));
  std::vector<CurvePoint> points;
  for (const auto& [step, mean, best] : rows)
    points.push_back({.trial = id.number, .step = step, .mean = mean, .best = best});
  return points;
}

absl::StatusOr<std::vector<CurvePoint>> OthersAt(Transaction& tx, const TrialId& id, int64_t step,
                                                 int64_t most) {
  SDA_ASSIGN_OR_RETURN(
      const auto rows,
      (tx.Query<int64_t, int64_t, double, double>(
          absl::StrCat(
              kReported,
              "SELECT c.trial, c.step, c.total / c.readings, c.best FROM reported JOIN curves c "
              "ON c.experiment = :experiment3 AND c.trial = reported.trial AND c.step = COALESCE("
              "(SELECT MAX(step) FROM curves WHERE experiment = :experiment4 AND trial = reported.trial "
              "AND step <= :step1), "
              "(SELECT MIN(step) FROM curves WHERE experiment = :experiment5 AND trial = reported.trial)) "
              "WHERE reported.trial <> :own AND EXISTS (SELECT 1 FROM curves WHERE experiment = :experiment6 "
              "AND trial = reported.trial AND step >= :step2)"),
          {id.experiment_id, id.experiment_id, most, id.experiment_id, id.experiment_id, step,
           id.experiment_id, id.number, id.experiment_id, step})));
  std::vector<CurvePoint> points;
  points.reserve(rows.size());
  for (const auto& [trial, at, mean, best] : rows)
    points.push_back({.trial = trial, .step = at, .mean = mean, .best = best});
  return points;
}

absl::StatusOr<std::vector<v1::Measurement>> SpreadMeasurements(Transaction& tx, const TrialId& id,
                                                                int64_t most) {
  SDA_ASSIGN_OR_RETURN(const int64_t last, LastPosition(tx, id));
  std::vector<v1::Measurement> measurements;
  if (last <= most) {
    SDA_ASSIGN_OR_RETURN(measurements, ListMeasurements(tx, id, 0, most));
  } else {
    const int64_t stride = (last + most - 1) / most;
    SDA_ASSIGN_OR_RETURN(
        const auto rows,
        (tx.Query<Bytes, bool>(
            absl::StrCat(
                kPicked,
                "SELECT m.message, m.superseded FROM picked JOIN measurements m "
                "ON m.experiment = :experiment AND m.trial = :trial AND m.position = picked.position "
                "ORDER BY m.position"),
            {last, last, stride, stride, stride, last, id.experiment_id, id.number})));
    for (const auto& [bytes, superseded] : rows) {
      SDA_RETURN_IF_ERROR(Parse(bytes, measurements.emplace_back()));
      measurements.back().set_superseded(superseded);
    }
  }
  std::erase_if(measurements, [](const v1::Measurement& measurement) { return measurement.superseded(); });
  return measurements;
}

absl::StatusOr<std::map<std::string, Curve>> CurvesByMetric(Transaction& tx, const TrialId& id,
                                                            int64_t most) {
  SDA_ASSIGN_OR_RETURN(const auto measurements, SpreadMeasurements(tx, id, most));
  std::map<std::string, Curve> curves;
  for (const v1::Measurement& measurement : measurements) {
    for (const auto& [name, value] : measurement.metrics()) {
      curves[name].steps.push_back(measurement.step());
      curves[name].values.push_back(value);
    }
  }
  return curves;
}

absl::StatusOr<std::vector<MetricValues>> FrontValues(Transaction& tx, const std::string& experiment_id,
                                                      const v1::Experiment& experiment) {
  const std::vector<Metric> metrics = ToMetrics(experiment);
  SDA_ASSIGN_OR_RETURN(
      const auto kept,
      (tx.QueryOne<int64_t, std::string, Bytes>(
          "SELECT event, etag, message FROM fronts WHERE experiment = :experiment", {experiment_id})));
  SDA_ASSIGN_OR_RETURN(const int64_t newest, LastChange(tx, experiment_id));
  Front front;
  // Another etag: thresholds may be others.
  bool whole = !kept || std::get<1>(*kept) != experiment.etag();
  bool changed = whole;
  if (!whole) {
    SDA_RETURN_IF_ERROR(Parse(std::get<2>(*kept), front));
    SDA_ASSIGN_OR_RETURN(const auto trials, ChangedTrials(tx, experiment_id, std::get<0>(*kept)));
    for (const NumberedTrial& trial : trials) {
      whole = whole || IsMember(front, trial.message.name());  // corrected, or taken back
      if (trial.message.state() != v1::Trial::STATE_SUCCEEDED) continue;
      AddToFront(trial.message, front);
      changed = true;
    }
    if (changed) Sift(metrics, front);
  }
  if (whole) {
    SDA_ASSIGN_OR_RETURN(front, WholeFront(tx, experiment_id, metrics));
    changed = true;
  }
  // Reports of running trials alone need not be written down each time.
  constexpr int64_t kMostUnseen = 100;
  if (changed || newest - std::get<0>(*kept) > kMostUnseen) {
    SDA_RETURN_IF_ERROR(
        tx.Execute("INSERT INTO fronts (experiment, event, etag, message) "
                   "VALUES (:experiment, :event, :etag, :message) ON CONFLICT (experiment) DO UPDATE "
                   "SET event = excluded.event, etag = excluded.etag, message = excluded.message",
                   {experiment_id, newest, experiment.etag(), Bytes{front.SerializeAsString()}})
            .status());
  }
  return ValuesOf(front);
}

}  // namespace sda::optimizer::store
