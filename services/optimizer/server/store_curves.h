#ifndef SDA_SERVICES_OPTIMIZER_SERVER_STORE_CURVES_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_STORE_CURVES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/core/metric.h"
#include "services/optimizer/server/store.h"

// What the rules of early stopping read with every report, kept so that a report reads little: for each
// reading the aggregates of its curve up to there, and the front of the finished trials.
namespace sda::optimizer::store {

// The metric that the median and halving rules of this experiment compare; nothing where it has neither.
std::optional<Metric> ComparedMetric(const v1::Experiment& experiment);

// A trial's readings of the compared metric up to and with one of them.
struct CurvePoint {
  int64_t trial = 0;
  int64_t step = 0;
  double mean = 0;
  double best = 0;
};

// Keeps a reading of the compared metric, whose step is above those before; nothing to do where the
// measurement has none, or the experiment no such metric.
absl::Status ExtendCurve(sql::Transaction& tx, const TrialId& id, const v1::Experiment& experiment,
                         const v1::Measurement& measurement);
// Forgets readings after `step`; -1: all.
absl::Status CutCurve(sql::Transaction& tx, const TrialId& id, int64_t step);
// The last two points of a trial, newest first; fewer where there are fewer.
absl::StatusOr<std::vector<CurvePoint>> LastPoints(sql::Transaction& tx, const TrialId& id);
// Of each other trial that has come to `step`, or beyond, the last point up to it; its first where it begins
// beyond. Of the `most` newest trials with readings.
absl::StatusOr<std::vector<CurvePoint>> OthersAt(sql::Transaction& tx, const TrialId& id, int64_t step,
                                                 int64_t most);

// At most `most` measurements of a trial that stand, in order, the last one among them: all of them, or so
// many spread over all.
absl::StatusOr<std::vector<v1::Measurement>> SpreadMeasurements(sql::Transaction& tx, const TrialId& id,
                                                                int64_t most);

// A trial's readings that stand, by metric, thinned to those of at most `most` measurements.
absl::StatusOr<std::map<std::string, Curve>> CurvesByMetric(sql::Transaction& tx, const TrialId& id,
                                                            int64_t most);

// Final values of the Pareto front of the SUCCEEDED trials. Kept from call to call; only what changed since
// is read, unless a trial of the front was corrected or the experiment changed. Under the experiment's lock.
absl::StatusOr<std::vector<MetricValues>> FrontValues(sql::Transaction& tx, const std::string& experiment_id,
                                                      const v1::Experiment& experiment);

}  // namespace sda::optimizer::store

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_STORE_CURVES_H_
