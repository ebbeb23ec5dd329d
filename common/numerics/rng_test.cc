#include "common/numerics/rng.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda {
namespace {

TEST(RngTest, MatchesThePublishedGenerator) {
  // First outputs of xoshiro256** from the state {1, 2, 3, 4}, as its authors' code gives them.
  Rng rng(Rng::State{1, 2, 3, 4});
  EXPECT_EQ(rng.Next(), 11520u);
  EXPECT_EQ(rng.Next(), 0u);
  EXPECT_EQ(rng.Next(), 1509978240u);
  EXPECT_EQ(rng.Next(), 1215971899390074240u);
}

TEST(RngTest, SequencesNeverChangeBetweenVersions) {
  Rng rng(1, 2);
  EXPECT_EQ(rng.Next(), 11460287206104075211u);
  EXPECT_EQ(HashOf(1, {2, 3}), 7702586659592502839u);
}

TEST(RngTest, SeedsAndStreamsDiffer) {
  std::set<uint64_t> first;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    for (uint64_t stream = 0; stream < 50; ++stream) {
      first.insert(Rng(seed, stream).Next());
    }
  }
  EXPECT_EQ(first.size(), 2500u);
}

TEST(RngTest, HashDependsOnTheOrderOfCoordinates) {
  EXPECT_NE(HashOf(7, {1, 2}), HashOf(7, {2, 1}));
  EXPECT_NE(HashOf(7, {0}), HashOf(7, {0, 0}));
}

TEST(RngTest, GoesOnFromASavedState) {
  Rng rng(5);
  rng.Normal();
  Rng restored(rng.state());
  EXPECT_EQ(rng.Normal(), restored.Normal());
}

TEST(RngTest, BelowStaysInRangeAndIsEven) {
  Rng rng(11);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[rng.Below(7)];
  // Chi-square with 6 degrees of freedom: 22.5 has probability 0.001.
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_square, 22.5);
  EXPECT_EQ(rng.Below(1), 0u);
}

TEST(RngTest, MomentsOfUniformAndNormal) {
  Rng rng(3);
  const int n = 100000;
  double uniform_sum = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < n; ++i) {
    uniform_sum += rng.Uniform(2, 4);
    const double x = rng.Normal();
    normal_sum += x;
    normal_squares += x * x;
  }
  // Four standard errors each.
  EXPECT_NEAR(uniform_sum / n, 3.0, 4 * std::sqrt(4.0 / 12 / n));
  EXPECT_NEAR(normal_sum / n, 0.0, 4 * std::sqrt(1.0 / n));
  EXPECT_NEAR(normal_squares / n, 1.0, 4 * std::sqrt(2.0 / n));
}

TEST(RngTest, ShuffleIsAPermutation) {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  Rng(9).Shuffle(std::span<int>(shuffled));
  EXPECT_NE(shuffled, items);
  EXPECT_THAT(shuffled, testing::UnorderedElementsAreArray(items));
}

}  // namespace
}  // namespace sda
