#ifndef SDA_SERVICES_OPTIMIZER_CORE_INSIGHTS_CONVERGENCE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_INSIGHTS_CONVERGENCE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/optimizer/core/metric.h"

namespace sda::optimizer {

// One counted trial; only SUCCEEDED ones have values that count.
struct CountedTrial {
  bool succeeded = false;
  MetricValues metrics = {};
};

struct Convergence {
  struct Point {
    std::optional<double> best;         // of the metric, among trials within the thresholds
    std::optional<double> hypervolume;  // with two OPTIMIZE metrics or more
  };
  std::vector<Point> points;  // one a trial
  // By OPTIMIZE metric; empty with fewer than two.
  std::map<std::string, double> reference;
};

// How the search went on, trial by trial in order of completion. The hypervolume is that of the trials within
// the thresholds, up to the thresholds, or where a metric has none, to the worst value of a SUCCEEDED trial.
Convergence FindConvergence(const std::vector<Metric>& metrics, const std::string& metric,
                            const std::vector<CountedTrial>& trials);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_INSIGHTS_CONVERGENCE_H_
