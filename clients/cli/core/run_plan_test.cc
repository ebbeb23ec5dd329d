#include "clients/cli/core/run_plan.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace sda::cli {
namespace {

using ::testing::HasSubstr;

RunFlags Good() {
  RunFlags flags;
  flags.input.data = {"/on/the/server.tsv"};
  flags.input.label = "0";
  flags.budget = "8";
  return flags;
}

std::string Error(const RunFlags& flags) {
  const auto plan = PlanRun(flags, FileCheck::kElsewhere);
  return plan.ok() ? "accepted" : std::string(plan.status().message());
}

TEST(RunPlanTest, ALogALabelAndABudgetAreEnough) {
  const auto plan = PlanRun(Good(), FileCheck::kElsewhere);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->budget, 8);
  EXPECT_EQ(plan->goals.front().name, "auc");
}

TEST(RunPlanTest, BudgetIsCheckedWithItsRule) {
  RunFlags flags = Good();
  flags.budget = "0";
  EXPECT_EQ(Error(flags), "--budget: '0' is not a whole number from 1 to 1000000");
  flags.budget.reset();
  EXPECT_THAT(Error(flags), HasSubstr("--budget: is missing"));
}

TEST(RunPlanTest, OtherOptionsAreCheckedToo) {
  RunFlags flags = Good();
  flags.parallel = "x";
  EXPECT_THAT(Error(flags), HasSubstr("--parallel: 'x'"));
  flags = Good();
  flags.model = "transformer";
  EXPECT_THAT(Error(flags), HasSubstr("--model: 'transformer'"));
  flags = Good();
  flags.goals = {"win"};
  EXPECT_THAT(Error(flags), HasSubstr("--goal: 'win'"));
  flags = Good();
  flags.run_id = "My Run";
  EXPECT_THAT(Error(flags), HasSubstr("--run-id: 'My Run'"));
  flags = Good();
  flags.input.seed = "-1";
  EXPECT_THAT(Error(flags), HasSubstr("--seed: '-1'"));
}

TEST(RunPlanTest, ResumeGoesAlone) {
  RunFlags flags;
  flags.resume = "runs/abc";
  EXPECT_EQ(PlanRun(flags, FileCheck::kElsewhere)->resume, "runs/abc");
  flags.budget = "8";
  EXPECT_THAT(Error(flags), HasSubstr("--budget: does not go with --resume"));
  flags = Good();
  flags.resume = "runs/abc";
  EXPECT_THAT(Error(flags), HasSubstr("--data: does not go with --resume"));
}

TEST(RunPlanTest, DatasetReplacesTheLog) {
  RunFlags flags;
  flags.dataset = "clicks";
  flags.budget = "3";
  EXPECT_EQ(PlanRun(flags, FileCheck::kElsewhere)->dataset, "datasets/clicks");
  flags.input.label = "click";
  EXPECT_THAT(Error(flags), HasSubstr("--label: does not go with --dataset"));
}

TEST(RunPlanTest, RecipeIsANameOrAFile) {
  RunFlags flags;
  flags.recipe = "recipes/abc";
  EXPECT_EQ(PlanRun(flags, FileCheck::kElsewhere)->recipe, "recipes/abc");
  char path[] = "/tmp/sda_recipe_XXXXXX.yaml";
  close(mkstemps(path, 5));
  std::ofstream(path) << "model: {}\n";
  flags.recipe = path;
  EXPECT_EQ(PlanRun(flags, FileCheck::kElsewhere)->recipe_yaml, "model: {}\n");
  unlink(path);
  EXPECT_THAT(Error(flags), HasSubstr("does not exist"));
  flags.goals = {"maximize auc"};
  EXPECT_THAT(Error(flags), HasSubstr("--goal: does not go with --recipe"));
}

}  // namespace
}  // namespace sda::cli
