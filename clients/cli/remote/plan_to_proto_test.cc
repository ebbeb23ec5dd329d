#include "clients/cli/remote/plan_to_proto.h"

#include <gtest/gtest.h>

namespace sda::cli {
namespace {

TEST(PlanToProtoTest, EverythingTheUserSaidArrives) {
  InputPlan plan;
  plan.data = {"/a.csv"};
  plan.test = {"/b.csv"};
  plan.label = "click";
  plan.positive_values = {">50K"};
  plan.delimiter = ", ";
  plan.header = HeaderMode::kNo;
  plan.null_values = {"?", ""};
  ColumnRule column;
  column.name = "age";
  column.use = ColumnUse::kDense;
  column.log = false;
  plan.columns = {column};
  plan.split.by = SplitBy::kHashColumn;
  plan.split.column = "user";
  plan.split.test_share = 0.1;
  plan.seed = 5;
  const preprocessing::v1::DatasetSpec spec = ToProto(plan);
  EXPECT_EQ(spec.data_uris(0), "/a.csv");
  EXPECT_EQ(spec.test_uris(0), "/b.csv");
  EXPECT_EQ(spec.format().delimiter(), ", ");
  EXPECT_EQ(spec.format().header(), preprocessing::v1::InputFormat::HEADER_NO);
  EXPECT_EQ(spec.format().null_values_size(), 2);
  EXPECT_TRUE(spec.columns(0).has_log());
  EXPECT_EQ(spec.split().hash_column(), "user");
  EXPECT_EQ(spec.split().test_share(), 0.1);
  EXPECT_EQ(spec.seed(), 5);
}

TEST(PlanToProtoTest, WhatWasLeftOutStaysUnset) {
  InputPlan plan;
  plan.data = {"/a.csv"};
  plan.label = "0";
  const preprocessing::v1::DatasetSpec spec = ToProto(plan);
  EXPECT_FALSE(spec.has_split());
  EXPECT_EQ(spec.format().header(), preprocessing::v1::InputFormat::HEADER_UNSPECIFIED);
}

TEST(PlanToProtoTest, AFractionOfZeroIsNotTheDefault) {
  InputPlan plan;
  plan.split.by = SplitBy::kFraction;
  EXPECT_TRUE(ToProto(plan).split().has_fraction());
}

TEST(PlanToProtoTest, GoalsBecomeMetrics) {
  const auto goal = ToProto(*ParseGoals({"auc>=0.8", "minimize train_seconds"}));
  ASSERT_EQ(goal.metrics_size(), 2);
  EXPECT_EQ(goal.metrics(0).strategy(), optimizer::v1::Metric::STRATEGY_CONSTRAINT);
  EXPECT_EQ(goal.metrics(0).threshold(), 0.8);
  EXPECT_EQ(goal.metrics(1).objective(), optimizer::v1::Metric::OBJECTIVE_MINIMIZE);
  EXPECT_FALSE(goal.metrics(1).has_threshold());
}

TEST(PlanToProtoTest, ARecipesRunHasNoGoalOfItsOwn) {
  RunPlan plan;
  plan.recipe = "recipes/r";
  plan.goals = *ParseGoals({});
  EXPECT_FALSE(ToProto(plan).has_goal());
  EXPECT_EQ(ToProto(plan).recipe(), "recipes/r");
}

}  // namespace
}  // namespace sda::cli
