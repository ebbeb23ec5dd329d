#include "services/optimizer/core/suggester.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/optimizer/core/sobol.h"

namespace sda::optimizer {
namespace {

Parameter Real(std::string name) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.domain = DoubleRange{0, 1};
  return parameter;
}

// The first points of the sequence, as Joe and Kuo's own program prints them.
TEST(SobolTest, FirstPointsAreKnown) {
  const SobolSequence sequence(3, 0);
  using Point = std::vector<double>;
  EXPECT_EQ(sequence.RawPoint(0), (Point{0, 0, 0}));
  EXPECT_EQ(sequence.RawPoint(1), (Point{0.5, 0.5, 0.5}));
  EXPECT_EQ(sequence.RawPoint(2), (Point{0.75, 0.25, 0.25}));
  EXPECT_EQ(sequence.RawPoint(3), (Point{0.25, 0.75, 0.75}));
  EXPECT_EQ(sequence.RawPoint(4), (Point{0.375, 0.375, 0.625}));
}

// What makes the sequence even: 2^k points put one into each of 2^k slices of every coordinate, scrambled or
// not.
TEST(SobolTest, EverySliceOfEveryCoordinateHasOnePoint) {
  constexpr int kPoints = 256;
  for (uint64_t seed : {0, 1, 99}) {
    const SobolSequence sequence(120, seed);
    std::vector<std::set<int>> slices(120);
    for (int i = 0; i < kPoints; ++i) {
      const std::vector<double> point = sequence.Point(i);
      for (size_t d = 0; d < point.size(); ++d) {
        ASSERT_GE(point[d], 0);
        ASSERT_LT(point[d], 1);
        slices[d].insert(static_cast<int>(point[d] * kPoints));
      }
    }
    for (size_t d = 0; d < slices.size(); ++d) EXPECT_EQ(slices[d].size(), kPoints) << "coordinate " << d;
  }
}

TEST(SobolTest, SeedsGiveOtherPointsAndTheSameSeedTheSame) {
  EXPECT_EQ(SobolSequence(5, 3).Point(17), SobolSequence(5, 3).Point(17));
  EXPECT_NE(SobolSequence(5, 3).Point(17), SobolSequence(5, 4).Point(17));
}

TEST(SuggesterTest, SobolNeverRepeatsAPointWhileTheSpaceHasOthers) {
  Space space;
  space.parameters.resize(1);
  space.parameters[0].name = "n";
  space.parameters[0].domain = IntRange{1, 20};
  const std::vector<Metric> metrics;
  SearchState state{.space = space, .metrics = metrics, .trials = {}};
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    const auto suggestion = MakeSuggester(Algorithm::kSobol)->Suggest(state);
    ASSERT_TRUE(suggestion);
    EXPECT_TRUE(seen.insert(PointKey(suggestion->assignments)).second) << i;
    state.trials.push_back({.assignments = suggestion->assignments});
    state.suggestions += suggestion->suggestions_used;
  }
}

TEST(SuggesterTest, SuggestionsKeepLinearConstraints) {
  Space space;
  space.parameters = {Real("a"), Real("b")};
  space.constraints = {{.terms = {{"a", 1}, {"b", 1}}, .bound = 0.2}};
  const std::vector<Metric> metrics;
  SearchState state{.space = space, .metrics = metrics, .trials = {}};
  for (Algorithm algorithm : {Algorithm::kSobol, Algorithm::kRandom}) {
    for (int i = 0; i < 50; ++i) {
      const auto suggestion = MakeSuggester(algorithm)->Suggest(state);
      ASSERT_TRUE(suggestion);
      EXPECT_TRUE(SatisfiesConstraints(space, suggestion->assignments));
      state.suggestions += suggestion->suggestions_used;
    }
  }
}

// A region without volume, and one of a millionth of the space.
TEST(SuggesterTest, EqualitiesAndNarrowRegionsAreMet) {
  using Comparison = LinearConstraint::Comparison;
  Space space;
  space.parameters = {Real("a"), Real("b"), Real("c")};
  space.parameters.resize(4);
  space.parameters[3].name = "n";
  space.parameters[3].domain = IntRange{0, 10};
  const std::vector<Metric> metrics = {{.name = "value"}};
  for (const bool equality : {true, false}) {
    if (equality) {
      space.constraints = {
          {.terms = {{"a", 1}, {"b", 1}, {"c", 1}}, .comparison = Comparison::kEqual, .bound = 1},
          {.terms = {{"a", 1}, {"b", -1}}, .bound = 0},  // a <= b
          {.terms = {{"c", 10}, {"n", -1}}, .bound = 0}};
    } else {
      space.constraints = {{.terms = {{"a", 1}, {"b", 1}, {"c", 1}}, .bound = 0.02}};
    }
    for (Algorithm algorithm :
         {Algorithm::kSobol, Algorithm::kRandom, Algorithm::kParzen, Algorithm::kBayesian}) {
      SearchState state{.space = space, .metrics = metrics, .trials = {}};
      std::set<std::string> seen;
      const auto suggester = MakeSuggester(algorithm);
      for (int i = 0; i < 25; ++i) {
        const auto suggestion = suggester->Suggest(state);
        ASSERT_TRUE(suggestion);
        EXPECT_TRUE(CheckAssignments(space, suggestion->assignments, "").empty());
        EXPECT_TRUE(seen.insert(PointKey(suggestion->assignments)).second);
        state.suggestions += suggestion->suggestions_used;
        const double a = std::get<double>(suggestion->assignments.at("a"));
        state.trials.push_back({.state = ObservedTrial::State::kSucceeded,
                                .assignments = suggestion->assignments,
                                .metrics = {{"value", a * (1 - a)}}});
      }
    }
  }
}

TEST(SuggesterTest, TheParzenEstimatorBeatsRandomSearch) {
  Space space;
  space.parameters = {Real("a"), Real("b"), Real("c")};
  space.parameters.resize(4);
  space.parameters[3].name = "kind";
  space.parameters[3].domain = Categories{{"x", "y", "z"}};
  std::vector<Metric> metrics = {{.name = "value", .maximize = false}};
  double sums[2] = {0, 0};
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    for (const Algorithm algorithm : {Algorithm::kParzen, Algorithm::kRandom}) {
      SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = seed};
      double best = 1e9;
      for (int i = 0; i < 60; ++i) {
        const auto suggestion = MakeSuggester(algorithm)->Suggest(state);
        ASSERT_TRUE(suggestion);
        state.suggestions += suggestion->suggestions_used;
        double value = std::get<std::string>(suggestion->assignments.at("kind")) == "y" ? 0 : 0.2;
        for (const char* name : {"a", "b", "c"})
          value += std::abs(std::get<double>(suggestion->assignments.at(name)) - 0.3);
        best = std::min(best, value);
        state.trials.push_back({.state = ObservedTrial::State::kSucceeded,
                                .assignments = suggestion->assignments,
                                .metrics = {{"value", value}}});
      }
      sums[algorithm == Algorithm::kRandom] += best;
    }
  }
  EXPECT_LT(sums[0], 0.6 * sums[1]);
}

TEST(SuggesterTest, AGridIsWalkedOnceInOrderAndEnds) {
  Space space;
  space.parameters.resize(2);
  space.parameters[0].name = "a";
  space.parameters[0].domain = Grid{{1, 2}};
  space.parameters[1].name = "b";
  space.parameters[1].domain = Categories{{"x", "y"}};
  const std::vector<Metric> metrics;
  SearchState state{.space = space, .metrics = metrics, .trials = {}};
  std::vector<Assignments> points;
  while (const auto suggestion = MakeSuggester(Algorithm::kGrid)->Suggest(state)) {
    points.push_back(suggestion->assignments);
    state.suggestions += suggestion->suggestions_used;
    ASSERT_LE(points.size(), 4);
  }
  ASSERT_EQ(points.size(), 4);
  EXPECT_EQ(points[1], (Assignments{{"a", 1.0}, {"b", std::string("y")}}));
}

}  // namespace
}  // namespace sda::optimizer
