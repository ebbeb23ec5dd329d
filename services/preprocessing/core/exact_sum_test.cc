#include "services/preprocessing/core/exact_sum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sda::preprocessing {
namespace {

long double Sum(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) sum.Add(value);
  return sum.Value();
}

TEST(ExactSumTest, NothingIsLostBetweenHugeAndTiny) {
  EXPECT_EQ(Sum({1e308, 1.0, -1e308}), 1.0L);
  EXPECT_EQ(Sum({1e100, 1e-300, -1e100}), 1e-300);
  const double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(Sum({smallest, 5.0, smallest, -5.0}), 2.0L * smallest);
}

TEST(ExactSumTest, SignsAndZeros) {
  EXPECT_EQ(Sum({}), 0.0L);
  EXPECT_EQ(Sum({0.0, -0.0}), 0.0L);
  EXPECT_EQ(Sum({-1.5, -2.25}), -3.75L);
  EXPECT_EQ(Sum({-1.0, 1e-17}), -1.0L + 1e-17L);
}

TEST(ExactSumTest, OrderAndGroupingDoNotMatter) {
  std::mt19937_64 random(1);
  std::vector<double> values(2000);
  for (double& value : values) {
    value = std::ldexp(static_cast<double>(static_cast<int64_t>(random())),
                       static_cast<int>(random() % 1800) - 960);
  }
  const long double expected = Sum(values);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(values.begin(), values.end(), random);
    ExactSum first;
    ExactSum second;
    for (size_t i = 0; i < values.size(); ++i) (i % 3 == 0 ? first : second).Add(values[i]);
    first.Merge(second);
    EXPECT_EQ(first.Value(), expected);
  }
}

TEST(ExactSumTest, SquaresAreExact) {
  ExactSum squares;
  squares.AddSquare(1e9 + 1);
  squares.AddSquare(-0.1);
  squares.Add(-1e18);
  squares.Add(-2e9);
  const auto tenth = static_cast<long double>(0.1);
  EXPECT_NEAR(static_cast<double>(squares.Value() - 1.0L), static_cast<double>(tenth * tenth), 1e-18);
}

}  // namespace
}  // namespace sda::preprocessing
