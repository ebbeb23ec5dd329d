#include "services/optimizer/core/bayes/transfer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

namespace sda::optimizer::bayes {
namespace {

// Earlier searches and own ones with fewer values say nothing about a line.
constexpr size_t kFewestEarlier = 4;
constexpr size_t kFewestOwn = 3;
// Beyond this many own values a dimension (and one more) the earlier ones have had their day.
constexpr double kOwnEnough = 6;
// The line's slope is drawn to 0 as by so many values of a deviation of 1.
constexpr double kRidge = 0.5;
// A line that leaves this share of the variance is none.
constexpr double kUnexplained = 0.9;
// Errors of neighbouring earlier values are alike, so many of them weigh as few.
constexpr double kAlike = 3;
// In the unit cube: two starting points closer than this tell much the same.
constexpr double kApart = 0.1;

double RankKey(const SearchState& state, const std::vector<ObservedTrial>& trials, size_t i) {
  double key = 0;
  for (const Metric& metric : state.metrics) {
    if (metric.strategy == Strategy::kStore) continue;
    const auto own = trials[i].metrics.find(metric.name);
    if (own == trials[i].metrics.end()) continue;
    if (metric.strategy == Strategy::kConstraint) {
      if (!MeetsThreshold(metric, own->second)) key += 1e6;
      continue;
    }
    for (const ObservedTrial& other : trials) {
      const auto value = other.metrics.find(metric.name);
      if (value != other.metrics.end() && Better(metric, value->second, own->second)) key += 1;
    }
  }
  return key;
}

bool IsNear(const Encoding& encoding, const Place& a, const Place& b) {
  std::vector<char> active_a, active_b;
  encoding.ActiveAxes(a, active_a);
  encoding.ActiveAxes(b, active_b);
  for (size_t i = 0; i < a.size(); ++i) {
    if (active_a[i] != active_b[i]) return false;
    if (active_a[i] && std::abs(a[i] - b[i]) >= kApart) return false;
  }
  return true;
}

struct Line {
  double shift = 0, slope = 0;
  double variance = 0;  // left unexplained
};

// Of the own values on what the earlier search foretells; nothing where that is no use.
std::optional<Line> LayAgainst(const std::vector<double>& foretold, const std::vector<double>& own) {
  const auto n = static_cast<double>(own.size());
  const double mean_x = std::accumulate(foretold.begin(), foretold.end(), 0.0) / n;
  const double mean_y = std::accumulate(own.begin(), own.end(), 0.0) / n;
  double xx = 0, xy = 0, yy = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    xx += (foretold[i] - mean_x) * (foretold[i] - mean_x);
    xy += (foretold[i] - mean_x) * (own[i] - mean_y);
    yy += (own[i] - mean_y) * (own[i] - mean_y);
  }
  Line line;
  line.slope = xy / (xx + kRidge);
  if (!(line.slope > 0) || !(yy > 0)) return std::nullopt;
  line.shift = mean_y - line.slope * mean_x;
  double left = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    const double error = own[i] - line.shift - line.slope * foretold[i];
    left += error * error;
  }
  // As if one value more had been missed by the deviation of all: few values fit any line.
  line.variance = (left + yy / n) / n;
  if (!(line.variance < kUnexplained * yy / n)) return std::nullopt;
  return line;
}

// One earlier search, as outcomes of the study's metrics.
class Earlier {
 public:
  Earlier(const Study& study, const std::vector<ObservedTrial>& trials) : study_(study) {
    std::vector<char> active;
    for (const ObservedTrial& trial : trials) {
      Study::Outcome outcome;
      outcome.place = study.encoding.FromAssignments(trial.assignments);
      outcome.coordinates.resize(study.encoding.layout().coordinates);
      study.encoding.ActiveAxes(outcome.place, active);
      study.encoding.Coordinates(outcome.place, active, outcome.coordinates.data());
      outcome.values.assign(study.modelled.size(), NAN);
      outcome.noise.assign(study.modelled.size(), NAN);
      outcomes_.push_back(std::move(outcome));
    }
    for (size_t m = 0; m < study.modelled.size(); ++m) {
      auto& values = values_.emplace_back();
      for (const ObservedTrial& trial : trials) {
        const auto found = trial.metrics.find(study.metric(m).name);
        const bool there = found != trial.metrics.end() && std::isfinite(found->second);
        values.push_back(there ? study.Sign(m) * found->second : NAN);
      }
    }
  }

  void Learn(size_t m, FitCache& cache) {
    MetricData data{.layout = &study_.encoding.layout(),
                    .points = Points(study_.encoding.layout().coordinates)};
    std::vector<size_t> owner;
    for (size_t i = 0; i < outcomes_.size(); ++i) {
      if (std::isnan(values_[m][i])) continue;
      data.points.Add(outcomes_[i].coordinates);
      data.values.push_back(values_[m][i]);
      owner.push_back(i);
    }
    std::vector<const Study::Outcome*> own;
    for (const Study::Outcome& outcome : study_.finished) {
      if (!std::isnan(outcome.values[m])) own.push_back(&outcome);
    }
    const double enough = kOwnEnough * static_cast<double>(study_.encoding.size() + 1);
    if (owner.size() < kFewestEarlier || own.size() < kFewestOwn || static_cast<double>(own.size()) > enough)
      return;
    const MetricFit fit = FitMetric(data, {Warp::Kind::kLinear, HyperPrior::kDimensionScaled}, cache);
    const Gp model({.layout = data.layout,
                    .points = &data.points,
                    .n = data.points.size(),
                    .y = fit.y,
                    .known_noise = fit.known_noise},
                   fit.hyper);
    std::vector<double> foretold, values;
    Gp::Scratch scratch;
    for (const Study::Outcome* outcome : own) {
      double mean = 0, variance = 0;
      model.Predict(outcome->coordinates.data(), scratch, &mean, &variance);
      foretold.push_back(mean);
      values.push_back(outcome->values[m]);
    }
    const auto line = LayAgainst(foretold, values);
    if (!line) return;
    const double growth =
        1 + static_cast<double>(own.size()) / static_cast<double>(study_.encoding.size() + 1);
    for (size_t k = 0; k < owner.size(); ++k) {
      outcomes_[owner[k]].values[m] = line->shift + line->slope * fit.y[k];
      outcomes_[owner[k]].noise[m] = kAlike * growth * line->variance;
    }
  }

  std::vector<Study::Outcome> Told() && {
    std::erase_if(outcomes_, [](const Study::Outcome& outcome) {
      return std::all_of(outcome.values.begin(), outcome.values.end(),
                         [](double value) { return std::isnan(value); });
    });
    return std::move(outcomes_);
  }

 private:
  const Study& study_;
  std::vector<Study::Outcome> outcomes_;
  std::vector<std::vector<double>> values_;  // [metric][trial], the earlier search's own
};

}  // namespace

std::optional<Assignments> BestEarlierPoint(const SearchState& state) {
  const Encoding encoding(state.space);
  std::vector<Place> tried;
  for (const ObservedTrial& trial : state.trials)
    tried.push_back(encoding.FromAssignments(trial.assignments));
  std::vector<std::pair<double, const ObservedTrial*>> ranked;
  for (const auto& trials : state.knowledge) {
    for (size_t i = 0; i < trials.size(); ++i) {
      // Relative: searches of different lengths take turns.
      ranked.emplace_back(RankKey(state, trials, i) / static_cast<double>(trials.size()), &trials[i]);
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [rank, trial] : ranked) {
    // What was worse than most is no recommendation.
    if (rank > 0.5) break;
    const Place place = encoding.FromAssignments(trial->assignments);
    const bool near = std::any_of(tried.begin(), tried.end(),
                                  [&](const Place& other) { return IsNear(encoding, place, other); });
    if (!near) return trial->assignments;
  }
  return std::nullopt;
}

void AddKnowledge(Study& study, FitCache& cache) {
  std::vector<Study::Outcome> told;
  for (const auto& trials : study.state.knowledge) {
    Earlier earlier(study, trials);
    for (size_t m = 0; m < study.modelled.size(); ++m) earlier.Learn(m, cache);
    for (Study::Outcome& outcome : std::move(earlier).Told()) told.push_back(std::move(outcome));
  }
  study.own = study.finished.size();
  for (Study::Outcome& outcome : told) study.finished.push_back(std::move(outcome));
}

}  // namespace sda::optimizer::bayes
