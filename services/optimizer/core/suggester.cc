#include "services/optimizer/core/suggester.h"

#include <algorithm>
#include <functional>
#include <optional>

#include <absl/strings/str_cat.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/bayesian_suggester.h"
#include "services/optimizer/core/bayes/linear_region.h"
#include "services/optimizer/core/bayes/parzen.h"
#include "services/optimizer/core/sobol.h"

namespace sda::optimizer {
namespace {

// Points looked at before a duplicate is accepted or a search with constraints gives up.
constexpr int64_t kMaxTries = 20'000;
constexpr int64_t kMaxDuplicateTries = 1'000;
// Points passed over because they break a constraint before the next ones are moved into the region. Narrower
// regions than that, and equalities, are found by moving only.
constexpr int64_t kMaxRejected = 300;
constexpr int64_t kMaxGrid = int64_t{1} << 40;
constexpr uint64_t kRandomStream = 21;

// Answers whether a point was tried already.
class TakenPoints {
 public:
  explicit TakenPoints(const SearchState& state) : ask_(state.is_taken) {
    if (ask_) return;
    for (const ObservedTrial& trial : state.trials) keys_.insert(PointKey(trial.assignments));
  }

  bool Has(const Assignments& point) const { return ask_ ? ask_(point) : keys_.contains(PointKey(point)); }

 private:
  const std::function<bool(const Assignments&)>& ask_;
  std::set<std::string> keys_;
};

// Walks a sequence of points until one satisfies the constraints and is new.
std::optional<Suggestion> FirstGoodPoint(const SearchState& state, Suggestion::Source source,
                                         const std::function<std::vector<double>(int64_t)>& point) {
  const TakenPoints taken(state);
  std::optional<Suggestion> duplicate;
  const bool equality =
      std::any_of(state.space.constraints.begin(), state.space.constraints.end(),
                  [](const auto& c) { return c.comparison == LinearConstraint::Comparison::kEqual; });
  std::optional<bayes::Encoding> encoding;
  std::optional<bayes::LinearRegion> region;
  int64_t rejected = 0;
  for (int64_t tried = 0; tried < kMaxTries; ++tried) {
    Suggestion suggestion;
    suggestion.source = source;
    suggestion.suggestions_used = tried + 1;
    suggestion.assignments = FromUnit(state.space, point(state.suggestions + tried));
    if (!SatisfiesConstraints(state.space, suggestion.assignments)) {
      if (!equality && ++rejected < kMaxRejected) continue;
      if (!region) {
        encoding.emplace(state.space);
        region.emplace(*encoding);
      }
      bayes::Place place = encoding->FromAssignments(suggestion.assignments);
      if (!region->Repair(place)) continue;
      suggestion.assignments = encoding->ToAssignments(place);
      if (!SatisfiesConstraints(state.space, suggestion.assignments)) continue;
    }
    if (!taken.Has(suggestion.assignments)) return suggestion;
    if (!duplicate) duplicate = suggestion;
    if (tried >= kMaxDuplicateTries) break;
  }
  return duplicate;
}

class SobolSuggester final : public Suggester {
 public:
  std::optional<Suggestion> Suggest(const SearchState& state) const override {
    const SobolSequence sequence(static_cast<int>(state.space.parameters.size()), state.seed);
    auto suggestion = FirstGoodPoint(state, Suggestion::Source::kSobol, [&](int64_t index) {
      return sequence.Point(static_cast<uint32_t>(index));
    });
    if (suggestion) {
      suggestion->text = absl::StrCat("point ", state.suggestions + suggestion->suggestions_used,
                                      " of a scrambled Sobol sequence: covers the space evenly");
    }
    return suggestion;
  }
};

class RandomSuggester final : public Suggester {
 public:
  std::optional<Suggestion> Suggest(const SearchState& state) const override {
    auto suggestion = FirstGoodPoint(state, Suggestion::Source::kRandom, [&](int64_t index) {
      Rng rng(HashOf(state.seed, {kRandomStream}), static_cast<uint64_t>(index));
      std::vector<double> point(state.space.parameters.size());
      for (double& coordinate : point) coordinate = rng.Uniform();
      return point;
    });
    if (suggestion) suggestion->text = "drawn at random";
    return suggestion;
  }
};

int64_t ValueCount(const Domain& domain) {
  if (const auto* range = std::get_if<IntRange>(&domain)) return range->max - range->min + 1;
  if (const auto* grid = std::get_if<Grid>(&domain)) return static_cast<int64_t>(grid->values.size());
  if (const auto* categories = std::get_if<Categories>(&domain))
    return static_cast<int64_t>(categories->values.size());
  return 0;
}

Value ValueAt(const Domain& domain, int64_t index) {
  if (const auto* range = std::get_if<IntRange>(&domain)) return range->min + index;
  if (const auto* grid = std::get_if<Grid>(&domain)) return grid->values[index];
  return std::get<Categories>(domain).values[index];
}

class GridSuggester final : public Suggester {
 public:
  std::optional<Suggestion> Suggest(const SearchState& state) const override {
    const auto size = GridSize(state.space);
    if (!size) return std::nullopt;
    const TakenPoints taken(state);
    for (int64_t index = state.suggestions; index < *size; ++index) {
      Suggestion suggestion;
      suggestion.source = Suggestion::Source::kGrid;
      suggestion.suggestions_used = index - state.suggestions + 1;
      int64_t rest = index;
      // The last parameter turns fastest.
      for (auto parameter = state.space.parameters.rbegin(); parameter != state.space.parameters.rend();
           ++parameter) {
        const int64_t count = ValueCount(parameter->domain);
        suggestion.assignments[parameter->name] = ValueAt(parameter->domain, rest % count);
        rest /= count;
      }
      if (!SatisfiesConstraints(state.space, suggestion.assignments) || taken.Has(suggestion.assignments))
        continue;
      suggestion.text = absl::StrCat("point ", index + 1, " of ", *size, " of the grid");
      return suggestion;
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<Suggester> MakeSuggester(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kBayesian:
      return std::make_unique<bayes::BayesianSuggester>();
    case Algorithm::kRandom:
      return std::make_unique<RandomSuggester>();
    case Algorithm::kGrid:
      return std::make_unique<GridSuggester>();
    case Algorithm::kParzen:
      return std::make_unique<bayes::ParzenSuggester>();
    case Algorithm::kSobol:
      break;
  }
  return std::make_unique<SobolSuggester>();
}

std::optional<int64_t> GridSize(const Space& space) {
  int64_t size = 1;
  for (const Parameter& parameter : space.parameters) {
    const int64_t count = ValueCount(parameter.domain);
    if (count == 0 || !parameter.conditions.empty() || count > kMaxGrid / size) return std::nullopt;
    size *= count;
  }
  return size;
}

}  // namespace sda::optimizer
