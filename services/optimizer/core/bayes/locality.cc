#include "services/optimizer/core/bayes/locality.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "services/optimizer/core/bayes/front.h"

namespace sda::optimizer::bayes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Of the trials a model is built on: the nearest to the centre, the best, the newest, and an even choice of
// all. Fewer than kMaxExact: there the limit is what one may wait for, here how much the last ones add.
constexpr size_t kNearest = 350, kBest = 50, kNewest = 50, kEven = 100, kInfeasible = 150;
constexpr double kFirstLength = 0.8, kLeastLength = 1.0 / 128, kMostLength = 1.6;
constexpr int kSuccesses = 3;

// A number to rank trials by, smaller being better: the sum of constraints broken, and the objective, or
// where there are several the sum of their ranks.
std::vector<double> Ranking(const Study& study) {
  const size_t n = study.finished.size();
  std::vector<double> ranking(n, 0.0), column(n);
  std::vector<size_t> order(n);
  for (const size_t m : study.objectives) {
    if (study.objectives.size() == 1) {
      for (size_t i = 0; i < n; ++i) ranking[i] = study.finished[i].values[m];
      break;
    }
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return study.finished[a].values[m] < study.finished[b].values[m];
    });
    for (size_t r = 0; r < n; ++r) ranking[order[r]] += static_cast<double>(r);
  }
  for (size_t i = 0; i < n; ++i) {
    if (!study.finished[i].valued || !study.KeepsConstraints(study.finished[i])) ranking[i] = kInfinity;
  }
  return ranking;
}

// The length of the region's sides after the whole history.
double Replay(const std::vector<double>& ranking, size_t dimensions) {
  const int tolerance = static_cast<int>(std::max<size_t>(4, dimensions));
  double length = kFirstLength, best = kInfinity, worst = -kInfinity;
  int successes = 0, failures = 0;
  for (size_t i = 0; i < ranking.size(); ++i) {
    if (!(ranking[i] < kInfinity)) continue;
    worst = std::max(worst, ranking[i]);
    const bool better = ranking[i] < best - 1e-3 * std::abs(best);
    best = std::min(best, ranking[i]);
    // The trials before were placed by a model of all.
    if (i < kMaxExact) continue;
    successes = better ? successes + 1 : 0;
    failures = better ? 0 : failures + 1;
    if (successes >= kSuccesses) {
      length = std::min(2 * length, kMostLength);
      successes = 0;
    } else if (failures >= tolerance) {
      length /= 2;
      failures = 0;
    }
    if (length < kLeastLength) length = kFirstLength;
  }
  return length;
}

size_t Centre(const Study& study, const std::vector<double>& ranking, double pick) {
  if (study.objectives.size() > 1) {
    std::vector<Objectives> points;
    std::vector<size_t> owner;
    for (size_t i = 0; i < ranking.size(); ++i) {
      if (!(ranking[i] < kInfinity)) continue;
      Objectives point;
      for (const size_t m : study.objectives) point.push_back(study.finished[i].values[m]);
      points.push_back(std::move(point));
      owner.push_back(i);
    }
    const std::vector<size_t> front = NondominatedIndices(points);
    if (!front.empty()) return owner[front[static_cast<size_t>(pick * static_cast<double>(front.size()))]];
  }
  return static_cast<size_t>(std::min_element(ranking.begin(), ranking.end()) - ranking.begin());
}

double Distance(const Encoding& encoding, const Place& a, const Place& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d =
        encoding.axis(i).kind == Axis::Kind::kCategory ? (a[i] != b[i] ? 0.5 : 0.0) : a[i] - b[i];
    sum += d * d;
  }
  return sum;
}

// Marks the first `count` by the order of `key`.
template <class Key>
void Mark(std::vector<char>& chosen, size_t count, const Key& key) {
  std::vector<size_t> order(chosen.size());
  std::iota(order.begin(), order.end(), size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) {
                      const double ka = key(a), kb = key(b);
                      return ka < kb || (ka == kb && a < b);
                    });
  for (size_t i = 0; i < count; ++i) chosen[order[i]] = 1;
}

std::vector<size_t> Marked(const std::vector<char>& chosen) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) indices.push_back(i);
  }
  return indices;
}

}  // namespace

Locality ChooseLocality(const Study& study, double pick, bool global) {
  const Encoding& encoding = study.encoding;
  const size_t n = study.finished.size();
  const std::vector<double> ranking = Ranking(study);
  const size_t centre = Centre(study, ranking, pick);
  const Place& place = study.finished[centre].place;
  const double half = global ? 1 : 0.5 * Replay(ranking, encoding.size());
  Locality locality;
  for (size_t i = 0; i < encoding.size(); ++i) {
    const bool category = encoding.axis(i).kind == Axis::Kind::kCategory;
    const double x = std::clamp(place[i], 0.0, 1.0);
    locality.low.push_back(category ? 0 : std::max(0.0, x - half));
    locality.high.push_back(category ? static_cast<double>(encoding.axis(i).count) : std::min(1.0, x + half));
  }
  std::vector<double> distance(n);
  for (size_t i = 0; i < n; ++i) distance[i] = Distance(encoding, study.finished[i].place, place);
  std::vector<char> chosen(n, 0);
  Mark(chosen, kNearest, [&](size_t i) { return distance[i]; });
  Mark(chosen, kBest, [&](size_t i) { return ranking[i]; });
  for (size_t k = 0; k < std::min(kNewest, n); ++k) chosen[n - 1 - k] = 1;
  for (size_t k = 0; k < std::min(kEven, n); ++k) chosen[k * n / std::min(kEven, n)] = 1;
  locality.finished = Marked(chosen);

  const size_t failed = study.infeasible.size();
  chosen.assign(failed, 0);
  distance.resize(failed);
  for (size_t i = 0; i < failed; ++i) distance[i] = Distance(encoding, study.infeasible[i].place, place);
  Mark(chosen, kInfeasible, [&](size_t i) { return distance[i]; });
  locality.infeasible = Marked(chosen);
  return locality;
}

}  // namespace sda::optimizer::bayes
