#include "services/optimizer/core/bayes/front.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sda::optimizer::bayes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool Inside(const Objectives& point, const Objectives& reference) {
  for (size_t m = 0; m < reference.size(); ++m) {
    if (!(point[m] < reference[m])) return false;
  }
  return true;
}

std::vector<Objectives> InsidePoints(std::span<const Objectives> points, const Objectives& reference) {
  std::vector<Objectives> inside;
  for (const Objectives& point : points) {
    if (Inside(point, reference))
      inside.emplace_back(point.begin(), point.begin() + static_cast<std::ptrdiff_t>(reference.size()));
  }
  return inside;
}

// The front of the points in their first `dimensions` objectives, ordered by the first.
std::vector<Objectives> FrontOf(std::vector<Objectives> points, size_t dimensions) {
  for (Objectives& point : points) point.resize(dimensions);
  std::sort(points.begin(), points.end());
  std::vector<Objectives> front;
  for (Objectives& point : points) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](const Objectives& other) {
      return other == point || Dominates(other, point);
    });
    if (!dominated) front.push_back(std::move(point));
  }
  return front;
}

// Calls visit(points at most at the slice's low end, low, high) for the slices of the last objective.
template <class Visit>
void Slices(std::vector<Objectives> points, double reference, const Visit& visit) {
  const size_t last = points.empty() ? 0 : points[0].size() - 1;
  std::sort(points.begin(), points.end(),
            [&](const Objectives& a, const Objectives& b) { return a[last] < b[last]; });
  double low = -kInfinity;
  std::vector<Objectives> below;
  for (size_t i = 0; i <= points.size(); ++i) {
    const double high = i < points.size() ? points[i][last] : reference;
    if (high > low) visit(below, low, high);
    if (i < points.size()) below.push_back(points[i]);
    low = high;
  }
}

double Volume(const std::vector<Objectives>& points, const Objectives& reference, size_t dimensions) {
  const std::vector<Objectives> front = FrontOf(points, dimensions);
  if (front.empty()) return 0;
  if (dimensions == 1) return reference[0] - front.front()[0];
  if (dimensions == 2) {
    double volume = 0, above = reference[1];
    for (const Objectives& point : front) {
      volume += (reference[0] - point[0]) * (above - point[1]);
      above = point[1];
    }
    return volume;
  }
  double volume = 0;
  Slices(front, reference[dimensions - 1],
         [&](const std::vector<Objectives>& below, double low, double high) {
           if (!below.empty()) volume += (high - low) * Volume(below, reference, dimensions - 1);
         });
  return volume;
}

std::vector<Box> Boxes(const std::vector<Objectives>& points, const Objectives& reference,
                       size_t dimensions) {
  const std::vector<Objectives> front = FrontOf(points, dimensions);
  std::vector<Box> boxes;
  if (dimensions == 1) {
    boxes.push_back({{-kInfinity}, {front.empty() ? reference[0] : front.front()[0]}});
    return boxes;
  }
  if (dimensions == 2) {
    double left = -kInfinity, above = reference[1];
    for (const Objectives& point : front) {
      boxes.push_back({{left, -kInfinity}, {point[0], above}});
      left = point[0];
      above = point[1];
    }
    boxes.push_back({{left, -kInfinity}, {reference[0], above}});
    return boxes;
  }
  Slices(front, reference[dimensions - 1],
         [&](const std::vector<Objectives>& below, double low, double high) {
           for (Box& box : Boxes(below, reference, dimensions - 1)) {
             box.low.push_back(low);
             box.high.push_back(high);
             boxes.push_back(std::move(box));
           }
         });
  return boxes;
}

}  // namespace

bool Dominates(const Objectives& a, const Objectives& b) {
  bool better = false;
  for (size_t m = 0; m < a.size(); ++m) {
    if (!(a[m] <= b[m])) return false;
    better = better || a[m] < b[m];
  }
  return better;
}

std::vector<size_t> NondominatedIndices(std::span<const Objectives> points) {
  // In lexicographic order nothing dominates what comes before it: comparing with the front so far is enough.
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return points[a] < points[b]; });
  std::vector<size_t> front;
  for (const size_t i : order) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](size_t j) {
      return points[j] == points[i] || Dominates(points[j], points[i]);
    });
    if (!dominated) front.push_back(i);
  }
  std::sort(front.begin(), front.end());
  return front;
}

double Hypervolume(std::span<const Objectives> points, const Objectives& reference) {
  return Volume(InsidePoints(points, reference), reference, reference.size());
}

std::vector<Box> NondominatedBoxes(std::span<const Objectives> points, const Objectives& reference) {
  return Boxes(InsidePoints(points, reference), reference, reference.size());
}

}  // namespace sda::optimizer::bayes
