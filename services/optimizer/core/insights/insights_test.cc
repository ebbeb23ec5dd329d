#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/insights/convergence.h"
#include "services/optimizer/core/insights/metric_insights.h"
#include "services/optimizer/core/sobol.h"

namespace sda::optimizer {
namespace {

Space Cube(int dimensions) {
  Space space;
  for (int i = 0; i < dimensions; ++i) {
    Parameter& parameter = space.parameters.emplace_back();
    parameter.name = "x" + std::to_string(i);
    parameter.domain = DoubleRange{0, 1};
  }
  return space;
}

using Function = std::function<double(const Assignments&)>;

std::vector<ObservedTrial> Observe(const Space& space, int count, const Function& function,
                                   double noise = 0) {
  const SobolSequence sequence(static_cast<int>(space.parameters.size()), 5);
  Rng rng(8);
  std::vector<ObservedTrial> trials;
  for (int i = 0; i < count; ++i) {
    ObservedTrial& trial = trials.emplace_back();
    trial.state = ObservedTrial::State::kSucceeded;
    trial.assignments = FromUnit(space, sequence.Point(static_cast<uint32_t>(i)));
    trial.metrics["y"] = function(trial.assignments) + noise * rng.Normal();
  }
  return trials;
}

double X(const Assignments& a, int i) {
  return std::get<double>(a.at("x" + std::to_string(i)));
}

const Importance& Of(const MetricInsights& insights, const std::string& name) {
  for (const Importance& importance : insights.importance) {
    if (importance.parameter == name) return importance;
  }
  ADD_FAILURE() << name;
  return insights.importance[0];
}

// Variances of 3·x and x over the unit interval are as 9 to 1.
TEST(ImportanceTest, AdditiveFunctionsHaveKnownShares) {
  const Space space = Cube(3);
  const auto trials = Observe(space, 60, [](const Assignments& a) { return 3 * X(a, 0) - X(a, 1); });
  const MetricInsights insights = ExplainMetric(space, {.name = "y"}, trials, {});
  EXPECT_EQ(insights.importance[0].parameter, "x0");
  EXPECT_NEAR(Of(insights, "x0").main_share, 0.9, 0.04);
  EXPECT_NEAR(Of(insights, "x0").total_share, 0.9, 0.04);
  EXPECT_NEAR(Of(insights, "x1").total_share, 0.1, 0.04);
  EXPECT_NEAR(Of(insights, "x2").total_share, 0, 0.02);
  EXPECT_LT(Of(insights, "x0").total_share_stddev, 0.1);
}

TEST(ImportanceTest, PureInteractionsAreSeenInTheTotalOnly) {
  const Space space = Cube(3);
  const auto trials =
      Observe(space, 120, [](const Assignments& a) { return (X(a, 0) - 0.5) * (X(a, 1) - 0.5); });
  const MetricInsights insights = ExplainMetric(space, {.name = "y"}, trials, {});
  for (const char* name : {"x0", "x1"}) {
    EXPECT_LT(Of(insights, name).main_share, 0.1) << name;
    EXPECT_GT(Of(insights, name).total_share, 0.85) << name;
  }
  EXPECT_LT(Of(insights, "x2").total_share, 0.1);
}

TEST(ImportanceTest, FewNoisyTrialsAdmitThatTheyKnowLittle) {
  const Space space = Cube(4);
  const Function f = [](const Assignments& a) { return X(a, 0) + X(a, 1); };
  const auto few = ExplainMetric(space, {.name = "y"}, Observe(space, 10, f, 0.3), {});
  const auto many = ExplainMetric(space, {.name = "y"}, Observe(space, 150, f, 0.02), {});
  EXPECT_GT(Of(few, "x0").total_share_stddev, 2 * Of(many, "x0").total_share_stddev);
  EXPECT_NEAR(Of(many, "x0").total_share, 0.5, 0.06);
}

TEST(ImportanceTest, CategoriesIntegersAndConditionsTakePart) {
  Space space = Cube(1);
  space.parameters.push_back({.name = "kind", .domain = Categories{{"a", "b"}}});
  space.parameters.push_back({.name = "depth",
                              .domain = IntRange{1, 4},
                              .conditions = {{.parameter = "kind", .values = {std::string("b")}}}});
  const auto trials = Observe(space, 80, [](const Assignments& a) {
    return a.contains("depth") ? static_cast<double>(std::get<int64_t>(a.at("depth"))) : 0.0;
  });
  const MetricInsights insights = ExplainMetric(space, {.name = "y"}, trials, {});
  EXPECT_GT(Of(insights, "kind").total_share, 0.6);
  EXPECT_GT(Of(insights, "depth").total_share, 0.05);
  EXPECT_LT(Of(insights, "x0").total_share, 0.05);
  for (const Dependence& dependence : insights.dependence) {
    if (dependence.parameter != "depth") continue;
    ASSERT_EQ(dependence.points.size(), 4);
    for (int depth = 1; depth <= 4; ++depth) {
      EXPECT_EQ(std::get<int64_t>(dependence.points[depth - 1].value), depth);
      EXPECT_NEAR(dependence.points[depth - 1].mean, depth, 0.4);
    }
  }
}

TEST(DependenceTest, CurvesFollowTheFunctionAndBandsHoldIt) {
  const Space space = Cube(2);
  const auto trials = Observe(
      space, 60, [](const Assignments& a) { return std::sin(5 * X(a, 0)) + X(a, 1); }, 0.01);
  const MetricInsights insights = ExplainMetric(space, {.name = "y"}, trials, {.dependence_points = 11});
  ASSERT_EQ(insights.dependence[0].points.size(), 11);
  for (const Dependence::Point& point : insights.dependence[0].points) {
    const double truth = std::sin(5 * std::get<double>(point.value)) + 0.5;
    EXPECT_NEAR(point.mean, truth, 0.05 + 3 * point.stddev);
    EXPECT_GE(point.stddev, 0);
  }
}

TEST(LeaveOneOutTest, GoodModelsExplainTheVarianceAndNoiseIsNotExplained) {
  const Space space = Cube(2);
  const auto clear = ExplainMetric(
      space, {.name = "y", .maximize = false},
      Observe(space, 50, [](const Assignments& a) { return std::sin(4 * X(a, 0)) * X(a, 1); }), {});
  EXPECT_GT(clear.explained_variance, 0.95);
  const auto noise = ExplainMetric(space, {.name = "y"},
                                   Observe(
                                       space, 50, [](const Assignments&) { return 0.0; }, 1),
                                   {});
  EXPECT_LT(noise.explained_variance, 0.3);
  EXPECT_GT(noise.two_sigma_coverage, 0.85);
  ASSERT_EQ(clear.left_out.size(), 50);
  EXPECT_EQ(clear.left_out[7].trial, 7);
}

TEST(InsightsTest, TooFewTrialsGiveNothing) {
  const Space space = Cube(2);
  auto trials = Observe(space, 5, [](const Assignments& a) { return X(a, 0); });
  trials[0].state = ObservedTrial::State::kInfeasible;
  trials[1].metrics["y"] = std::nan("");
  const MetricInsights insights = ExplainMetric(space, {.name = "y"}, trials, {});
  EXPECT_EQ(insights.observations, 3);
  EXPECT_TRUE(insights.importance.empty());
}

TEST(InsightsTest, EqualValuesGiveEverythingNothing) {
  const Space space = Cube(2);
  const auto insights =
      ExplainMetric(space, {.name = "y"}, Observe(space, 12, [](const Assignments&) { return 3.0; }), {});
  for (const Importance& importance : insights.importance) EXPECT_LT(importance.total_share, 0.01);
  for (const LeftOut& left : insights.left_out) EXPECT_NEAR(left.mean, 3, 1e-6);
}

TEST(ConvergenceTest, BestAndHypervolumeGrowTrialByTrial) {
  const std::vector<Metric> metrics = {{.name = "auc"}, {.name = "seconds", .maximize = false}};
  const std::vector<CountedTrial> trials = {{.succeeded = true, .metrics = {{"auc", 0.5}, {"seconds", 10}}},
                                            {.succeeded = false},
                                            {.succeeded = true, .metrics = {{"auc", 0.7}, {"seconds", 8}}},
                                            {.succeeded = true, .metrics = {{"auc", 0.6}, {"seconds", 4}}}};
  const Convergence found = FindConvergence(metrics, "auc", trials);
  EXPECT_EQ(found.reference, (std::map<std::string, double>{{"auc", 0.5}, {"seconds", 10}}));
  ASSERT_EQ(found.points.size(), 4);
  EXPECT_EQ(found.points[1].best, 0.5);
  EXPECT_EQ(found.points[3].best, 0.7);
  EXPECT_NEAR(*found.points[0].hypervolume, 0, 1e-12);
  EXPECT_NEAR(*found.points[2].hypervolume, 0.2 * 2, 1e-12);
  // (0.7, 8) and (0.6, 4): 0.2·2 + 0.1·4.
  EXPECT_NEAR(*found.points[3].hypervolume, 0.8, 1e-12);
}

TEST(ConvergenceTest, ThresholdsBoundTheVolumeAndWhatCounts) {
  const std::vector<Metric> metrics = {{.name = "auc", .threshold = 0.6},
                                       {.name = "size", .maximize = false}};
  const std::vector<CountedTrial> trials = {{.succeeded = true, .metrics = {{"auc", 0.5}, {"size", 2}}},
                                            {.succeeded = true, .metrics = {{"auc", 0.8}, {"size", 1}}}};
  const Convergence found = FindConvergence(metrics, "auc", trials);
  EXPECT_FALSE(found.points[0].best);
  EXPECT_EQ(found.points[1].best, 0.8);
  EXPECT_NEAR(*found.points[1].hypervolume, 0.2 * 1, 1e-12);
  EXPECT_FALSE(FindConvergence({{.name = "auc"}}, "auc", trials).points[1].hypervolume);
}

}  // namespace
}  // namespace sda::optimizer
