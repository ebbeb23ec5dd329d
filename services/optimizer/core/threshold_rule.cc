#include "services/optimizer/core/threshold_rule.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "common/numerics/rng.h"
#include "services/optimizer/core/best_trials.h"
#include "services/optimizer/core/learning_curve.h"

namespace sda::optimizer {
namespace {

constexpr int kDraws = 2'000;
constexpr uint64_t kSeed = 61;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Whether the point is not behind or level with any of the front in every optimised metric.
bool Improves(const std::vector<Metric>& metrics, const MetricValues& point,
              const std::vector<const MetricValues*>& front) {
  return std::all_of(front.begin(), front.end(), [&](const MetricValues* other) {
    return std::any_of(metrics.begin(), metrics.end(), [&](const Metric& metric) {
      if (metric.strategy != Strategy::kOptimize) return false;
      const auto theirs = other->find(metric.name);
      return theirs == other->end() || Better(metric, point.at(metric.name), theirs->second);
    });
  });
}

}  // namespace

Outlook LookAhead(const ThresholdRule& rule, const std::vector<Metric>& metrics,
                  const std::map<std::string, Curve>& curves, const std::vector<MetricValues>& succeeded) {
  Outlook outlook;
  std::map<std::string, NormalMixture> beliefs;
  int64_t step = 0;
  for (const Metric& metric : metrics) {
    const auto curve = curves.find(metric.name);
    if (metric.strategy == Strategy::kStore || curve == curves.end() || curve->second.steps.empty()) continue;
    step = std::max(step, curve->second.steps.back());
    if (static_cast<int>(curve->second.steps.size()) < rule.min_readings) continue;
    if (auto belief = Extrapolate(curve->second, rule.max_steps))
      beliefs.emplace(metric.name, *std::move(belief));
  }
  if (beliefs.empty() || step < rule.min_steps) return outlook;

  std::vector<const MetricValues*> front;
  for (const size_t i : FindBestTrials(metrics, succeeded).pareto) front.push_back(&succeeded[i]);
  Rng rng(kSeed);
  int meets = 0, improves = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    MetricValues point;
    bool within = true;
    for (const Metric& metric : metrics) {
      if (metric.strategy == Strategy::kStore) continue;
      const auto belief = beliefs.find(metric.name);
      const double well = metric.maximize ? kInfinity : -kInfinity;
      point[metric.name] = belief == beliefs.end() ? well : belief->second.Draw(rng);
      within = within && MeetsThreshold(metric, point[metric.name]);
    }
    meets += within;
    improves += within && Improves(metrics, point, front);
  }
  outlook.meets = static_cast<double>(meets) / kDraws;
  outlook.improves = static_cast<double>(improves) / kDraws;
  outlook.stop = outlook.improves < rule.probability;
  outlook.thresholds = outlook.meets < rule.probability;
  return outlook;
}

}  // namespace sda::optimizer
