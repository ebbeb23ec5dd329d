#include "services/advisor/core/run_plan.h"

#include <set>

#include <gtest/gtest.h>

#include "services/advisor/core/resource_id.h"

namespace sda::advisor {
namespace {

TEST(RunPlanTest, EachRecordedResultLeadsToTheNextStep) {
  RunRecord record;
  EXPECT_EQ(NextStep(record), Step::kEncode);
  record.has_dataset = true;
  EXPECT_EQ(NextStep(record), Step::kAdvise);
  record.has_recipe = true;
  EXPECT_EQ(NextStep(record), Step::kTune);
  record.has_winner = true;
  EXPECT_EQ(NextStep(record), Step::kEvaluate);
  record.is_evaluated = true;
  EXPECT_EQ(NextStep(record), Step::kPublish);
}

TEST(RunPlanTest, AGivenDatasetAndRecipeLeadStraightToTuning) {
  EXPECT_EQ(NextStep({.has_dataset = true, .has_recipe = true}), Step::kTune);
}

TEST(RunPlanTest, StepsAfterTuningAreDelivery) {
  EXPECT_EQ(StageOf(Step::kTune), Stage::kTune);
  for (const Step step : {Step::kEvaluate, Step::kPublish}) {
    EXPECT_EQ(StageOf(step), Stage::kDeliver);
  }
}

TEST(RunPlanTest, RequestIdsTellStagesCallsAndAttemptsApart) {
  EXPECT_EQ(StageRequestId("r1", Stage::kEncode, "create", 1), "r1/encode/create/1");
  std::set<std::string> ids;
  for (const Stage stage : {Stage::kEncode, Stage::kTune}) {
    for (const char* what : {"create", "stop"}) {
      for (const int attempt : {1, 2}) ids.insert(StageRequestId("r1", stage, what, attempt));
    }
  }
  EXPECT_EQ(ids.size(), 8u);
}

TEST(RunPlanTest, ChildIdsAreResourceIdsHoweverLongTheRunsIs) {
  EXPECT_EQ(ChildId("clicks", 1), "clicks");
  EXPECT_EQ(ChildId("clicks", 12), "clicks-12");
  const std::string longest(63, 'a');
  EXPECT_EQ(ChildId(longest, 1), longest);
  const std::string second = ChildId(longest, 2);
  EXPECT_TRUE(IsResourceId(second)) << second;
  EXPECT_TRUE(second.ends_with("-2"));
  EXPECT_NE(second, ChildId(std::string(62, 'a') + "b", 2));
}

TEST(ResourceIdTest, NamesAreCollectionAndId) {
  EXPECT_TRUE(IsResourceName("datasets/clicks-1", "datasets"));
  for (const char* bad : {"datasets/", "datasets/Clicks", "datasets/1a", "datasets/a/b", "recipes/a",
                          "datasets", "datasetsxa", ""}) {
    EXPECT_FALSE(IsResourceName(bad, "datasets")) << bad;
  }
  EXPECT_EQ(ResourceId(ResourceName("runs", "r1")), "r1");
  EXPECT_TRUE(IsResourceId(std::string(63, 'a')));
  EXPECT_FALSE(IsResourceId(std::string(64, 'a')));
}

}  // namespace
}  // namespace sda::advisor
