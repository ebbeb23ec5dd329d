#include "services/optimizer/core/early_stopping.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "services/optimizer/core/stopping_step.h"

namespace sda::optimizer {
namespace {

// Mean of the readings up to `step`; nothing for a trial that has not come that far.
std::optional<double> RunningAverage(const Curve& curve, int64_t step) {
  if (curve.steps.empty() || curve.steps.back() < step) return std::nullopt;
  double sum = 0;
  int count = 0;
  for (size_t i = 0; i < curve.steps.size() && curve.steps[i] <= step; ++i, ++count) sum += curve.values[i];
  if (count == 0) return std::nullopt;
  return sum / count;
}

// Best reading up to `step`; nothing for a trial that has not come that far.
std::optional<double> BestUpTo(const Curve& curve, int64_t step, bool maximize) {
  if (curve.steps.empty() || curve.steps.back() < step) return std::nullopt;
  std::optional<double> best;
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    if (best && curve.steps[i] > step) break;
    if (!best || (maximize ? curve.values[i] > *best : curve.values[i] < *best)) best = curve.values[i];
  }
  return best;
}

bool StopByMedian(const MedianRule& rule, bool maximize, const Curve& current,
                  const std::vector<Curve>& others) {
  const int64_t step = current.steps.back();
  std::vector<double> averages;
  for (const Curve& other : others) {
    if (const auto average = RunningAverage(other, step)) averages.push_back(*average);
  }
  if (static_cast<int>(averages.size()) < std::max(1, rule.min_trials)) return false;
  const auto middle = averages.begin() + static_cast<std::ptrdiff_t>(averages.size() / 2);
  std::nth_element(averages.begin(), middle, averages.end());
  double median = *middle;
  if (averages.size() % 2 == 0) median = (median + *std::max_element(averages.begin(), middle)) / 2;
  const auto best = BestUpTo(current, step, maximize);
  return best && (maximize ? *best < median : *best > median);
}

bool StopByHalving(const HalvingRule& rule, int64_t rung, bool maximize, const Curve& current,
                   const std::vector<Curve>& others) {
  const auto own = BestUpTo(current, rung, maximize);
  if (!own) return false;
  std::vector<double> reached = {*own};
  for (const Curve& other : others) {
    if (const auto value = BestUpTo(other, rung, maximize)) reached.push_back(*value);
  }
  const size_t keep = std::max<size_t>(1, reached.size() / static_cast<size_t>(std::max(2, rule.factor)));
  if (reached.size() < static_cast<size_t>(std::max(2, rule.factor))) return false;
  const auto last_kept = reached.begin() + static_cast<std::ptrdiff_t>(keep - 1);
  std::nth_element(reached.begin(), last_kept, reached.end(),
                   [maximize](double a, double b) { return maximize ? a > b : a < b; });
  return maximize ? *own < *last_kept : *own > *last_kept;
}

}  // namespace

std::optional<int64_t> StepToCompare(const StoppingRule& rule, int64_t before, int64_t last) {
  if (const auto* median = std::get_if<MedianRule>(&rule))
    return last < median->min_steps ? std::nullopt : std::make_optional(last);
  if (const auto* halving = std::get_if<HalvingRule>(&rule)) {
    const int64_t factor = std::max(2, halving->factor);
    int64_t rung = std::max<int64_t>(1, halving->min_steps);
    if (rung > last) return std::nullopt;
    while (rung <= last / factor) rung *= factor;
    return rung <= before ? std::nullopt : std::make_optional(rung);
  }
  return std::nullopt;
}

bool ShouldStop(const StoppingRule& rule, bool maximize, const Curve& current,
                const std::vector<Curve>& others) {
  if (current.steps.empty()) return false;
  const size_t readings = current.steps.size();
  const auto step = StepToCompare(rule, readings > 1 ? current.steps[readings - 2] : 0, current.steps.back());
  if (!step) return false;
  if (const auto* median = std::get_if<MedianRule>(&rule))
    return StopByMedian(*median, maximize, current, others);
  if (const auto* halving = std::get_if<HalvingRule>(&rule))
    return StopByHalving(*halving, *step, maximize, current, others);
  return false;
}

}  // namespace sda::optimizer
