#include <gtest/gtest.h>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

namespace sda::trainer {
namespace {

double Factor(const ScheduleOptions& schedule, int64_t step, int64_t total) {
  return ScheduleRate(schedule, step, total).factor;
}

TEST(ScheduleTest, ConstantByDefault) {
  const ScheduleOptions schedule;
  EXPECT_EQ(Factor(schedule, 1, 100), 1);
  EXPECT_EQ(Factor(schedule, 100, 100), 1);
}

TEST(ScheduleTest, WarmsUpLinearlyFromZero) {
  const ScheduleOptions schedule{.warmup_fraction = 0.1};
  EXPECT_DOUBLE_EQ(Factor(schedule, 1, 100), 0.1);
  EXPECT_DOUBLE_EQ(Factor(schedule, 9, 100), 0.9);
  EXPECT_EQ(Factor(schedule, 10, 100), 1);
  EXPECT_EQ(Factor(schedule, 100, 100), 1);
}

TEST(ScheduleTest, LinearDecayReachesTheFinalFactorAtTheLastStep) {
  const ScheduleOptions schedule{.warmup_fraction = 0.2, .decay = Decay::kLinear, .final_factor = 0.1};
  EXPECT_DOUBLE_EQ(Factor(schedule, 20, 100), 1);
  EXPECT_DOUBLE_EQ(Factor(schedule, 60, 100), 0.55);
  EXPECT_DOUBLE_EQ(Factor(schedule, 100, 100), 0.1);
  EXPECT_DOUBLE_EQ(Factor(schedule, 101, 100), 0.1);
}

TEST(ScheduleTest, CosineDecay) {
  const ScheduleOptions schedule{.decay = Decay::kCosine};
  EXPECT_DOUBLE_EQ(Factor(schedule, 50, 100), 0.5);
  EXPECT_NEAR(Factor(schedule, 100, 100), 0, 1e-15);
}

TEST(ScheduleTest, OneStepAndWarmUpThroughout) {
  EXPECT_EQ(Factor({.warmup_fraction = 0.01}, 1, 1), 1);
  EXPECT_EQ(Factor(ScheduleOptions{.warmup_fraction = 1, .decay = Decay::kLinear}, 3, 4), 0.75);
}

TEST(ScheduleTest, HoldsBetweenWarmUpAndDecay) {
  const ScheduleOptions schedule{.warmup_fraction = 0.1, .decay = Decay::kLinear, .hold_fraction = 0.4};
  EXPECT_EQ(Factor(schedule, 10, 100), 1);
  EXPECT_EQ(Factor(schedule, 50, 100), 1);
  EXPECT_DOUBLE_EQ(Factor(schedule, 75, 100), 0.5);
  EXPECT_NEAR(Factor(schedule, 100, 100), 0, 1e-15);
}

TEST(ScheduleTest, PolynomialDecay) {
  const ScheduleOptions schedule{.decay = Decay::kPolynomial, .final_factor = 0.1, .power = 3};
  EXPECT_DOUBLE_EQ(Factor(schedule, 50, 100), 0.1 + 0.9 / 8);
  EXPECT_DOUBLE_EQ(Factor(schedule, 100, 100), 0.1);
}

// Known answers of the policy of MLPerf's reference.
double MlperfRate(double base, int64_t warmup, int64_t start, int64_t length, int64_t step) {
  const ScheduleOptions schedule{
      .decay = Decay::kMlperf, .warmup_steps = warmup, .decay_start_step = start, .decay_steps = length};
  return ScheduleRate(schedule, step, 1'000'000).Rate(base);
}

TEST(MlperfScheduleTest, ReferenceWithBatch32768) {
  const auto rate = [](int64_t step) { return MlperfRate(18, 8000, 70000, 30000, step); };
  EXPECT_NEAR(rate(1), .00225, 1e-12);
  EXPECT_NEAR(rate(128), .288, 1e-12);
  EXPECT_NEAR(rate(4000), 9, 1e-12);
  EXPECT_NEAR(rate(7999), 17.99775, 1e-12);
  EXPECT_NEAR(rate(8000), 17.99775, 1e-12);
  EXPECT_NEAR(rate(69999), 17.99775, 1e-12);
  EXPECT_NEAR(rate(70000), 18, 1e-12);
  EXPECT_NEAR(rate(85000), 4.5, 1e-12);
  EXPECT_NEAR(rate(89600), 2.1632, 1e-12);
  EXPECT_GT(rate(99997), 1e-7);
  for (int64_t step : {99998, 99999, 100000, 500000}) EXPECT_EQ(rate(step), 1e-7) << step;
}

TEST(MlperfScheduleTest, OtherPublishedSettings) {
  EXPECT_NEAR(MlperfRate(16, 5600, 6900, 11100, 6000), 15.9971429, 5e-8);
  EXPECT_NEAR(MlperfRate(16, 5600, 6900, 11100, 12450), 4, 1e-12);
  EXPECT_NEAR(MlperfRate(30, 4000, 5760, 27000, 16004), 11.554055, 5e-7);
  EXPECT_NEAR(MlperfRate(16, 4000, 5760, 27000, 16004), 6.16216266, 5e-9);
}

TEST(MlperfScheduleTest, WithoutWarmUpOrDecay) {
  EXPECT_EQ(MlperfRate(2, 0, 10, 10, 5), 2);
  EXPECT_EQ(MlperfRate(2, 1, 10, 10, 5), 2);
  EXPECT_EQ(MlperfRate(2, 4, 0, 0, 100), 1.5);
}

}  // namespace
}  // namespace sda::trainer
