#include "services/optimizer/core/bayes/study.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/extrapolation.h"

namespace sda::optimizer::bayes {
namespace {

// Boxes over a front of more objectives are too many.
constexpr size_t kMaxObjectives = 4;

}  // namespace

Study::Study(const SearchState& search) : state(search), encoding(search.space), region(encoding) {
  for (size_t i = 0; i < state.metrics.size(); ++i) {
    const Strategy strategy = state.metrics[i].strategy;
    if (strategy == Strategy::kStore) continue;
    (strategy == Strategy::kOptimize ? objectives : constraints).push_back(modelled.size());
    noise_stated = noise_stated || state.metrics[i].noise_stddev.value_or(0) > 0;
    modelled.push_back(i);
  }
  if (objectives.size() > kMaxObjectives) {
    Rng rng(HashOf(state.seed, {54, static_cast<uint64_t>(state.suggestions)}));
    rng.Shuffle(std::span(objectives));
    objectives.resize(kMaxObjectives);
    std::sort(objectives.begin(), objectives.end());
  }
  for (size_t i = 0; i < state.metrics.size(); ++i) {
    if (state.metrics[i].cost) cost = i;
  }
  std::vector<char> active;
  std::set<std::string> open;
  const CurveExtrapolator extrapolator(state);
  for (const ObservedTrial& trial : state.trials) {
    using State = ObservedTrial::State;
    // A crash says nothing about the point: it may be tried again.
    if (trial.state == State::kFailed) continue;
    std::string key = PointKey(trial.assignments);
    if (trial.state == State::kPending) open.insert(key);
    if (trial.state == State::kSucceeded) replicable.insert(key);
    taken.insert(std::move(key));
    Outcome outcome;
    outcome.trial = static_cast<size_t>(&trial - state.trials.data());
    outcome.place = encoding.FromAssignments(trial.assignments);
    outcome.coordinates.resize(encoding.layout().coordinates);
    encoding.ActiveAxes(outcome.place, active);
    encoding.Coordinates(outcome.place, active, outcome.coordinates.data());
    const bool unfinished = trial.state == State::kPending || trial.state == State::kStopped;
    std::map<std::string, Extrapolation> extrapolated;
    if (unfinished) {
      for (const size_t i : modelled) {
        if (const auto end = extrapolator.Final(trial, state.metrics[i].name))
          extrapolated[state.metrics[i].name] = *end;
      }
    }
    // A running trial of which something is foreseen counts as measured, with that uncertainty.
    if (trial.state == State::kPending && extrapolated.empty()) {
      pending.push_back(std::move(outcome));
      continue;
    }
    if (trial.state == State::kInfeasible) {
      infeasible.push_back(std::move(outcome));
      continue;
    }
    bool any = false;
    outcome.valued = true;
    for (size_t m = 0; m < modelled.size(); ++m) {
      if (const auto end = extrapolated.find(metric(m).name); end != extrapolated.end()) {
        outcome.values.push_back(Sign(m) * end->second.value);
        outcome.noise.push_back(end->second.stddev * end->second.stddev);
        any = true;
        continue;
      }
      const auto found = trial.metrics.find(metric(m).name);
      const bool there = found != trial.metrics.end() && std::isfinite(found->second);
      outcome.values.push_back(there ? Sign(m) * found->second : NAN);
      const auto stddev = trial.stddevs.find(metric(m).name);
      const bool measured = there && stddev != trial.stddevs.end() && std::isfinite(stddev->second);
      outcome.noise.push_back(measured ? stddev->second * stddev->second : NAN);
      noise_stated = noise_stated || (measured && stddev->second > 0);
      any = any || there;
      outcome.valued = outcome.valued && there;
    }
    if (any) {
      finished.push_back(std::move(outcome));
      costs.push_back(NAN);
      if (cost) {
        const auto found = trial.metrics.find(state.metrics[*cost].name);
        if (found != trial.metrics.end() && found->second > 0 && std::isfinite(found->second))
          costs.back() = found->second;
      }
    } else {
      // Finished with nothing but NaN and infinities: as good as a failure of the point.
      infeasible.push_back(std::move(outcome));
    }
  }
  for (const std::string& key : open) replicable.erase(key);
}

void Study::Restrict(const std::vector<size_t>& finished_kept, const std::vector<size_t>& infeasible_kept) {
  std::vector<Outcome> kept;
  std::vector<double> kept_costs;
  for (const size_t i : finished_kept) {
    kept.push_back(std::move(finished[i]));
    kept_costs.push_back(costs[i]);
  }
  finished = std::move(kept);
  costs = std::move(kept_costs);
  kept.clear();
  for (const size_t i : infeasible_kept) kept.push_back(std::move(infeasible[i]));
  infeasible = std::move(kept);
}

double Study::Sign(size_t m) const {
  return metric(m).maximize ? -1 : 1;
}

std::optional<double> Study::Limit(size_t m) const {
  if (!metric(m).threshold) return std::nullopt;
  return Sign(m) * *metric(m).threshold;
}

bool Study::KeepsConstraints(const Outcome& outcome) const {
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](size_t m) { return outcome.values[m] <= Limit(m).value_or(INFINITY); });
}

MetricData Study::Data(size_t m) const {
  MetricData data{.layout = &encoding.layout(), .points = Points(encoding.layout().coordinates)};
  // What a trial says of its own value goes before what is said of the metric.
  const auto& noise = metric(m).noise_stddev;
  const bool any = std::any_of(finished.begin(), finished.end(),
                               [&](const Outcome& outcome) { return outcome.noise[m] > 0; });
  data.exact = noise && *noise == 0 && !any;
  data.limit = Limit(m).value_or(0);
  const double common = noise && *noise > 0 ? *noise * *noise : NAN;
  for (const Outcome& outcome : finished) {
    if (std::isnan(outcome.values[m])) continue;
    data.points.Add(outcome.coordinates);
    data.values.push_back(outcome.values[m]);
    if (any || !std::isnan(common))
      data.known_noise.push_back(std::isnan(outcome.noise[m]) ? common : outcome.noise[m]);
  }
  return data;
}

std::vector<size_t> Study::Wanted() const {
  std::vector<size_t> wanted;
  for (const size_t m : objectives) {
    if (!Limit(m)) wanted.push_back(m);
  }
  if (wanted.size() == objectives.size()) wanted.clear();
  return wanted;
}

void Study::AimAt(size_t m) {
  for (const size_t other : objectives) {
    if (Limit(other)) constraints.push_back(other);
  }
  objectives = {m};
}

}  // namespace sda::optimizer::bayes
