#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/optimizer/core/best_trials.h"
#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/core/lifecycle.h"

namespace sda::optimizer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Metric Auc(std::optional<double> threshold = {}) {
  return {.name = "auc",
          .strategy = Strategy::kOptimize,
          .maximize = true,
          .threshold = threshold,
          .noise_stddev = {}};
}
Metric Seconds() {
  return {.name = "seconds",
          .strategy = Strategy::kOptimize,
          .maximize = false,
          .threshold = {},
          .noise_stddev = {}};
}

TEST(BestTrialsTest, TheFrontHoldsWhatNobodyBeatsWithinTheThresholds) {
  const BestTrials best = FindBestTrials({Auc(0.7), Seconds()}, {{{"auc", 0.80}, {"seconds", 9}},
                                                                 {{"auc", 0.75}, {"seconds", 5}},
                                                                 {{"auc", 0.74}, {"seconds", 6}},
                                                                 {{"auc", 0.60}, {"seconds", 1}}});
  EXPECT_THAT(best.pareto, ElementsAre(0, 1));
  EXPECT_EQ(best.best_by_metric.at("auc"), 0);
  EXPECT_EQ(best.best_by_metric.at("seconds"), 1);
  EXPECT_TRUE(best.thresholds_met);
}

TEST(BestTrialsTest, AMetricThatMeetsItsThresholdIsGoodEnough) {
  const std::vector<MetricValues> values = {
      {{"auc", 0.80}, {"seconds", 9}}, {{"auc", 0.75}, {"seconds", 5}}, {{"auc", 0.60}, {"seconds", 1}}};
  EXPECT_EQ(FindBestTrials({Auc(0.7), Seconds()}, values).recommended, 1) << "the cheapest within";
  EXPECT_EQ(FindBestTrials({Seconds(), Auc(0.7)}, values).recommended, 1);
  EXPECT_EQ(FindBestTrials({Auc(), Seconds()}, values).recommended, 0) << "no threshold: the first metric";
  Metric bounded = Seconds();
  bounded.threshold = 10;
  EXPECT_EQ(FindBestTrials({Auc(0.7), bounded}, values).recommended, 0) << "all have one: the first metric";
}

TEST(BestTrialsTest, WithNothingWithinTheThresholdsTheNearestIsDelivered) {
  const BestTrials best = FindBestTrials({Auc(0.9)}, {{{"auc", 0.5}}, {{"auc", 0.8}}, {{"auc", 0.7}}});
  EXPECT_THAT(best.pareto, IsEmpty());
  EXPECT_EQ(best.recommended, 1);
  EXPECT_FALSE(best.thresholds_met);
}

TEST(BestTrialsTest, NaNIsWorseThanEverything) {
  const BestTrials best = FindBestTrials({Auc()}, {{{"auc", std::nan("")}}, {{"auc", 0.1}}});
  EXPECT_THAT(best.pareto, ElementsAre(1));
  EXPECT_EQ(FindBestTrials({Auc()}, {}).recommended, std::nullopt);
}

TEST(LifecycleTest, BudgetCountsWhatEndedAndWhatIsOpen) {
  const ExperimentLimits limits{.observation_budget = 3, .parallel_bandwidth = 2, .max_failed_trials = 2};
  EXPECT_TRUE(MayCreateTrial({.active = 1, .succeeded = 1, .failed = 9}, limits));
  EXPECT_FALSE(MayCreateTrial({.queued = 1, .active = 1, .succeeded = 1}, limits));
  EXPECT_FALSE(MayHandOut({.active = 2}, 0, limits));
  EXPECT_TRUE(MayHandOut({.active = 2}, 1, limits));
  EXPECT_EQ(Judge({.succeeded = 1, .stopped = 1, .infeasible = 1}, limits), Verdict::kCompleted);
  EXPECT_EQ(Judge({.active = 1, .succeeded = 3}, limits), Verdict::kGoOn);
  EXPECT_EQ(Judge({.failed = 2}, limits), Verdict::kTooManyFailures);
}

TEST(LifecycleTest, WhatALostAttemptBecomes) {
  EXPECT_EQ(FateOfLostAttempt({.attempt = 1}).state, TrialState::kQueued);
  EXPECT_EQ(FateOfLostAttempt({.attempt = 3}).state, TrialState::kFailed);
  EXPECT_EQ(FateOfLostAttempt({.attempt = 3}).reason, "WORKER_LOST");
  EXPECT_EQ(FateOfLostAttempt({.attempt = 1, .told_to_stop = true, .has_measurement = true}).state,
            TrialState::kStopped);
  LostAttempt heavy{.attempt = 2, .memory_required_bytes = 95, .memory_available_bytes = 100};
  EXPECT_EQ(FateOfLostAttempt(heavy).state, TrialState::kQueued);
  heavy.losses_near_memory_limit = 1;
  EXPECT_EQ(FateOfLostAttempt(heavy).state, TrialState::kInfeasible);
  EXPECT_EQ(FateOfLostAttempt(heavy).reason, "OUT_OF_MEMORY");
}

TEST(EarlyStoppingTest, MedianRuleStopsWhatIsWorseThanTheOthersAverages) {
  const MedianRule rule{.min_trials = 2, .min_steps = 2};
  const std::vector<Curve> others = {{{1, 2}, {0.6, 0.8}}, {{1, 2}, {0.5, 0.7}}};
  EXPECT_TRUE(ShouldStop(rule, true, {{1, 2}, {0.4, 0.5}}, others));
  EXPECT_FALSE(ShouldStop(rule, true, {{1, 2}, {0.6, 0.9}}, others));
  EXPECT_FALSE(ShouldStop(rule, true, {{1}, {0.1}}, others)) << "before min_steps";
  EXPECT_FALSE(ShouldStop(rule, true, {{1, 2}, {0.1, 0.1}}, {others[0]})) << "too few to compare with";
}

TEST(EarlyStoppingTest, HalvingKeepsTheBestAtEachRung) {
  const HalvingRule rule{.min_steps = 1, .factor = 2};
  const std::vector<Curve> others = {{{1}, {0.9}}, {{1}, {0.8}}, {{1}, {0.2}}};
  EXPECT_TRUE(ShouldStop(rule, true, {{1}, {0.5}}, others));
  EXPECT_FALSE(ShouldStop(rule, true, {{1}, {0.85}}, others));
  EXPECT_FALSE(ShouldStop(rule, true, {{1}, {0.1}}, {})) << "nobody else has reached the rung";
}

}  // namespace
}  // namespace sda::optimizer
