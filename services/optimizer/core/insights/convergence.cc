#include "services/optimizer/core/insights/convergence.h"

#include <algorithm>
#include <cmath>

#include "services/optimizer/core/bayes/front.h"

namespace sda::optimizer {
namespace {

std::optional<double> ValueOf(const MetricValues& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

}  // namespace

Convergence FindConvergence(const std::vector<Metric>& metrics, const std::string& metric,
                            const std::vector<CountedTrial>& trials) {
  Convergence convergence;
  std::vector<const Metric*> objectives;
  const Metric* followed = nullptr;
  for (const Metric& m : metrics) {
    if (m.strategy == Strategy::kOptimize) objectives.push_back(&m);
    if (m.name == metric) followed = &m;
  }
  bayes::Objectives reference;
  if (objectives.size() >= 2) {
    for (const Metric* m : objectives) {
      std::optional<double> worst = m->threshold;
      for (const CountedTrial& trial : trials) {
        const auto value = trial.succeeded ? ValueOf(trial.metrics, m->name) : std::nullopt;
        if (!m->threshold && value && (!worst || Better(*m, *worst, *value))) worst = value;
      }
      if (!worst) continue;
      convergence.reference[m->name] = *worst;
      reference.push_back(m->maximize ? -*worst : *worst);
    }
  }
  const bool measured = objectives.size() >= 2 && reference.size() == objectives.size();
  if (!measured) convergence.reference.clear();
  std::vector<bayes::Objectives> front;
  Convergence::Point now;
  if (measured) now.hypervolume = 0;
  for (const CountedTrial& trial : trials) {
    if (trial.succeeded && MeetsThresholds(metrics, trial.metrics)) {
      const auto value = followed == nullptr ? std::nullopt : ValueOf(trial.metrics, followed->name);
      if (value && (!now.best || Better(*followed, *value, *now.best))) now.best = value;
      if (measured) {
        bayes::Objectives point;
        for (const Metric* m : objectives)
          point.push_back((m->maximize ? -1 : 1) * trial.metrics.at(m->name));
        front.push_back(std::move(point));
        std::vector<bayes::Objectives> kept;
        for (const size_t i : bayes::NondominatedIndices(front)) kept.push_back(front[i]);
        front = std::move(kept);
        now.hypervolume = bayes::Hypervolume(front, reference);
      }
    }
    convergence.points.push_back(now);
  }
  return convergence;
}

}  // namespace sda::optimizer
