#include "services/optimizer/core/bayes/bayesian_suggester.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "services/optimizer/core/bayes/expectation.h"
#include "services/optimizer/core/bayes/round.h"
#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {
namespace {

// The first points of a search that knows earlier experiments are their best ones.
constexpr size_t kEarlierPoints = 3;

// The best point of earlier experiments that was not tried yet; nothing where there is none, or enough were.
std::optional<Suggestion> FromEarlier(const Study& study) {
  for (const EarlierPoint& point : BestEarlierPoints(study, kEarlierPoints)) {
    if (study.taken.contains(PointKey(point.assignments))) continue;
    Suggestion suggestion;
    suggestion.assignments = point.assignments;
    suggestion.source = Suggestion::Source::kTransfer;
    suggestion.text = absl::StrCat("among the best of ",
                                   point.experiment.empty() ? "an earlier experiment" : point.experiment);
    return suggestion;
  }
  return std::nullopt;
}

}  // namespace

BayesianSuggester::BayesianSuggester(BayesianOptions options)
    : options_(std::move(options)), sobol_(MakeSuggester(Algorithm::kSobol)) {}

std::optional<Suggestion> BayesianSuggester::Suggest(const SearchState& state) const {
  const auto dimensions = static_cast<double>(state.space.parameters.size());
  auto initial =
      static_cast<size_t>(std::clamp(std::ceil(options_.initial_factor * (dimensions + 1)), 4.0, 20.0));
  size_t tried = 0;
  for (const ObservedTrial& trial : state.trials) tried += trial.state != ObservedTrial::State::kFailed;
  if (!state.knowledge.empty()) {
    if (tried < initial) {
      if (auto suggestion = FromEarlier(Study(state))) return suggestion;
    }
    initial = std::max(kEarlierPoints + 1, initial / 2);
  }
  bool cut = false;
  if (tried >= initial) {
    Study study(state);
    if (!study.finished.empty()) {
      Round round(study, options_, cache_, pace_);
      auto suggestion = round.Run();
      cut = round.cut();
      if (suggestion) {
        if (suggestion->deadline_cut)
          absl::StrAppend(&suggestion->text, "; the deadline cut the search short");
        return suggestion;
      }
    }
  }
  auto suggestion = sobol_->Suggest(state);
  if (suggestion && (cut || (tried >= initial && absl::Now() >= state.deadline))) {
    suggestion->deadline_cut = true;
    absl::StrAppend(&suggestion->text, "; the deadline came before a model was ready");
  }
  return suggestion;
}

}  // namespace sda::optimizer::bayes
