#include "services/advisor/core/metric.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/strings.h"
#include "services/advisor/core/spec.h"

namespace sda::advisor {
namespace {

constexpr size_t kMaxMetrics = 50;
constexpr int kMaxOptimized = 4;

std::string KnownNames() {
  return absl::StrJoin(KnownMetrics(), ", ", [](std::string* out, const KnownMetric& metric) {
    absl::StrAppend(out, ToAbsl(metric.name));
  });
}

const Metric* Find(const std::vector<Metric>& metrics, std::string_view name) {
  const auto found =
      std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<KnownMetric>& KnownMetrics() {
  static const auto* const metrics = new std::vector<KnownMetric>{
      {"auc", false, false},
      {"logloss", true, false},
      {"normalized_entropy", true, false},
      {"accuracy", false, false},
      {"calibration", false, false},
      {"train_seconds", true, true},
      {"samples_per_second", false, true},
      {"grouped_auc", false, false, true},
      {"map", false, false, true},
      {"ndcg", false, false, true},
  };
  return *metrics;
}

const KnownMetric* FindKnownMetric(std::string_view name) {
  for (const KnownMetric& metric : KnownMetrics()) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

std::string_view StrategyName(Strategy strategy) {
  switch (strategy) {
    case Strategy::kConstraint:
      return "constraint";
    case Strategy::kStore:
      return "store";
    case Strategy::kOptimize:
      break;
  }
  return "optimize";
}

std::vector<FieldViolation> CheckMetric(const Metric& metric) {
  std::vector<FieldViolation> violations;
  if (FindKnownMetric(metric.name) == nullptr) {
    violations.push_back({"name", absl::StrCat("is \"", metric.name, "\"; must be one of ", KnownNames())});
  }
  if (metric.threshold && !std::isfinite(*metric.threshold)) {
    violations.push_back(
        {"threshold", absl::StrCat("is ", ToText(*metric.threshold), "; must be a finite number")});
  }
  if (metric.strategy == Strategy::kConstraint && !metric.threshold) {
    violations.push_back({"threshold", "is missing; a constraint needs the value to be met"});
  }
  if (metric.strategy == Strategy::kStore && metric.threshold) {
    violations.push_back(
        {"threshold", "is set; a stored metric has none: remove it or make the strategy constraint"});
  }
  if (metric.noise_stddev && !(std::isfinite(*metric.noise_stddev) && *metric.noise_stddev >= 0)) {
    violations.push_back({"noise_stddev", absl::StrCat("is ", ToText(*metric.noise_stddev),
                                                       "; must be a finite number of at least 0")});
  }
  return violations;
}

std::vector<FieldViolation> CheckMetrics(const std::vector<Metric>& metrics) {
  std::vector<FieldViolation> violations;
  if (metrics.empty()) violations.push_back({"", "is empty; name at least one metric, for example auc"});
  if (metrics.size() > kMaxMetrics) {
    violations.push_back(
        {"", absl::StrCat("has ", metrics.size(), " metrics; must have at most ", kMaxMetrics)});
  }
  std::set<std::string> names;
  int optimized = 0, guiding = 0;
  for (size_t i = 0; i < metrics.size(); ++i) {
    if (!metrics[i].name.empty() && !names.insert(metrics[i].name).second) {
      violations.push_back({absl::StrCat("[", i, "].name"),
                            absl::StrCat("is \"", metrics[i].name, "\" a second time; names must differ")});
    }
    optimized += metrics[i].strategy == Strategy::kOptimize;
    guiding += metrics[i].strategy != Strategy::kStore;
  }
  if (optimized > kMaxOptimized) {
    violations.push_back({"", absl::StrCat("optimises ", optimized, " metrics; must be at most ",
                                           kMaxOptimized, ": make the others constraint or store")});
  }
  if (!metrics.empty() && guiding == 0) {
    violations.push_back(
        {"", "only stores metrics; at least one must have the strategy optimize or constraint"});
  }
  return violations;
}

std::vector<Metric> WithStoredMetrics(std::vector<Metric> metrics) {
  for (const KnownMetric& known : KnownMetrics()) {
    if (known.of_groups || Find(metrics, known.name) != nullptr) continue;
    metrics.push_back({.name = std::string(known.name),
                       .strategy = Strategy::kStore,
                       .minimize = known.minimize,
                       .threshold = std::nullopt,
                       .noise_stddev = std::nullopt});
  }
  return metrics;
}

std::optional<double> TargetAuc(const std::vector<Metric>& metrics) {
  const Metric* seconds = Find(metrics, "train_seconds");
  const Metric* auc = Find(metrics, "auc");
  const bool timed = seconds != nullptr && seconds->minimize && seconds->strategy == Strategy::kOptimize;
  if (!timed || auc == nullptr || auc->minimize || !auc->threshold) return std::nullopt;
  if (!(*auc->threshold > 0.5 && *auc->threshold <= 1)) return std::nullopt;
  return auc->threshold;
}

}  // namespace sda::advisor
