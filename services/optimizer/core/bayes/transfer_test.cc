#include "services/optimizer/core/bayes/transfer.h"

#include <cmath>
#include <functional>
#include <numeric>

#include <gtest/gtest.h>

#include "services/optimizer/core/bayes/bayesian_suggester.h"
#include "services/optimizer/core/knowledge.h"

namespace sda::optimizer::bayes {
namespace {

using Function = std::function<double(double, double)>;

Space TwoReals() {
  Space space;
  for (const char* name : {"x", "y"}) {
    Parameter& parameter = space.parameters.emplace_back();
    parameter.name = name;
    parameter.domain = DoubleRange{0, 1};
  }
  return space;
}

// A valley with its lowest point at (a, b), ripples in it.
Function Valley(double a, double b, double scale, double shift) {
  return [=](double x, double y) {
    const double dx = x - a, dy = y - b;
    return shift + scale * (dx * dx + 2 * dy * dy + 0.5 * dx * dy +
                            0.02 * (2 - std::cos(14 * dx) - std::cos(14 * dy)));
  };
}

std::vector<ObservedTrial> Search(const Function& function, int budget, uint64_t seed,
                                  const std::vector<std::vector<ObservedTrial>>& knowledge) {
  const Space space = TwoReals();
  const std::vector<Metric> metrics = {{.name = "loss", .maximize = false}};
  SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = seed, .knowledge = knowledge};
  const BayesianSuggester suggester;
  for (int i = 0; i < budget; ++i) {
    const auto suggestion = suggester.Suggest(state);
    EXPECT_TRUE(suggestion.has_value());
    state.suggestions += suggestion->suggestions_used;
    ObservedTrial trial{.state = ObservedTrial::State::kSucceeded, .assignments = suggestion->assignments};
    trial.metrics["loss"] =
        function(std::get<double>(trial.assignments["x"]), std::get<double>(trial.assignments["y"]));
    state.trials.push_back(std::move(trial));
  }
  return state.trials;
}

double BestOf(const std::vector<ObservedTrial>& trials, size_t count) {
  double best = INFINITY;
  for (size_t i = 0; i < count; ++i) best = std::min(best, trials[i].metrics.at("loss"));
  return best;
}

struct Means {
  double early = 0, late = 0;  // of log10 of the regret after 6 and 25 trials
};

Means MeanRegret(const Function& function, double optimum,
                 const std::vector<std::vector<ObservedTrial>>& knowledge) {
  constexpr int kSeeds = 8;
  Means means;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto trials = Search(function, 25, seed, knowledge);
    means.early += std::log10(BestOf(trials, 6) - optimum + 1e-6) / kSeeds;
    means.late += std::log10(BestOf(trials, 25) - optimum + 1e-6) / kSeeds;
  }
  return means;
}

TEST(TransferTest, AShiftedProblemIsSolvedSoonerAndInTheEndAsWell) {
  // Ten times the size, another level, the valley moved a little.
  const auto earlier = Search(Valley(0.30, 0.70, 1, 0), 30, 100, {});
  const Function now = Valley(0.36, 0.64, 10, 5);
  const Means without = MeanRegret(now, 5, {}), with = MeanRegret(now, 5, {earlier});
  EXPECT_LT(with.early, without.early - 0.3) << "half the regret after six trials";
  EXPECT_LT(with.late, without.late + 0.3) << "nothing lost after 25";
}

TEST(TransferTest, AnUnrelatedProblemDoesNoLastingHarm) {
  const auto earlier = Search(Valley(0.9, 0.1, 1, 0), 30, 100, {});
  // What was good there is bad here.
  const Function now = Valley(0.2, 0.85, 1, 0);
  const Means without = MeanRegret(now, 0, {}), with = MeanRegret(now, 0, {earlier});
  EXPECT_LT(with.late, without.late + 0.4);
}

TEST(TransferTest, TheFirstPointIsTheBestEarlierOneAndSuggestionsRepeat) {
  const auto earlier = Search(Valley(0.3, 0.7, 1, 0), 20, 7, {});
  const auto first = Search(Valley(0.3, 0.7, 1, 0), 8, 3, {earlier});
  const auto again = Search(Valley(0.3, 0.7, 1, 0), 8, 3, {earlier});
  size_t best = 0;
  for (size_t i = 0; i < earlier.size(); ++i) {
    if (earlier[i].metrics.at("loss") < earlier[best].metrics.at("loss")) best = i;
  }
  EXPECT_EQ(first[0].assignments, earlier[best].assignments);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].assignments, again[i].assignments) << i;
}

TEST(TransferTest, PointsAreTranslatedByName) {
  Space space = TwoReals();
  space.parameters[1].name = "depth";
  space.parameters[1].domain = IntRange{1, 8};
  space.parameters.push_back(
      {.name = "kind", .domain = Categories{{"a", "b"}}, .default_value = std::string("b")});
  space.parameters.push_back({.name = "width",
                              .domain = Grid{{1, 2, 4}},
                              .conditions = {{.parameter = "kind", .values = {std::string("a")}}}});
  const auto point = Translate(space, {{"x", 0.25}, {"depth", 4.0}, {"old", int64_t{3}}});
  ASSERT_TRUE(point);
  EXPECT_EQ(*point, (Assignments{{"x", 0.25}, {"depth", int64_t{4}}, {"kind", std::string("b")}}));
  EXPECT_FALSE(Translate(space, {{"x", 0.25}, {"depth", 4.5}})) << "no integer";
  EXPECT_FALSE(Translate(space, {{"x", 1.5}})) << "outside";
  EXPECT_FALSE(Translate(space, {{"z", 0.5}})) << "nothing shared";
}

TEST(TransferTest, OfManyTrialsTheBestStay) {
  const Space space = TwoReals();
  const std::vector<Metric> metrics = {{.name = "loss", .maximize = false}};
  std::vector<ObservedTrial> trials;
  for (int i = 0; i < 100; ++i) {
    ObservedTrial& trial = trials.emplace_back();
    trial.state = ObservedTrial::State::kSucceeded;
    trial.assignments = {{"x", i / 100.0}, {"y", 0.5}};
    trial.metrics["loss"] = (i * 37) % 100;
  }
  trials[5].state = ObservedTrial::State::kInfeasible;
  const auto chosen = TranslateTrials(space, metrics, trials, 20);
  ASSERT_EQ(chosen.size(), 20);
  for (int i = 0; i < 10; ++i) EXPECT_LT(chosen[i].metrics.at("loss"), 11);
}

}  // namespace
}  // namespace sda::optimizer::bayes
