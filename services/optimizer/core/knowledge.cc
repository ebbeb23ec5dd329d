#include "services/optimizer/core/knowledge.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace sda::optimizer {
namespace {

// The value in the type of the domain; nothing where that would change it.
std::optional<Value> Convert(const Domain& domain, const Value& value) {
  if (InDomain(domain, value)) return value;
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    const Value real = static_cast<double>(*integer);
    if (InDomain(domain, real)) return real;
  }
  if (const auto* real = std::get_if<double>(&value);
      real != nullptr && std::abs(*real) <= 0x1p53 && *real == std::floor(*real)) {
    const Value integer = static_cast<int64_t>(*real);
    if (InDomain(domain, integer)) return integer;
  }
  return std::nullopt;
}

Value Middle(const Parameter& parameter) {
  if (parameter.default_value) return *parameter.default_value;
  Space alone;
  alone.parameters.push_back(parameter);
  alone.parameters[0].conditions.clear();
  const double middle[] = {0.5};
  return FromUnit(alone, middle).at(parameter.name);
}

bool SettledParents(const Parameter& parameter, const std::set<std::string>& settled) {
  return std::all_of(parameter.conditions.begin(), parameter.conditions.end(),
                     [&](const Condition& condition) { return settled.contains(condition.parameter); });
}

}  // namespace

std::optional<Assignments> Translate(const Space& space, const Assignments& earlier) {
  Assignments point;
  std::set<std::string> settled;
  bool shared = false;
  // Parents first; a space has no cycles.
  for (bool progress = true; progress;) {
    progress = false;
    for (const Parameter& parameter : space.parameters) {
      if (settled.contains(parameter.name) || !SettledParents(parameter, settled)) continue;
      settled.insert(parameter.name);
      progress = true;
      if (!IsActive(space, parameter, point)) continue;
      const auto found = earlier.find(parameter.name);
      if (found == earlier.end()) {
        point[parameter.name] = Middle(parameter);
        continue;
      }
      const auto value = Convert(parameter.domain, found->second);
      if (!value) return std::nullopt;
      point[parameter.name] = *value;
      shared = true;
    }
  }
  if (!shared || !SatisfiesConstraints(space, point)) return std::nullopt;
  return point;
}

std::vector<ObservedTrial> TranslateTrials(const Space& space, const std::vector<Metric>& metrics,
                                           const std::vector<ObservedTrial>& earlier, size_t most) {
  std::vector<ObservedTrial> translated;
  for (const ObservedTrial& trial : earlier) {
    if (trial.state != ObservedTrial::State::kSucceeded) continue;
    const bool tells = std::any_of(metrics.begin(), metrics.end(), [&](const Metric& metric) {
      const auto value = trial.metrics.find(metric.name);
      return metric.strategy != Strategy::kStore && value != trial.metrics.end() &&
             std::isfinite(value->second);
    });
    if (!tells) continue;
    auto point = Translate(space, trial.assignments);
    if (!point) continue;
    translated.push_back(trial);
    translated.back().assignments = *std::move(point);
  }
  if (translated.size() <= most) return translated;
  const auto first = std::find_if(metrics.begin(), metrics.end(),
                                  [](const Metric& m) { return m.strategy == Strategy::kOptimize; });
  if (first != metrics.end()) {
    const auto value = [&](const ObservedTrial& trial) {
      const auto found = trial.metrics.find(first->name);
      return found == trial.metrics.end() ? std::nan("") : found->second;
    };
    std::stable_sort(
        translated.begin(), translated.end(),
        [&](const ObservedTrial& a, const ObservedTrial& b) { return Better(*first, value(a), value(b)); });
  }
  std::vector<ObservedTrial> chosen(translated.begin(),
                                    translated.begin() + static_cast<std::ptrdiff_t>(most / 2));
  const size_t rest = translated.size() - chosen.size(), more = most - chosen.size();
  const size_t from = chosen.size();
  for (size_t k = 0; k < more; ++k) chosen.push_back(std::move(translated[from + k * rest / more]));
  return chosen;
}

}  // namespace sda::optimizer
