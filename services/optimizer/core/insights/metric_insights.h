#ifndef SDA_SERVICES_OPTIMIZER_CORE_INSIGHTS_METRIC_INSIGHTS_H_
#define SDA_SERVICES_OPTIMIZER_CORE_INSIGHTS_METRIC_INSIGHTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"
#include "services/optimizer/core/suggester.h"

// What finished trials say about one metric. Everything comes from one Gaussian process fitted to the
// metric's values, as the search itself fits it (linear warp).
namespace sda::optimizer {

// Sobol indices of the fitted mean over the space, linear constraints left aside: which share of its variance
// goes with the parameter alone, and which with it and its interactions (Saltelli et al. 2010, Jansen 1999).
// The deviation is that over models fitted to resampled trials.
struct Importance {
  std::string parameter;
  double main_share = 0, total_share = 0, total_share_stddev = 0;
};

// The model's mean at a value of the parameter, averaged over the others, and the deviation of that average
// by what the model does not know.
struct Dependence {
  struct Point {
    Value value;
    double mean = 0, stddev = 0;
  };
  std::string parameter;
  std::vector<Point> points;
};

// Prediction of a trial from all the others.
struct LeftOut {
  size_t trial = 0;  // index in the input
  double observed = 0, mean = 0, stddev = 0;
};

struct MetricInsights {
  size_t observations = 0;
  std::vector<Importance> importance;  // largest total share first
  std::vector<Dependence> dependence;  // in order of the parameters
  std::vector<LeftOut> left_out;
  double explained_variance = 0;
  double two_sigma_coverage = 0;
};

struct InsightsOptions {
  size_t dependence_points = 20;
  uint64_t seed = 0;
};

inline constexpr size_t kFewestForInsights = 4;

// Of the SUCCEEDED and STOPPED trials with a finite value of the metric; of more than 300 the newest. At
// least kFewestForInsights are needed; with fewer the result has `observations` only.
MetricInsights ExplainMetric(const Space& space, const Metric& metric,
                             const std::vector<ObservedTrial>& trials, const InsightsOptions& options);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_INSIGHTS_METRIC_INSIGHTS_H_
