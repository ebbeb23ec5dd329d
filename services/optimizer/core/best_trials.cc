#include "services/optimizer/core/best_trials.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sda::optimizer {
namespace {

double ValueOf(const MetricValues& values, const Metric& metric) {
  const auto found = values.find(metric.name);
  return found == values.end() ? std::nan("") : found->second;
}

bool Dominates(const std::vector<Metric>& metrics, const MetricValues& a, const MetricValues& b) {
  bool better = false;
  for (const Metric& metric : metrics) {
    if (metric.strategy != Strategy::kOptimize) continue;
    if (Better(metric, ValueOf(b, metric), ValueOf(a, metric))) return false;
    better = better || Better(metric, ValueOf(a, metric), ValueOf(b, metric));
  }
  return better;
}

// How far the worst metric is from its threshold, relative to the threshold's size (1 where that is 0).
double LargestShortfall(const std::vector<Metric>& metrics, const MetricValues& values) {
  double largest = 0;
  for (const Metric& metric : metrics) {
    if (metric.strategy == Strategy::kStore || !metric.threshold) continue;
    const double value = ValueOf(values, metric);
    if (std::isnan(value)) return std::numeric_limits<double>::infinity();
    const double size = *metric.threshold == 0 ? 1 : std::abs(*metric.threshold);
    largest =
        std::max(largest, (metric.maximize ? *metric.threshold - value : value - *metric.threshold) / size);
  }
  return largest;
}

}  // namespace

BestTrials FindBestTrials(const std::vector<Metric>& metrics, const std::vector<MetricValues>& values) {
  BestTrials best;
  std::vector<size_t> within, all(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    all[i] = i;
    if (MeetsThresholds(metrics, values[i])) within.push_back(i);
  }
  for (size_t i : within) {
    const bool dominated = std::any_of(within.begin(), within.end(), [&](size_t other) {
      return Dominates(metrics, values[other], values[i]);
    });
    if (!dominated) best.pareto.push_back(i);
  }
  const auto best_of = [&](const Metric& metric,
                           const std::vector<size_t>& candidates) -> std::optional<size_t> {
    std::optional<size_t> found;
    for (size_t i : candidates) {
      const double value = ValueOf(values[i], metric);
      if (!std::isnan(value) && (!found || Better(metric, value, ValueOf(values[*found], metric)))) found = i;
    }
    return found;
  };
  const Metric* wanted = nullptr;
  for (const Metric& metric : metrics) {
    if (metric.strategy != Strategy::kOptimize) continue;
    if (wanted == nullptr || (wanted->threshold && !metric.threshold)) wanted = &metric;
    if (const auto found = best_of(metric, within.empty() ? all : within))
      best.best_by_metric[metric.name] = *found;
  }
  best.thresholds_met = !within.empty();
  if (!best.pareto.empty()) {
    best.recommended = wanted != nullptr ? best_of(*wanted, best.pareto) : best.pareto.front();
  } else if (!values.empty()) {
    best.recommended = *std::min_element(all.begin(), all.end(), [&](size_t a, size_t b) {
      return LargestShortfall(metrics, values[a]) < LargestShortfall(metrics, values[b]);
    });
  }
  return best;
}

}  // namespace sda::optimizer
