#include "services/optimizer/core/bayes/parzen.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <tuple>

#include <absl/strings/str_cat.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/front.h"
#include "services/optimizer/core/bayes/normal.h"
#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {
namespace {

constexpr size_t kInitial = 10;
constexpr int kCandidates = 48;
constexpr size_t kMaxGood = 25;
constexpr double kGoodShare = 0.1;

double NormalCdf(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2);
}

// A kernel density over places: one component a trial, and one that covers the space evenly.
class Density {
 public:
  Density(const Encoding& encoding, std::vector<const Study::Outcome*> trials)
      : encoding_(encoding), trials_(std::move(trials)) {
    const auto n = static_cast<double>(trials_.size()), d = static_cast<double>(encoding.size());
    width_ = std::max(0.2 * std::pow(std::max(n, 1.0), -1 / (d + 4)), 0.01);
    active_.resize(trials_.size());
    for (size_t t = 0; t < trials_.size(); ++t) encoding.ActiveAxes(trials_[t]->place, active_[t]);
  }

  Place Draw(Rng& rng) const {
    Place place(encoding_.size());
    const uint64_t component = rng.Below(trials_.size() + 1);
    for (size_t i = 0; i < place.size(); ++i) {
      const Axis& axis = encoding_.axis(i);
      const bool even = component == trials_.size() || !active_[component][i];
      if (axis.kind == Axis::Kind::kCategory) {
        place[i] = even || rng.Uniform() < OtherShare(axis) ? static_cast<double>(rng.Below(axis.count))
                                                            : trials_[component]->place[i];
      } else if (even) {
        place[i] = rng.Uniform();
      } else {
        const double center = std::clamp(trials_[component]->place[i], 0.0, 1.0);
        const double low = NormalCdf(-center / width_), high = NormalCdf((1 - center) / width_);
        place[i] = center + width_ * NormalQuantile(rng.Uniform(low, high));
      }
    }
    encoding_.Settle(place);
    return place;
  }

  double Log(const Place& place, const std::vector<char>& active) const {
    std::vector<double> logs = {0.0};
    for (size_t i = 0; i < place.size(); ++i) {
      if (active[i]) logs[0] += EvenLog(i);
    }
    for (size_t t = 0; t < trials_.size(); ++t) {
      double log = 0;
      for (size_t i = 0; i < place.size(); ++i) {
        if (active[i]) log += active_[t][i] ? KernelLog(i, trials_[t]->place[i], place[i]) : EvenLog(i);
      }
      logs.push_back(log);
    }
    return LogSum(logs) - std::log(static_cast<double>(logs.size()));
  }

 private:
  // What a category's kernel leaves for all its values together.
  double OtherShare(const Axis& axis) const {
    return std::min(1.0,
                    static_cast<double>(axis.count) / (static_cast<double>(trials_.size() + axis.count)));
  }

  double EvenLog(size_t i) const {
    const Axis& axis = encoding_.axis(i);
    return axis.kind == Axis::Kind::kCategory ? -std::log(static_cast<double>(axis.count)) : 0;
  }

  double KernelLog(size_t i, double center, double x) const {
    const Axis& axis = encoding_.axis(i);
    if (axis.kind == Axis::Kind::kCategory) {
      const double other = OtherShare(axis);
      return std::log(other / static_cast<double>(axis.count) + (x == center ? 1 - other : 0));
    }
    center = std::clamp(center, 0.0, 1.0);
    const double mass = NormalCdf((1 - center) / width_) - NormalCdf(-center / width_);
    return LogNormalPdf((x - center) / width_) - std::log(width_ * mass);
  }

  const Encoding& encoding_;
  const std::vector<const Study::Outcome*> trials_;
  std::vector<std::vector<char>> active_;
  double width_ = 0.2;
};

// Trials from the best on: those that break constraints least, then by rank of the front they lie on, then by
// the first objective.
std::vector<const Study::Outcome*> Ranked(const Study& study) {
  struct Entry {
    double broken = 0;
    size_t rank = 0;
    double value = 0;
    const Study::Outcome* outcome = nullptr;
  };
  std::vector<Entry> entries;
  std::vector<Objectives> points;
  for (const Study::Outcome& outcome : study.finished) {
    if (!outcome.valued) continue;
    Entry entry{.outcome = &outcome};
    for (const size_t m : study.constraints) {
      const double limit = *study.Limit(m);
      entry.broken += std::max(outcome.values[m] - limit, 0.0) / std::max(std::abs(limit), 1e-9);
    }
    Objectives point;
    for (const size_t m : study.objectives) point.push_back(outcome.values[m]);
    entry.value = point.empty() ? 0 : point[0];
    points.push_back(std::move(point));
    entries.push_back(entry);
  }
  if (study.objectives.size() > 1) {
    std::vector<size_t> left(entries.size());
    std::iota(left.begin(), left.end(), size_t{0});
    for (size_t rank = 0, ranked = 0; !left.empty(); ++rank) {
      std::vector<Objectives> these;
      for (const size_t i : left) these.push_back(points[i]);
      std::vector<char> gone(left.size(), 0);
      for (const size_t k : NondominatedIndices(these)) gone[k] = 1;
      std::vector<size_t> rest;
      for (size_t k = 0; k < left.size(); ++k) {
        // Once the better part is full, the order of the others does not matter.
        if (gone[k] || ranked > kMaxGood) {
          entries[left[k]].rank = rank;
          ++ranked;
        } else {
          rest.push_back(left[k]);
        }
      }
      left = std::move(rest);
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.broken, a.rank, a.value) < std::tie(b.broken, b.rank, b.value);
  });
  std::vector<const Study::Outcome*> ranked;
  for (const Entry& entry : entries) ranked.push_back(entry.outcome);
  return ranked;
}

}  // namespace

ParzenSuggester::ParzenSuggester() : sobol_(MakeSuggester(Algorithm::kSobol)) {}

std::optional<Suggestion> ParzenSuggester::Suggest(const SearchState& state) const {
  if (state.trials.size() < kInitial) return sobol_->Suggest(state);
  const Study study(state);
  std::vector<const Study::Outcome*> good = Ranked(study), others;
  if (good.size() < 2) return sobol_->Suggest(state);
  const auto count =
      std::min(kMaxGood, static_cast<size_t>(std::ceil(kGoodShare * static_cast<double>(good.size()))));
  others.assign(good.begin() + static_cast<std::ptrdiff_t>(count), good.end());
  good.resize(count);
  for (const Study::Outcome& outcome : study.pending) others.push_back(&outcome);
  for (const Study::Outcome& outcome : study.infeasible) others.push_back(&outcome);
  const size_t trials = study.finished.size();
  const Density better(study.encoding, std::move(good)), worse(study.encoding, std::move(others));
  Rng rng(HashOf(state.seed, {61, static_cast<uint64_t>(state.suggestions)}));
  std::optional<Suggestion> best;
  double best_score = 0;
  std::vector<char> active;
  for (int k = 0; k < kCandidates; ++k) {
    Place place = better.Draw(rng);
    if (!study.region.Repair(place)) continue;
    study.encoding.ActiveAxes(place, active);
    const double score = better.Log(place, active) - worse.Log(place, active);
    if (best && !(score > best_score)) continue;
    Suggestion suggestion;
    suggestion.assignments = study.encoding.ToAssignments(place);
    if (!SatisfiesConstraints(state.space, suggestion.assignments) ||
        study.taken.contains(PointKey(suggestion.assignments)))
      continue;
    best_score = score;
    best = std::move(suggestion);
  }
  if (!best) return sobol_->Suggest(state);
  best->source = Suggestion::Source::kParzen;
  best->text = absl::StrCat("likeliest among the best ", count, " of ", trials,
                            " trials, relative to the others (Parzen estimator)");
  return best;
}

}  // namespace sda::optimizer::bayes
