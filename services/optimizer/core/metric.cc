#include "services/optimizer/core/metric.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <absl/strings/str_cat.h>

namespace sda::optimizer {
namespace {

constexpr size_t kMaxMetrics = 50;
constexpr int kMaxOptimized = 4;
constexpr size_t kMaxNameBytes = 100;

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
             std::string::npos;
}

}  // namespace

std::vector<FieldViolation> ValidateMetrics(const std::vector<Metric>& metrics) {
  std::vector<FieldViolation> violations;
  const auto add = [&](std::string field, std::string description) {
    violations.push_back({std::move(field), std::move(description)});
  };
  if (metrics.empty() || metrics.size() > kMaxMetrics) {
    add("metrics", absl::StrCat("has ", metrics.size(), " entries; must have 1 to ", kMaxMetrics));
  }
  std::set<std::string> names;
  int optimized = 0, constraints = 0, costs = 0;
  for (size_t i = 0; i < metrics.size(); ++i) {
    const Metric& metric = metrics[i];
    const std::string path = absl::StrCat("metrics[", i, "]");
    if (!IsName(metric.name)) {
      add(path + ".name", absl::StrCat("is \"", metric.name, "\"; must be 1 to ", kMaxNameBytes,
                                       " characters of [A-Za-z0-9_.-]"));
    } else if (!names.insert(metric.name).second) {
      add(path + ".name", absl::StrCat("is \"", metric.name, "\"; must be unique"));
    }
    optimized += metric.strategy == Strategy::kOptimize;
    costs += metric.cost;
    if (costs > 1) add(path + ".cost", "is true for a second metric; must be true for at most one");
    constraints += metric.strategy == Strategy::kConstraint;
    if (metric.threshold && !std::isfinite(*metric.threshold))
      add(path + ".threshold", "is not finite; must be a finite number");
    if (metric.strategy == Strategy::kConstraint && !metric.threshold)
      add(path + ".threshold", "is missing; a CONSTRAINT needs one");
    if (metric.strategy == Strategy::kStore && metric.threshold)
      add(path + ".threshold", "is set; a STORE metric has none");
    if (metric.noise_stddev && !(*metric.noise_stddev >= 0 && std::isfinite(*metric.noise_stddev))) {
      add(path + ".noise_stddev",
          absl::StrCat("is ", *metric.noise_stddev, "; must be finite and at least 0"));
    }
  }
  if (optimized > kMaxOptimized) {
    add("metrics",
        absl::StrCat("has ", optimized, " with strategy OPTIMIZE; must have at most ", kMaxOptimized));
  }
  if (!metrics.empty() && optimized + constraints == 0) {
    add("metrics", "has no metric with strategy OPTIMIZE or CONSTRAINT; must have at least one");
  }
  return violations;
}

bool Better(const Metric& metric, double a, double b) {
  if (std::isnan(a)) return false;
  if (std::isnan(b)) return true;
  return metric.maximize ? a > b : a < b;
}

bool MeetsThreshold(const Metric& metric, double value) {
  if (!metric.threshold) return !std::isnan(value);
  return metric.maximize ? value >= *metric.threshold : value <= *metric.threshold;
}

bool MeetsThresholds(const std::vector<Metric>& metrics, const MetricValues& values) {
  return std::all_of(metrics.begin(), metrics.end(), [&](const Metric& metric) {
    if (metric.strategy == Strategy::kStore) return true;
    const auto value = values.find(metric.name);
    return value != values.end() && MeetsThreshold(metric, value->second);
  });
}

std::optional<std::string> MissingMetric(const std::vector<Metric>& metrics, const MetricValues& values) {
  for (const Metric& metric : metrics) {
    if (metric.strategy != Strategy::kStore && !values.contains(metric.name)) return metric.name;
  }
  return std::nullopt;
}

}  // namespace sda::optimizer
