#include "clients/cli/core/goal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

GoalMetric Goal(std::string name, bool optimize, bool maximize,
                std::optional<double> threshold = std::nullopt) {
  GoalMetric goal;
  goal.name = std::move(name);
  goal.optimize = optimize;
  goal.maximize = maximize;
  goal.threshold = threshold;
  return goal;
}

std::string ErrorOf(const std::vector<std::string>& texts) {
  const auto goals = ParseGoals(texts);
  return goals.ok() ? "accepted" : std::string(goals.status().message());
}

TEST(GoalTest, NothingMeansMaximizeAuc) {
  EXPECT_THAT(*ParseGoals({}), ElementsAre(Goal("auc", true, true)));
}

TEST(GoalTest, ThresholdAloneIsOptimisedBeyondIt) {
  EXPECT_THAT(*ParseGoals({"auc>=0.80"}), ElementsAre(Goal("auc", true, true, 0.80)));
}

TEST(GoalTest, ThresholdBesideAnOptimisedMetricIsACondition) {
  EXPECT_THAT(*ParseGoals({"auc >= 0.80", "minimize train_seconds"}),
              ElementsAre(Goal("auc", false, true, 0.80), Goal("train_seconds", true, false)));
}

TEST(GoalTest, CommaSeparatesGoals) {
  EXPECT_THAT(*ParseGoals({"auc>=0.8, minimise train_seconds"}),
              ElementsAre(Goal("auc", false, true, 0.8), Goal("train_seconds", true, false)));
}

TEST(GoalTest, DirectionAndThresholdOfOneMetricJoin) {
  EXPECT_THAT(*ParseGoals({"max auc", "auc>=0.7", "logloss<=0.4"}),
              ElementsAre(Goal("auc", true, true, 0.7), Goal("logloss", false, false, 0.4)));
}

TEST(GoalTest, CalibrationMayBeBoundedOnEitherSide) {
  EXPECT_THAT(*ParseGoals({"calibration<=1.1"}), ElementsAre(Goal("calibration", true, false, 1.1)));
  EXPECT_THAT(*ParseGoals({"calibration>=0.9"}), ElementsAre(Goal("calibration", true, true, 0.9)));
}

TEST(GoalTest, BadGoalsAreRefusedWithWhatIsAllowed) {
  EXPECT_THAT(ErrorOf({"win"}), HasSubstr("a goal is 'maximize METRIC'"));
  EXPECT_THAT(ErrorOf({""}), HasSubstr("a goal is"));
  EXPECT_THAT(ErrorOf({"maximize"}), HasSubstr("a goal is"));
  EXPECT_THAT(ErrorOf({"maximize aucc"}), HasSubstr("'aucc' is not a metric; allowed are auc, logloss"));
  EXPECT_THAT(ErrorOf({"auc>0.8"}), HasSubstr("METRIC>=NUMBER"));
  EXPECT_THAT(ErrorOf({"auc>=nan"}), HasSubstr("'nan' is not a number from 0 to 1"));
  EXPECT_THAT(ErrorOf({"auc>=inf"}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(ErrorOf({"auc>=1.5"}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(ErrorOf({"auc>="}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(ErrorOf({"logloss<=-1"}), HasSubstr("at least 0"));
  EXPECT_THAT(ErrorOf({"auc<=0.5"}), HasSubstr("larger auc is better"));
  EXPECT_THAT(ErrorOf({"maximize logloss"}), HasSubstr("smaller logloss is better"));
  EXPECT_THAT(ErrorOf({"auc>=0.8", "auc>=0.9"}), HasSubstr("already has the threshold 0.8"));
  EXPECT_THAT(ErrorOf({"calibration>=0.9", "calibration<=1.1"}), HasSubstr("contradicts"));
  EXPECT_THAT(
      ErrorOf({"max auc", "min logloss", "min train_seconds", "max accuracy", "max samples_per_second"}),
      HasSubstr("at most 4"));
}

TEST(GoalTest, EveryErrorNamesTheOption) {
  EXPECT_THAT(ErrorOf({"win"}), HasSubstr("--goal: 'win'"));
}

}  // namespace
}  // namespace sda::cli
