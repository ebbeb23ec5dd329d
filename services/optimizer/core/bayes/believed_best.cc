#include "services/optimizer/core/bayes/believed_best.h"

#include <cmath>
#include <limits>

#include "services/optimizer/core/bayes/metric_model.h"
#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {

std::optional<size_t> BelievedBest(const SearchState& state) {
  const Study study(state);
  if (study.objectives.size() != 1 || study.finished.empty()) return std::nullopt;
  const size_t m = study.objectives[0];
  const MetricData data = study.Data(m);
  if (data.values.empty()) return std::nullopt;
  FitCache cache;
  const MetricFit fit = FitMetric(data, {Warp::Kind::kLinear, HyperPrior::kWide}, cache);
  const Gp model(SetOf(data, fit), fit.hyper);
  std::optional<size_t> best;
  double lowest = std::numeric_limits<double>::infinity();
  size_t position = 0;
  for (const Study::Outcome& outcome : study.finished) {
    if (std::isnan(outcome.values[m])) continue;
    const double mean = model.FittedMean(position++);
    const bool ended = state.trials[outcome.trial].state == ObservedTrial::State::kSucceeded;
    if (!ended || !outcome.valued || !study.KeepsConstraints(outcome) || !(mean < lowest)) continue;
    lowest = mean;
    best = outcome.trial;
  }
  return best;
}

}  // namespace sda::optimizer::bayes
