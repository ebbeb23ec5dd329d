#include "services/preprocessing/core/dense_stats.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace sda::preprocessing {
namespace {

// The definitions, written down naively.
struct Reference {
  std::vector<double> values;

  double Mean(bool log = false) const {
    long double sum = 0;
    for (const double v : values) sum += log ? SignedLog(v) : v;
    return static_cast<double>(sum / static_cast<long double>(values.size()));
  }
  double Stddev(bool log = false) const {
    const long double mean = Mean(log);
    long double sum = 0;
    for (const double v : values)
      sum += ((log ? SignedLog(v) : v) - mean) * ((log ? SignedLog(v) : v) - mean);
    return static_cast<double>(std::sqrt(sum / static_cast<long double>(values.size())));
  }
  double Median() const {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return sorted[(sorted.size() - 1) / 2];
  }
};

std::vector<double> Counts(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> draw(4, 3);
  std::vector<double> values(size);
  for (double& value : values) value = std::floor(draw(random)) - (random() % 20 == 0 ? 3 : 0);
  return values;
}

DenseStats StatsOf(const std::vector<double>& values) {
  DenseStats stats;
  for (const double value : values) stats.Add(value);
  return stats;
}

TEST(DenseStatsTest, FollowsTheDefinitions) {
  const Reference reference{Counts(20'000, 1)};
  const DenseStats stats = StatsOf(reference.values);
  EXPECT_EQ(stats.values(), 20'000);
  EXPECT_EQ(stats.min(), *std::min_element(reference.values.begin(), reference.values.end()));
  EXPECT_EQ(stats.max(), *std::max_element(reference.values.begin(), reference.values.end()));
  EXPECT_EQ(stats.Median(), reference.Median());
  EXPECT_EQ(stats.distinct(),
            static_cast<int64_t>(std::set<double>(reference.values.begin(), reference.values.end()).size()));
  EXPECT_NEAR(stats.RawMoments().mean, reference.Mean(), 1e-12 * std::abs(reference.Mean()));
  EXPECT_NEAR(stats.RawMoments().stddev, reference.Stddev(), 1e-12 * reference.Stddev());
  EXPECT_NEAR(stats.FilledMoments(0, true).mean, reference.Mean(true), 1e-9);
  EXPECT_NEAR(stats.FilledMoments(0, true).stddev, reference.Stddev(true), 1e-9);
}

TEST(DenseStatsTest, FilledMomentsCountMissingRows) {
  DenseStats stats = StatsOf({1, 2, 6});
  stats.AddMissing();
  EXPECT_EQ(stats.missing(), 1);
  EXPECT_DOUBLE_EQ(stats.FilledMoments(3, false).mean, 3);
  EXPECT_DOUBLE_EQ(stats.FilledMoments(3, false).stddev, std::sqrt((4 + 1 + 9 + 0) / 4.0));
  EXPECT_DOUBLE_EQ(stats.RawMoments().mean, 3);
}

TEST(DenseStatsTest, NothingAndOneValue) {
  DenseStats stats;
  EXPECT_EQ(stats.min(), std::nullopt);
  EXPECT_EQ(stats.Median(), 0);
  EXPECT_EQ(stats.Skewness(false), 0);
  EXPECT_EQ(stats.FilledMoments(0, false).stddev, 0);
  stats.Add(-2.5);
  EXPECT_EQ(stats.min(), -2.5);
  EXPECT_EQ(stats.max(), -2.5);
  EXPECT_EQ(stats.Median(), -2.5);
  EXPECT_EQ(stats.Skewness(true), 0);
  EXPECT_EQ(stats.RawMoments().stddev, 0);
}

TEST(DenseStatsTest, SmallAndLargeValuesMeet) {
  const DenseStats stats = StatsOf({4095, 4096, 4095.5, -1, -0.0, 0});
  EXPECT_EQ(stats.min(), -1);
  EXPECT_EQ(stats.max(), 4096);
  EXPECT_EQ(stats.distinct(), 5);
  EXPECT_EQ(stats.Median(), 0);
}

TEST(DenseStatsTest, LongTailsAreSkewedAndTheirLogarithmsAreNot) {
  const DenseStats stats = StatsOf(Counts(20'000, 2));
  EXPECT_GT(stats.Skewness(false), 5);
  EXPECT_LT(std::abs(stats.Skewness(true)), 0.5);
}

// Shuffled, dealt to three objects and merged in another order: the same bits.
TEST(DenseStatsTest, OrderAndGroupingDoNotMatter) {
  for (const size_t size : {1000u, 400'000u}) {  // the larger has more distinct values than are kept
    std::mt19937 random(3);
    std::vector<double> values(size);
    for (double& value : values)
      value = std::ldexp(static_cast<double>(random()), -20) * (random() % 2 == 0 ? 1 : -1);
    const DenseStats expected = StatsOf(values);
    std::shuffle(values.begin(), values.end(), random);
    DenseStats parts[3];
    for (size_t i = 0; i < values.size(); ++i) parts[i % 7 == 0 ? 0 : i % 3].Add(values[i]);
    parts[2].Merge(parts[0]);
    parts[2].Merge(parts[1]);
    const DenseStats& merged = parts[2];
    EXPECT_EQ(merged.distinct(), expected.distinct());
    EXPECT_EQ(merged.Median(), expected.Median());
    EXPECT_EQ(merged.Skewness(true), expected.Skewness(true));
    EXPECT_EQ(merged.RawMoments().mean, expected.RawMoments().mean);
    EXPECT_EQ(merged.RawMoments().stddev, expected.RawMoments().stddev);
    EXPECT_EQ(merged.FilledMoments(1, true).mean, expected.FilledMoments(1, true).mean);
    EXPECT_EQ(merged.min(), expected.min());
    EXPECT_EQ(merged.max(), expected.max());
  }
}

TEST(DenseStatsTest, ManyDistinctValuesAreEstimated) {
  std::mt19937 random(4);
  std::vector<double> values(500'000);
  for (double& value : values) value = static_cast<double>(random()) / 1024 - 1e6;
  const DenseStats stats = StatsOf(values);
  const auto distinct = static_cast<double>(std::set<double>(values.begin(), values.end()).size());
  EXPECT_NEAR(static_cast<double>(stats.distinct()), distinct, 0.03 * distinct);
  const Reference reference{values};
  EXPECT_NEAR(stats.Median(), reference.Median(), 1e-3 * std::abs(reference.Median()));
}

}  // namespace
}  // namespace sda::preprocessing
