#ifndef SDA_SERVICES_ADVISOR_CORE_METRIC_H_
#define SDA_SERVICES_ADVISOR_CORE_METRIC_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace sda::advisor {

enum class Strategy { kOptimize, kConstraint, kStore };

struct Metric {
  std::string name;
  Strategy strategy = Strategy::kOptimize;
  bool minimize = false;
  std::optional<double> threshold;  // met by values at least this, or at most where `minimize`
  std::optional<double> noise_stddev;
  bool operator==(const Metric&) const = default;
};

// What our trainers report about a trial, and which way is better.
struct KnownMetric {
  std::string_view name;
  bool minimize;
  bool over_time;          // depends on the machine
  bool of_groups = false;  // reported only where training.group_by names a column
};
const std::vector<KnownMetric>& KnownMetrics();
const KnownMetric* FindKnownMetric(std::string_view name);

std::string_view StrategyName(Strategy strategy);

// The rules one metric breaks; fields are "name", "threshold", …, relative to the metric.
std::vector<FieldViolation> CheckMetric(const Metric& metric);

// The rules a list breaks beyond those of each metric: count, names twice, none that guides the search.
// Fields are
// "[2].name", or "" for the list.
std::vector<FieldViolation> CheckMetrics(const std::vector<Metric>& metrics);

// `metrics` and, stored only, every other metric that trainers always report.
std::vector<Metric> WithStoredMetrics(std::vector<Metric> metrics);

// The AUC at which training may stop because the goal is the time to it: train_seconds is minimised and auc
// has a threshold above chance. Nothing otherwise.
std::optional<double> TargetAuc(const std::vector<Metric>& metrics);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_METRIC_H_
