#include "services/optimizer/core/bayes/search.h"

#include <algorithm>
#include <cmath>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/minimize.h"
#include "services/optimizer/core/sobol.h"

namespace sda::optimizer::bayes {
namespace {

// Values of a lattice or a category that are all tried in a sweep; of longer ones the neighbours and a few
// drawn ones.
constexpr size_t kMaxSwept = 20;
constexpr int kDrawnValues = 6;

class Searcher {
 public:
  Searcher(const Scorer& scorer, const LinearRegion& region, const SearchOptions& options)
      : scorer_(scorer),
        encoding_(scorer.encoding()),
        region_(region),
        options_(options),
        rng_(HashOf(options.seed, {31})) {}

  SearchResult Run() {
    std::vector<Place> places = RawPlaces();
    if (places.empty()) return std::move(result_);
    std::vector<double> scores = scorer_.ScoreMany(places);
    std::vector<size_t> order(places.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    for (size_t i = 0; i < std::min<size_t>(order.size(), 64); ++i)
      result_.candidates.push_back({places[order[i]], scores[order[i]]});
    for (const size_t start : Starts(places, order)) {
      if (OutOfTime()) break;
      Climb({places[start], scores[start]});
    }
    std::stable_sort(result_.candidates.begin(), result_.candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    return std::move(result_);
  }

 private:
  bool OutOfTime() {
    if (options_.out_of_time && options_.out_of_time()) result_.cut = true;
    return result_.cut;
  }

  std::vector<Place> RawPlaces() {
    std::vector<Place> places;
    const SobolSequence sequence(static_cast<int>(encoding_.size()), HashOf(options_.seed, {32}));
    Place place;
    for (size_t i = 0; i < options_.raw_points; ++i) {
      if (options_.belief != nullptr && i % 2 == 0) {
        options_.belief->FromCube(sequence.Point(static_cast<uint32_t>(i)), place);
      } else {
        encoding_.FromCube(sequence.Point(static_cast<uint32_t>(i)), place);
      }
      if (!options_.low.empty()) IntoBox(place);
      for (size_t k = 0; k < place.size() && options_.margin > 0; ++k) {
        if (encoding_.axis(k).kind == Axis::Kind::kReal)
          place[k] = options_.margin + (1 - 2 * options_.margin) * place[k];
      }
      if (region_.Repair(place)) places.push_back(place);
    }
    // Repaired points crowd on the boundary; mixtures of them reach the inside.
    if (!region_.everywhere()) {
      const size_t repaired = places.size();
      for (size_t i = 0; i + 1 < repaired; ++i) {
        const Place& other = places[rng_.Below(repaired)];
        const double share = rng_.Uniform();
        Place mixed = places[i];
        for (size_t k = 0; k < mixed.size(); ++k) mixed[k] += share * (other[k] - mixed[k]);
        encoding_.Settle(mixed);
        if (region_.Repair(mixed)) places.push_back(std::move(mixed));
      }
    }
    for (const Place& anchor : options_.anchors) {
      for (const double width : {0.5, 0.2, 0.05, 0.01, 0.002}) {
        for (int k = 0; k < 6; ++k) {
          place = anchor;
          // Sometimes all axes, sometimes few.
          const double share = k % 2 == 0 ? 1.0 : std::min(1.0, 2.0 / static_cast<double>(place.size()));
          for (size_t i = 0; i < place.size(); ++i) {
            if (rng_.Uniform() > share) continue;
            Perturb(i, width, place);
          }
          encoding_.Settle(place);
          if (region_.Repair(place)) places.push_back(place);
        }
      }
    }
    std::erase_if(places, [&](const Place& p) { return !InBox(p); });
    return places;
  }

  bool InBox(const Place& place) const {
    for (size_t i = 0; i < options_.low.size(); ++i) {
      // A grid's nearest value may lie a little outside.
      const double slack = encoding_.axis(i).kind == Axis::Kind::kLattice ? 0.1 : 1e-9;
      if (encoding_.axis(i).kind == Axis::Kind::kCategory) continue;
      if (place[i] < options_.low[i] - slack || place[i] > options_.high[i] + slack) return false;
    }
    return true;
  }

  // Numeric axes from the whole range to the box.
  void IntoBox(Place& place) {
    for (size_t i = 0; i < place.size(); ++i) {
      if (encoding_.axis(i).kind == Axis::Kind::kCategory) continue;
      const double low = options_.low[i], high = options_.high[i];
      place[i] = encoding_.Nearest(i, low + place[i] * (high - low));
    }
  }

  void Perturb(size_t i, double width, Place& place) {
    const Axis& axis = encoding_.axis(i);
    if (axis.kind == Axis::Kind::kCategory) {
      if (rng_.Uniform() < 0.3) place[i] = static_cast<double>(rng_.Below(axis.count));
      return;
    }
    const double length = options_.lengths.empty() ? 1.0 : std::min(options_.lengths[i], 1.0);
    const double before = place[i];
    place[i] += width * length * rng_.Normal();
    if (axis.kind == Axis::Kind::kLattice && axis.count > 1 &&
        encoding_.IndexOf(i, place[i]) == encoding_.IndexOf(i, before)) {
      const size_t index = encoding_.IndexOf(i, before);
      const bool up = index == 0 || (index + 1 < axis.count && rng_.Uniform() < 0.5);
      if (rng_.Uniform() < 0.5) place[i] = encoding_.At(i, up ? index + 1 : index - 1);
    }
  }

  // The best places, each a distance from those before; half as many again from the remaining best.
  std::vector<size_t> Starts(const std::vector<Place>& places, const std::vector<size_t>& order) const {
    std::vector<size_t> starts;
    const auto far = [&](size_t a, size_t b) {
      for (size_t i = 0; i < places[a].size(); ++i) {
        const double scale = encoding_.axis(i).kind == Axis::Kind::kCategory ? 1 : 0.1;
        if (std::abs(places[a][i] - places[b][i]) >= scale) return true;
      }
      return false;
    };
    for (const size_t i : order) {
      if (starts.size() >= options_.starts) break;
      if (std::all_of(starts.begin(), starts.end(), [&](size_t other) { return far(i, other); }))
        starts.push_back(i);
    }
    return starts;
  }

  void Climb(Candidate candidate) {
    bool has_discrete = false;
    for (size_t i = 0; i < encoding_.size(); ++i)
      has_discrete = has_discrete || encoding_.axis(i).kind != Axis::Kind::kReal;
    for (int round = 0; round < options_.rounds; ++round) {
      const double before = candidate.score;
      ClimbReal(candidate);
      if (OutOfTime() || !has_discrete) break;
      if (!Sweep(candidate) && round > 0) break;
      if (!(candidate.score > before + 1e-6)) break;
      if (OutOfTime()) break;
    }
    result_.candidates.push_back(std::move(candidate));
  }

  void ClimbReal(Candidate& candidate) {
    std::vector<size_t> axes;
    std::vector<char> active;
    encoding_.ActiveAxes(candidate.place, active);
    for (size_t i = 0; i < encoding_.size(); ++i) {
      if (encoding_.axis(i).kind == Axis::Kind::kReal && active[i]) axes.push_back(i);
    }
    if (axes.empty()) return;
    Place place = candidate.place;
    std::vector<double> gradient(place.size());
    const auto objective = [&](std::span<const double> x, std::span<double> g) {
      for (size_t k = 0; k < axes.size(); ++k) place[axes[k]] = x[k];
      const double score = scorer_.Score(place, gradient);
      for (size_t k = 0; k < axes.size(); ++k) g[k] = -gradient[axes[k]];
      return -score;
    };
    std::vector<double> x(axes.size()), low(axes.size(), 0.0), high(axes.size(), 1.0);
    for (size_t k = 0; k < axes.size(); ++k) {
      x[k] = candidate.place[axes[k]];
      const bool boxed = !options_.low.empty();
      low[k] = std::min(std::max(options_.margin, boxed ? options_.low[axes[k]] : 0.0), x[k]);
      high[k] = std::max(std::min(1 - options_.margin, boxed ? options_.high[axes[k]] : 1.0), x[k]);
    }
    const MinimizeOptions minimize{.max_evaluations = options_.evaluations,
                                   .first_step = 0.03,
                                   .tolerance = 1e-6,
                                   .flat_gradient = 1e-6};
    Minimize(objective, low, high, minimize, x);
    for (size_t k = 0; k < axes.size(); ++k) place[axes[k]] = x[k];
    if (!region_.everywhere()) {
      // The region is met by halving the way until the repaired place is better than the start.
      const Place target = place;
      for (double share = 1; share > 0.05; share *= 0.5) {
        place = candidate.place;
        for (const size_t i : axes) place[i] += share * (target[i] - place[i]);
        if (region_.Repair(place) && Take(place, candidate)) break;
      }
      return;
    }
    Take(place, candidate);
  }

  bool Take(const Place& place, Candidate& candidate) {
    const double score = scorer_.Score(place, {});
    if (!(score > candidate.score)) return false;
    candidate = {place, score};
    return true;
  }

  // Tries the values of each lattice and category in turn; true where one was better.
  bool Sweep(Candidate& candidate) {
    bool better = false;
    std::vector<char> active;
    for (size_t i = 0; i < encoding_.size(); ++i) {
      const Axis& axis = encoding_.axis(i);
      encoding_.ActiveAxes(candidate.place, active);
      if (axis.kind == Axis::Kind::kReal || !active[i] || axis.count < 2) continue;
      std::vector<Place> places;
      const size_t current = encoding_.IndexOf(i, candidate.place[i]);
      const auto propose = [&](size_t index) {
        if (index >= axis.count || index == current) return;
        Place place = candidate.place;
        place[i] = encoding_.At(i, index);
        if ((region_.everywhere() || region_.Repair(place)) && InBox(place))
          places.push_back(std::move(place));
      };
      if (axis.count <= kMaxSwept) {
        for (size_t k = 0; k < axis.count; ++k) propose(k);
      } else {
        for (size_t step : {1, 2, 4, 16}) {
          propose(current + step);
          if (current >= step) propose(current - step);
        }
        for (int k = 0; k < kDrawnValues; ++k) propose(rng_.Below(axis.count));
      }
      if (places.empty()) continue;
      const std::vector<double> scores = scorer_.ScoreMany(places);
      const auto best = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      if (scores[best] > candidate.score + 1e-9) {
        candidate = {places[best], scores[best]};
        better = true;
      }
    }
    return better;
  }

  const Scorer& scorer_;
  const Encoding& encoding_;
  const LinearRegion& region_;
  const SearchOptions& options_;
  Rng rng_;
  SearchResult result_;
};

}  // namespace

SearchResult FindBest(const Scorer& scorer, const LinearRegion& region, const SearchOptions& options) {
  return Searcher(scorer, region, options).Run();
}

}  // namespace sda::optimizer::bayes
