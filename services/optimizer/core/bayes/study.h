#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_STUDY_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_STUDY_H_

#include <set>
#include <string>
#include <vector>

#include "services/optimizer/core/bayes/encoding.h"
#include "services/optimizer/core/bayes/linear_region.h"
#include "services/optimizer/core/bayes/metric_model.h"
#include "services/optimizer/core/suggester.h"

namespace sda::optimizer::bayes {

// A search state as the models see it: places, signed values, who is pending, what failed.
struct Study {
  explicit Study(const SearchState& state);

  // Keeps the given trials of `finished` and `infeasible` only.
  void Restrict(const std::vector<size_t>& finished_kept, const std::vector<size_t>& infeasible_kept);

  const SearchState& state;
  const Encoding encoding;
  const LinearRegion region;

  struct Outcome {
    Place place;
    std::vector<double> coordinates;
    std::vector<double> values;  // [metric of `modelled`], smaller being better; NaN where missing
    std::vector<double> noise;   // [metric of `modelled`], variance of the value; NaN where unknown
    bool valued = false;         // all of them are there
    size_t trial = 0;            // index in the state
  };
  std::vector<size_t> modelled;  // indices of the OPTIMIZE and CONSTRAINT metrics
  // Positions within `modelled`: all objectives, or four drawn anew for each suggestion where there are more.
  // What improves the front of some of them improves the front of all.
  std::vector<size_t> objectives;
  std::vector<size_t> constraints;
  std::vector<Outcome> finished;  // with at least one value
  std::vector<Outcome> pending;
  std::vector<Outcome> infeasible;
  std::set<std::string> taken;       // keys of all points that are pending or have ended for good
  std::set<std::string> replicable;  // of those, the ones that ended with values and are not pending again
  bool noise_stated = false;         // by a metric, or by a trial of its values
  std::optional<size_t> cost;        // index of the metric that says what a trial costs
  std::vector<double> costs;         // its value of each of `finished`; NaN where missing or not above 0

  // The sign that makes smaller better, of a metric of `modelled`.
  double Sign(size_t m) const;
  const Metric& metric(size_t m) const { return state.metrics[modelled[m]]; }
  // Its threshold in signed values, or nothing.
  std::optional<double> Limit(size_t m) const;
  // Whether the outcome keeps the limits of all constraint metrics.
  bool KeepsConstraints(const Outcome& outcome) const;
  MetricData Data(size_t m) const;

  // Objectives without a threshold beside others with one: "A at least 0.8, as little B as possible". Empty
  // where the objectives are not of both kinds.
  std::vector<size_t> Wanted() const;
  // From now on the objective m is the only one, and the thresholds of the others are constraints.
  void AimAt(size_t m);
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_STUDY_H_
