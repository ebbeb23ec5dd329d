#include "services/optimizer/core/bayes/linear_region.h"

#include <algorithm>
#include <cmath>

namespace sda::optimizer::bayes {
namespace {

// Half of what SatisfiesConstraints allows.
constexpr double kSlack = 5e-10;
constexpr int kMaxSweeps = 200;

}  // namespace

LinearRegion::LinearRegion(const Encoding& encoding) : encoding_(encoding) {
  const Space& space = encoding.space();
  for (const LinearConstraint& constraint : space.constraints) {
    using Comparison = LinearConstraint::Comparison;
    for (const double sign : {1.0, -1.0}) {
      if (constraint.comparison == (sign > 0 ? Comparison::kAtLeast : Comparison::kAtMost)) continue;
      Row row{.terms = {}, .bound = sign * constraint.bound};
      for (const auto& term : constraint.terms) {
        const auto axis = static_cast<size_t>(space.Find(term.parameter) - space.parameters.data());
        row.terms.emplace_back(axis, sign * term.weight);
      }
      rows_.push_back(std::move(row));
    }
  }
}

double LinearRegion::Excess(const Row& row, const std::vector<double>& values) const {
  double sum = 0, size = std::abs(row.bound);
  for (const auto& [axis, weight] : row.terms) {
    sum += weight * values[axis];
    size += std::abs(weight * values[axis]);
  }
  return sum - row.bound - kSlack * size;
}

bool LinearRegion::Contains(const Place& place) const {
  if (rows_.empty()) return true;
  std::vector<double> values(place.size());
  for (size_t i = 0; i < place.size(); ++i) values[i] = encoding_.ValueAt(i, place[i]);
  return std::all_of(rows_.begin(), rows_.end(), [&](const Row& row) { return Excess(row, values) <= 0; });
}

bool LinearRegion::Project(std::vector<double>& values, bool lattices) const {
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    bool good = true;
    for (const Row& row : rows_) {
      double excess = Excess(row, values);
      if (excess <= 0) continue;
      good = false;
      // A little further than the boundary, so that a meeting of several is reached in finite time.
      excess *= 1.0 + 1e-3;
      // Coordinates at the end of their range take no part; what clipping leaves over is spread again.
      for (int round = 0; round < 8 && excess > 0; ++round) {
        double size = 0;
        const auto moves = [&](size_t axis, double weight) {
          const Axis& a = encoding_.axis(axis);
          if (a.kind == Axis::Kind::kLattice && !lattices) return false;
          return weight > 0 ? values[axis] > a.lowest : values[axis] < a.highest;
        };
        for (const auto& [axis, weight] : row.terms) {
          const double range = encoding_.axis(axis).highest - encoding_.axis(axis).lowest;
          if (moves(axis, weight)) size += weight * weight * range * range;
        }
        if (!(size > 0)) break;
        double done = 0;
        for (const auto& [axis, weight] : row.terms) {
          if (!moves(axis, weight)) continue;
          const Axis& a = encoding_.axis(axis);
          const double range = a.highest - a.lowest;
          const double before = values[axis];
          values[axis] = std::clamp(before - excess * weight * range * range / size, a.lowest, a.highest);
          done += weight * (before - values[axis]);
        }
        excess -= done;
        if (!(done > 0)) break;
      }
    }
    if (good) return true;
  }
  return false;
}

bool LinearRegion::StepLattices(std::vector<double>& values, Place& place) const {
  const auto total = [&] {
    double sum = 0;
    for (const Row& row : rows_) {
      double size = 1e-300;
      for (const auto& [axis, weight] : row.terms)
        size += std::abs(weight) * (encoding_.axis(axis).highest - encoding_.axis(axis).lowest);
      sum += std::max(Excess(row, values), 0.0) / size;
    }
    return sum;
  };
  double current = total();
  // Best single step each time; as many as a few ranges have values.
  for (int step = 0; step < 200 && current > 0; ++step) {
    double best = current;
    size_t best_axis = 0;
    double best_place = 0;
    for (const Row& row : rows_) {
      for (const auto& term : row.terms) {
        const size_t axis = term.first;
        const Axis& a = encoding_.axis(axis);
        if (a.kind != Axis::Kind::kLattice) continue;
        const auto index = static_cast<int64_t>(encoding_.IndexOf(axis, place[axis]));
        for (const int64_t move : {-16, -4, -1, 1, 4, 16}) {
          if (index + move < 0 || index + move >= static_cast<int64_t>(a.count)) continue;
          const double kept = values[axis];
          const double candidate = encoding_.At(axis, static_cast<size_t>(index + move));
          values[axis] = encoding_.ValueAt(axis, candidate);
          const double after = total();
          values[axis] = kept;
          if (after < best) {
            best = after;
            best_axis = axis;
            best_place = candidate;
          }
        }
      }
    }
    if (!(best < current)) return false;
    place[best_axis] = best_place;
    values[best_axis] = encoding_.ValueAt(best_axis, best_place);
    current = best;
  }
  return current <= 0;
}

bool LinearRegion::Repair(Place& place) const {
  if (rows_.empty() || Contains(place)) return true;
  std::vector<double> values(place.size(), 0.0);
  for (size_t i = 0; i < place.size(); ++i) values[i] = encoding_.ValueAt(i, place[i]);
  Project(values, /*lattices=*/true);
  for (size_t i = 0; i < place.size(); ++i) {
    if (encoding_.axis(i).kind != Axis::Kind::kLattice) continue;
    place[i] = encoding_.Nearest(i, encoding_.PlaceOf(i, values[i]));
    values[i] = encoding_.ValueAt(i, place[i]);
  }
  if (!Project(values, /*lattices=*/false)) {
    StepLattices(values, place);
    Project(values, /*lattices=*/false);
  }
  for (size_t i = 0; i < place.size(); ++i) {
    if (encoding_.axis(i).kind == Axis::Kind::kReal)
      place[i] = std::clamp(encoding_.PlaceOf(i, values[i]), 0.0, 1.0);
  }
  return Contains(place);
}

}  // namespace sda::optimizer::bayes
