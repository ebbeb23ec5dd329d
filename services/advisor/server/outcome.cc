#include "services/advisor/server/outcome.h"

#include <cstdio>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "services/advisor/core/spec.h"

namespace sda::advisor {
namespace {

using MetricProto = optimizer::v1::Metric;

bool IsOptimized(const MetricProto& metric) {
  return metric.strategy() == MetricProto::STRATEGY_OPTIMIZE ||
         metric.strategy() == MetricProto::STRATEGY_UNSPECIFIED;
}

// "auc 0.7031 and train_seconds 1.3" of the metrics that guided the search.
std::string Values(const v1::Recipe& recipe, const optimizer::v1::Trial& trial) {
  std::vector<std::string> parts;
  for (const MetricProto& metric : recipe.metrics()) {
    const auto value = trial.metrics().find(metric.name());
    if (metric.strategy() == MetricProto::STRATEGY_STORE || value == trial.metrics().end()) continue;
    char text[64];
    std::snprintf(text, sizeof(text), "%.5g", value->second.value());
    parts.push_back(absl::StrCat(metric.name(), " ", text));
  }
  return absl::StrJoin(parts, " and ");
}

// The metric by which the optimizer recommends a trial of the front: the first optimised one without a
// threshold, or the first.
std::string Decisive(const v1::Recipe& recipe) {
  const MetricProto* decisive = nullptr;
  for (const MetricProto& metric : recipe.metrics()) {
    if (!IsOptimized(metric)) continue;
    if (decisive == nullptr || (decisive->has_threshold() && !metric.has_threshold())) decisive = &metric;
  }
  return decisive == nullptr ? "" : decisive->name();
}

std::string Reason(const v1::Recipe& recipe, const optimizer::v1::ListBestTrialsResponse& best) {
  const optimizer::v1::Trial& trial = best.recommended();
  const std::string values = Values(recipe, trial);
  const std::string thresholds = ThresholdText(recipe);
  if (!best.thresholds_met()) {
    return absl::StrCat("No trial reached ", thresholds, "; ", trial.name(), " came nearest with ", values,
                        ".");
  }
  const std::string metric = Decisive(recipe);
  const std::string front =
      best.pareto_size() > 1 ? absl::StrCat(" of ", best.pareto_size(), " trials on the Pareto front") : "";
  return absl::StrCat(trial.name(), " has ", values,
                      metric.empty() ? "" : absl::StrCat(", the best ", metric), front,
                      thresholds.empty() ? "" : absl::StrCat(", and meets ", thresholds), ".");
}

}  // namespace

std::string ThresholdText(const v1::Recipe& recipe) {
  std::vector<std::string> parts;
  for (const MetricProto& metric : recipe.metrics()) {
    if (!metric.has_threshold()) continue;
    parts.push_back(absl::StrCat(
        metric.name(), metric.objective() == MetricProto::OBJECTIVE_MINIMIZE ? " at most " : " at least ",
        ToText(metric.threshold())));
  }
  return absl::StrJoin(parts, " and ");
}

v1::RunResult ToResult(const v1::Recipe& recipe, const optimizer::v1::ListBestTrialsResponse& best) {
  v1::RunResult result;
  result.set_goal_met(best.thresholds_met());
  result.set_reason(Reason(recipe, best));
  *result.mutable_best() = best.recommended();
  *result.mutable_pareto() = best.pareto();
  return result;
}

}  // namespace sda::advisor
