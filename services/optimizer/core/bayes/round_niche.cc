#include <algorithm>
#include <cmath>
#include <numeric>

#include "services/optimizer/core/bayes/round.h"

namespace sda::optimizer::bayes {
namespace {

// Places nearer than this times the root of the dimension belong together: in the unit cube two random places
// are about 0.4 times the root apart.
constexpr double kNicheRadius = 0.14;
constexpr double kHalfWidth = 0.15;

double Distance(const Encoding& encoding, const Place& a, const Place& b) {
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d =
        encoding.axis(i).kind == Axis::Kind::kCategory ? (a[i] != b[i] ? 0.5 : 0.0) : a[i] - b[i];
    squares += d * d;
  }
  return std::sqrt(squares);
}

}  // namespace

// A trial that none around it beats, other than the best of all: with a fresh look it may turn out to lie in
// a better valley than that one, which the models, sure of how high it is, do not say. The worse it is and
// the more trials were spent around it, the later its turn.
std::optional<Round::Niche> Round::FindNiche() const {
  const Encoding& encoding = study_.encoding;
  const size_t m = study_.objectives[0];
  std::vector<size_t> order, positions(study_.finished.size(), 0);
  size_t position = 0;
  for (size_t i = 0; i < study_.finished.size(); ++i) {
    const Study::Outcome& outcome = study_.finished[i];
    positions[i] = position;
    position += !std::isnan(outcome.values[m]);
    if (outcome.valued && study_.KeepsConstraints(outcome)) order.push_back(i);
  }
  if (order.size() < 4) return std::nullopt;
  const auto value = [&](size_t i) { return study_.finished[i].values[m]; };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value(a) < value(b); });
  const double best = value(order[0]), spread = value(order[order.size() / 2]) - best;
  if (!(spread > 0)) return std::nullopt;
  const auto dimensions = static_cast<double>(encoding.size());
  const double radius = kNicheRadius * std::sqrt(dimensions);
  std::optional<size_t> chosen;
  double chosen_score = 1;  // worse than the median is no niche
  for (size_t rank = 1; rank < order.size(); ++rank) {
    const Place& place = study_.finished[order[rank]].place;
    bool beaten = false;
    double crowd = 0;
    for (size_t other = 0; other < order.size() && !beaten; ++other) {
      if (other == rank || Distance(encoding, study_.finished[order[other]].place, place) > radius) continue;
      beaten = other < rank;
      ++crowd;
    }
    if (beaten) continue;
    for (const Study::Outcome& pending : study_.pending)
      crowd += Distance(encoding, pending.place, place) <= radius;
    const double score = (value(order[rank]) - best) / spread + crowd / (4 * dimensions);
    if (score < chosen_score) {
      chosen_score = score;
      chosen = order[rank];
    }
  }
  if (!chosen) return std::nullopt;
  Niche niche{.trial = *chosen, .position = positions[*chosen]};
  const Place& place = study_.finished[*chosen].place;
  for (size_t i = 0; i < encoding.size(); ++i) {
    const bool category = encoding.axis(i).kind == Axis::Kind::kCategory;
    niche.low.push_back(category ? 0 : std::max(0.0, place[i] - kHalfWidth));
    niche.high.push_back(category ? static_cast<double>(encoding.axis(i).count)
                                  : std::min(1.0, place[i] + kHalfWidth));
  }
  return niche;
}

}  // namespace sda::optimizer::bayes
