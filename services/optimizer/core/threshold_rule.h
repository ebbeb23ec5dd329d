#ifndef SDA_SERVICES_OPTIMIZER_CORE_THRESHOLD_RULE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_THRESHOLD_RULE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/core/metric.h"

namespace sda::optimizer {

// Stop what will hardly come to anything; meanings as in sda.optimizer.v1.ThresholdRule.
struct ThresholdRule {
  int64_t max_steps = 1;
  int64_t min_steps = 0;
  int min_readings = 5;
  double probability = 0.05;
};

struct Outlook {
  bool stop = false;
  double meets = 1;     // probability that every threshold is met at the end
  double improves = 1;  // probability that, besides, no trial of the front is as good
  // Whether the thresholds alone are out of reach.
  bool thresholds = false;
};

// What is to be expected of a trial with these curves by metric, given the final values of the SUCCEEDED
// trials. Metrics without enough readings, and those that are only stored, are taken to turn out well. Joint
// probabilities come from a fixed number of independent draws; same input, same answer.
Outlook LookAhead(const ThresholdRule& rule, const std::vector<Metric>& metrics,
                  const std::map<std::string, Curve>& curves, const std::vector<MetricValues>& succeeded);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_THRESHOLD_RULE_H_
