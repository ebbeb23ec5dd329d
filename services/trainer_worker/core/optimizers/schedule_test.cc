#include <gtest/gtest.h>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

namespace sda::trainer {
namespace {

TEST(ScheduleTest, ConstantByDefault) {
  const ScheduleOptions schedule;
  EXPECT_EQ(ScheduleFactor(schedule, 1, 100), 1);
  EXPECT_EQ(ScheduleFactor(schedule, 100, 100), 1);
}

TEST(ScheduleTest, WarmsUpLinearlyFromZero) {
  const ScheduleOptions schedule{.warmup_fraction = 0.1};
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 1, 100), 0.1);
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 9, 100), 0.9);
  EXPECT_EQ(ScheduleFactor(schedule, 10, 100), 1);
  EXPECT_EQ(ScheduleFactor(schedule, 100, 100), 1);
}

TEST(ScheduleTest, LinearDecayReachesTheFinalFactorAtTheLastStep) {
  const ScheduleOptions schedule{.warmup_fraction = 0.2, .decay = Decay::kLinear, .final_factor = 0.1};
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 20, 100), 1);
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 60, 100), 0.55);
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 100, 100), 0.1);
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 101, 100), 0.1);
}

TEST(ScheduleTest, CosineDecay) {
  const ScheduleOptions schedule{.decay = Decay::kCosine};
  EXPECT_DOUBLE_EQ(ScheduleFactor(schedule, 50, 100), 0.5);
  EXPECT_NEAR(ScheduleFactor(schedule, 100, 100), 0, 1e-15);
}

TEST(ScheduleTest, OneStepAndWarmUpThroughout) {
  EXPECT_EQ(ScheduleFactor({.warmup_fraction = 0.01}, 1, 1), 1);
  EXPECT_EQ(ScheduleFactor(ScheduleOptions{.warmup_fraction = 1, .decay = Decay::kLinear}, 3, 4), 0.75);
}

}  // namespace
}  // namespace sda::trainer
