#ifndef SDA_SERVICES_OPTIMIZER_CORE_METRIC_H_
#define SDA_SERVICES_OPTIMIZER_CORE_METRIC_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace sda::optimizer {

enum class Strategy { kOptimize, kConstraint, kStore };

// Something a trial measures; meanings as in sda.optimizer.v1.Metric.
struct Metric {
  std::string name;
  Strategy strategy = Strategy::kOptimize;
  bool maximize = true;
  std::optional<double> threshold = {};
  std::optional<double> noise_stddev = {};
};

using MetricValues = std::map<std::string, double>;

// Every rule the metrics break, with paths ("metrics[1].threshold").
std::vector<FieldViolation> ValidateMetrics(const std::vector<Metric>& metrics);

// Whether `a` is better than `b`; NaN is worse than everything.
bool Better(const Metric& metric, double a, double b);

// True for metrics without a threshold and for values that meet it; false for NaN.
bool MeetsThreshold(const Metric& metric, double value);

// Whether every OPTIMIZE and CONSTRAINT metric has a value that meets its threshold.
bool MeetsThresholds(const std::vector<Metric>& metrics, const MetricValues& values);

// The first OPTIMIZE or CONSTRAINT metric without a value, or nothing.
std::optional<std::string> MissingMetric(const std::vector<Metric>& metrics, const MetricValues& values);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_METRIC_H_
