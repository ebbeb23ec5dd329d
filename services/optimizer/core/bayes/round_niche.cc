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
constexpr double kNear = 0.08;
// A valley with fewer other trials was hardly looked at.
constexpr double kLeastCrowd = 3;

double Distance(const Encoding& encoding, const Place& a, const Place& b) {
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d =
        encoding.axis(i).kind == Axis::Kind::kCategory ? (a[i] != b[i] ? 0.5 : 0.0) : a[i] - b[i];
    squares += d * d;
  }
  return std::sqrt(squares);
}

bool BelongTogether(const Encoding& encoding, const Place& a, const Place& b) {
  return Distance(encoding, a, b) <= kNicheRadius * std::sqrt(static_cast<double>(encoding.size()));
}

// Whether the places differ, but for a little, along at most one axis: what was looked at there was for the
// sake of the other, and is likely its slope.
bool OnOneAxis(const Place& a, const Place& b) {
  size_t apart = 0;
  for (size_t i = 0; i < a.size(); ++i) apart += std::abs(a[i] - b[i]) > kNear;
  return apart <= 1;
}

}  // namespace

// Whether this suggestion is for another valley, or for gains of some size.
bool Round::LookElsewhere() {
  const std::vector<Valley> valleys = Valleys();
  // What the search has gained: from a typical valley to the best.
  const double gained = valleys[valleys.size() / 2].value - valleys[0].value;
  const bool settled = IsSettled(valleys, gained);
  if (settled && rng_.Uniform() < options_.polish_share) {
    box_ = NicheAround(valleys[0]);
    return true;
  }
  // Until the best valley has nothing more to give, others have to be nearly as good: the crowd in it draws
  // the median of all trials down.
  const double spread = settled ? gained : MedianValue() - valleys[0].value;
  const double draw = rng_.Uniform();
  if (draw < (settled ? options_.settled_niche_share : options_.niche_share)) {
    const Valley* other = FindOther(valleys, spread, gained);
    const bool promising = other != nullptr && other->value - valleys[0].value < options_.promising * spread;
    if (other != nullptr && (promising || draw < options_.niche_share)) {
      niche_ = NicheAround(*other);
      return true;
    }
  }
  // With the best valley done, improvement by itself leads to the corners, where the models know least.
  if (!settled) {
    if (rng_.Uniform() < options_.line_share) box_ = LineThrough(valleys[0]);
    if (!box_ && rng_.Uniform() >= options_.explore_share) return false;
  }
  const double shrink = std::log(options_.explore_shrink) * rng_.Uniform();
  for (double& log_length : fits_[study_.objectives[0]].hyper.log_length) log_length += shrink;
  BuildModels();
  margin_ = box_ ? 0 : options_.explore_margin * rng_.Uniform();
  least_gain_ = std::exp(rng_.Uniform(std::log(options_.explore_low), std::log(options_.explore_high)));
  return true;
}

// A value of the lone objective on the scale of its model, on which valleys are compared: that of a trial on
// the way down into a narrow pit is on the raw scale hardly better than a typical one.
double Round::Modelled(double value) const {
  return fits_[study_.objectives[0]].warp.Apply(value);
}

// Of the lone objective, over the trials that keep the constraints.
double Round::MedianValue() const {
  std::vector<double> values;
  for (const Study::Outcome& outcome : study_.finished) {
    if (outcome.valued && study_.KeepsConstraints(outcome))
      values.push_back(outcome.values[study_.objectives[0]]);
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return Modelled(*middle);
}

// The trials that none around them beats, best first: each the best of a valley, or alone.
std::vector<Round::Valley> Round::Valleys() const {
  const Encoding& encoding = study_.encoding;
  const size_t m = study_.objectives[0];
  std::vector<Valley> order, valleys;
  size_t position = 0;
  for (size_t i = 0; i < study_.finished.size(); ++i) {
    const Study::Outcome& outcome = study_.finished[i];
    if (outcome.valued && study_.KeepsConstraints(outcome))
      order.push_back({.trial = i, .position = position, .value = Modelled(outcome.values[m])});
    position += !std::isnan(outcome.values[m]);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const Valley& a, const Valley& b) { return a.value < b.value; });
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const Place& place = study_.finished[order[rank].trial].place;
    Valley valley = order[rank];
    bool beaten = false;
    for (size_t other = 0; other < order.size() && !beaten; ++other) {
      if (other == rank || !BelongTogether(encoding, study_.finished[order[other].trial].place, place))
        continue;
      beaten = other < rank;
      ++valley.crowd;
      valley.in_vain += order[other].trial > valley.trial;
    }
    if (beaten) continue;
    for (const Study::Outcome& pending : study_.pending)
      valley.in_vain += BelongTogether(encoding, pending.place, place);
    valleys.push_back(valley);
  }
  return valleys;
}

// Another valley to look around the best trial of: with a fresh look that may turn out to lie in a better one
// than the best of all, which the models, sure of how high it is, do not say. The worse it is, in units of
// `spread`, and the more trials were spent around it, the later its turn; one that is done with has none.
const Round::Valley* Round::FindOther(const std::vector<Valley>& valleys, double spread, double gained) {
  if (!(spread > 0)) return nullptr;
  std::vector<std::pair<double, size_t>> turns;
  const Place& best = study_.finished[valleys[0].trial].place;
  for (size_t k = 1; k < valleys.size(); ++k) {
    if (OnOneAxis(best, study_.finished[valleys[k].trial].place)) continue;
    const double score =
        (valleys[k].value - valleys[0].value) / spread +
        valleys[k].in_vain / (options_.valley_trials * static_cast<double>(study_.encoding.size()));
    // What is no better than the typical trial has no turn.
    if (score < 1) turns.emplace_back(score, k);
  }
  std::sort(turns.begin(), turns.end());
  for (const auto& [score, k] : turns) {
    if (!IsDoneWith(valleys[k], gained)) return &valleys[k];
  }
  return nullptr;
}

// Whether nothing around its best trial promises to improve on that by more than a small part of what the
// search has gained.
bool Round::IsDoneWith(const Valley& valley, double gained) {
  if (valley.crowd < kLeastCrowd) return false;
  Acquisition before = acquisition_;
  const Rng rng = rng_;
  niche_ = NicheAround(valley);
  BuildAcquisition();
  const bool done = LocalLogGain(*niche_, gained) < std::log(options_.exhausted);
  niche_.reset();
  acquisition_ = std::move(before);
  rng_ = rng;
  return done;
}

// The numeric axis through the trial that the draw decides on: where parameters act mostly by themselves, a
// better value of one is found with the others as they are.
Round::Niche Round::LineThrough(const Valley& valley) {
  const Encoding& encoding = study_.encoding;
  std::vector<size_t> numeric;
  for (size_t i = 0; i < encoding.size(); ++i) {
    if (encoding.axis(i).kind != Axis::Kind::kCategory) numeric.push_back(i);
  }
  std::vector<double> half_widths(encoding.size(), 0.0);
  if (!numeric.empty()) half_widths[numeric[rng_.Below(numeric.size())]] = 1;
  return NicheAround(valley, half_widths);
}

// By numeric axis how far the box reaches to either side.
Round::Niche Round::NicheAround(const Valley& valley, const std::vector<double>& half_widths) const {
  const Encoding& encoding = study_.encoding;
  Niche niche{.trial = valley.trial, .position = valley.position};
  const Place& place = study_.finished[valley.trial].place;
  for (size_t i = 0; i < encoding.size(); ++i) {
    const bool category = encoding.axis(i).kind == Axis::Kind::kCategory;
    niche.low.push_back(category ? 0 : std::max(0.0, place[i] - half_widths[i]));
    niche.high.push_back(category ? static_cast<double>(encoding.axis(i).count)
                                  : std::min(1.0, place[i] + half_widths[i]));
  }
  return niche;
}

Round::Niche Round::NicheAround(const Valley& valley) const {
  return NicheAround(valley, std::vector<double>(study_.encoding.size(), kHalfWidth));
}

// Whether nothing around the best trial promises more than a negligible part of what the search has gained.
// What was begun in another valley is gone on with: one trial here and one there would end in neither.
bool Round::IsSettled(const std::vector<Valley>& valleys, double gained) const {
  const double gain = LocalLogGain(NicheAround(valleys[0]), gained);
  if (gain < std::log(options_.settled)) return true;
  if (gain >= std::log(options_.called_back)) return false;
  const Place& last = study_.finished.back().place;
  return std::any_of(valleys.begin() + 1, valleys.end(), [&](const Valley& valley) {
    return valley.crowd > 0 && BelongTogether(study_.encoding, study_.finished[valley.trial].place, last);
  });
}

// Logarithm of the largest expected improvement around a trial, as a part of what the search has gained.
double Round::LocalLogGain(const Niche& around, double gained) const {
  if (!(gained > 0)) return 0;
  const std::vector<Place> anchors = {study_.finished[around.trial].place};
  const SearchResult found = FindBest(MakeScorer(), study_.region,
                                      {.raw_points = options_.raw_points / 4,
                                       .starts = 2,
                                       .seed = HashOf(seed_, {56}),
                                       .anchors = anchors,
                                       .low = around.low,
                                       .high = around.high,
                                       .out_of_time = [this] { return OutOfTime(); }});
  if (found.cut || found.candidates.empty()) return 0;
  return found.candidates[0].score - std::log(gained);
}

}  // namespace sda::optimizer::bayes
