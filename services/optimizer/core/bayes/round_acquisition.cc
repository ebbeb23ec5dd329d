#include <algorithm>
#include <cmath>
#include <limits>

#include "services/optimizer/core/bayes/round.h"

namespace sda::optimizer::bayes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Boxes over a front grow with the power of the objectives; of larger fronts points far apart stand for all.
constexpr size_t kMaxFront[] = {1000, 1000, 300, 40, 16};

// The first point and then always the one farthest from those chosen.
std::vector<Objectives> Spread(const std::vector<Objectives>& points, size_t count) {
  std::vector<Objectives> chosen = {points[0]};
  std::vector<double> distance(points.size(), kInfinity);
  while (chosen.size() < count) {
    size_t farthest = 0;
    for (size_t i = 0; i < points.size(); ++i) {
      double squares = 0;
      for (size_t m = 0; m < points[i].size(); ++m)
        squares += (points[i][m] - chosen.back()[m]) * (points[i][m] - chosen.back()[m]);
      distance[i] = std::min(distance[i], squares);
      if (distance[i] > distance[farthest]) farthest = i;
    }
    chosen.push_back(points[farthest]);
  }
  return chosen;
}

}  // namespace

void Round::BuildAcquisition() {
  acquisition_ = {};
  acquisition_.models = models_.size();
  acquisition_.fantasies = fantasies_;
  acquisition_.objectives = study_.objectives;
  const double share = aim_ ? options_.goal_optimism_share : options_.optimism_share;
  const double deviations = aim_ ? options_.goal_optimism : options_.optimism;
  const double optimism = rng_.Uniform() < share ? deviations : 0.0;
  for (const size_t m : study_.constraints) {
    acquisition_.limits.push_back(
        {.model = m, .at_most = fits_[m].warp.Apply(*study_.Limit(m)), .optimism = optimism});
  }
  if (failures_) {
    acquisition_.limits.push_back(
        {.model = fits_.size(), .at_most = failures_->limit(), .extra_variance = failures_->noise()});
  }
  if (cost_fit_) {
    // A metric's logarithm is its model's value times the width of the warp, up to a constant.
    acquisition_.cost = Acquisition::Cost{.model = models_.size() - 1,
                                          .factor = 1 / cost_fit_->warp.Slope(cost_fit_->warp.Invert(0))};
  }
  const bool kept = study_.constraints.empty() ||
                    std::any_of(study_.finished.begin(), study_.finished.end(), [&](const auto& outcome) {
                      return outcome.valued && study_.KeepsConstraints(outcome);
                    });
  if (study_.objectives.empty() || !kept) return;
  Objectives reference = study_.objectives.size() == 1 ? Objectives{kInfinity} : ReferencePoint();
  for (size_t f = 0; f < fantasies_; ++f) {
    std::vector<Objectives> achieved = Achieved(f);
    if (niche_) achieved = {{Believed(study_.objectives[0], niche_->position, f)}};
    for (Objectives& point : achieved) point[0] -= least_gain_;
    if (study_.objectives.size() > 1) {
      std::vector<Objectives> front;
      for (const size_t i : NondominatedIndices(achieved)) front.push_back(std::move(achieved[i]));
      const size_t most = kMaxFront[study_.objectives.size()];
      achieved = front.size() > most ? Spread(front, most) : std::move(front);
    }
    acquisition_.improvements.emplace_back(NondominatedBoxes(achieved, reference));
  }
}

// What the model believes of a trial, by its position in the metric's data.
double Round::Believed(size_t m, size_t position, size_t f) const {
  return models_[m].FittedMean(position, f) + (expected_[m].empty() ? 0 : expected_[m][position]);
}

// What is believed to be achieved by trials that keep the constraints, pending ones included, in the
// models' units.
std::vector<Objectives> Round::Achieved(size_t f) const {
  std::vector<Objectives> points;
  std::vector<size_t> position(fits_.size(), 0);
  for (const Study::Outcome& outcome : study_.finished) {
    if (outcome.valued && study_.KeepsConstraints(outcome)) {
      Objectives point;
      for (const size_t m : study_.objectives) point.push_back(Believed(m, position[m], f));
      points.push_back(std::move(point));
    }
    for (size_t m = 0; m < fits_.size(); ++m) position[m] += !std::isnan(outcome.values[m]);
  }
  for (size_t p = 0; p < study_.pending.size(); ++p) {
    bool keeps = true;
    for (const auto& limit : acquisition_.limits) {
      if (limit.model >= fits_.size()) continue;
      keeps = keeps && Believed(limit.model, position[limit.model] + p, f) <= limit.at_most;
    }
    if (!keeps) continue;
    Objectives point;
    for (const size_t m : study_.objectives) point.push_back(Believed(m, position[m] + p, f));
    points.push_back(std::move(point));
  }
  return points;
}

// Thresholds where they are given; else a tenth of the front's extent beyond its worst.
Objectives Round::ReferencePoint() const {
  Objectives reference;
  const std::vector<Objectives> points = Achieved(0);
  std::vector<size_t> front = NondominatedIndices(points);
  for (size_t k = 0; k < study_.objectives.size(); ++k) {
    const size_t m = study_.objectives[k];
    if (const auto limit = study_.Limit(m)) {
      reference.push_back(fits_[m].warp.Apply(*limit));
      continue;
    }
    double best = kInfinity, worst = -kInfinity;
    for (const size_t i : front) {
      best = std::min(best, points[i][k]);
      worst = std::max(worst, points[i][k]);
    }
    if (front.size() == 1) {
      for (const Objectives& point : points) worst = std::max(worst, point[k]);
    }
    reference.push_back(worst + 0.1 * std::max(worst - best, 1e-3));
  }
  return reference;
}

// The trials around which it pays to look: the best, or the front.
std::vector<Place> Round::Anchors() const {
  std::vector<std::pair<double, size_t>> ranked;
  std::vector<Objectives> points;
  std::vector<size_t> owner;
  for (size_t i = 0; i < study_.finished.size(); ++i) {
    const Study::Outcome& outcome = study_.finished[i];
    if (!outcome.valued) continue;
    double broken = 0;
    for (const size_t m : study_.constraints)
      broken += std::max(fits_[m].warp.Apply(outcome.values[m]) - fits_[m].warp.Apply(*study_.Limit(m)), 0.0);
    if (study_.objectives.size() <= 1) {
      const double value = study_.objectives.empty()
                               ? 0
                               : fits_[study_.objectives[0]].warp.Apply(outcome.values[study_.objectives[0]]);
      ranked.emplace_back(broken > 0 ? 1e6 + broken : value, i);
    } else if (broken > 0) {
      ranked.emplace_back(1e6 + broken, i);
    } else {
      Objectives point;
      for (const size_t m : study_.objectives) point.push_back(outcome.values[m]);
      points.push_back(std::move(point));
      owner.push_back(i);
    }
  }
  std::vector<Place> anchors;
  for (const size_t k : NondominatedIndices(points)) anchors.push_back(study_.finished[owner[k]].place);
  std::sort(ranked.begin(), ranked.end());
  for (const auto& entry : ranked) anchors.push_back(study_.finished[entry.second].place);
  const size_t keep = study_.objectives.size() <= 1 ? 3 : 6;
  if (anchors.size() > keep) anchors.resize(keep);
  return anchors;
}

}  // namespace sda::optimizer::bayes
