#ifndef SDA_SERVICES_OPTIMIZER_CORE_BEST_TRIALS_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BEST_TRIALS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/optimizer/core/metric.h"

namespace sda::optimizer {

// What the search has found. Trials are named by their index in the input.
struct BestTrials {
  // Trials within every threshold that no other such trial is at least as good as in every optimised metric
  // and better in one; rising. Equal trials are all there.
  std::vector<size_t> pareto;
  // By optimised metric: the best within the thresholds, else the best of all; the first of equals.
  std::map<std::string, size_t> best_by_metric;
  // Of the front the best in the first optimised metric without a threshold (a metric that has met its
  // threshold is good enough), or, where all have one, in the first; with an empty front the trial whose
  // largest shortfall from a threshold, relative to the threshold's size, is smallest. Nothing without
  // trials.
  std::optional<size_t> recommended;
  bool thresholds_met = false;  // by `recommended`
};

// `values` are the final values of the SUCCEEDED trials, in order.
BestTrials FindBestTrials(const std::vector<Metric>& metrics, const std::vector<MetricValues>& values);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BEST_TRIALS_H_
