#include "services/preprocessing/core/profile/label_statistics.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/row_hash.h"

namespace sda::preprocessing {
namespace {

// Negative and positive rows, all of the first fold unless both are given.
Tally Rows(int64_t negatives, int64_t positives, int64_t negatives_1 = 0, int64_t positives_1 = 0,
           int64_t test = 0) {
  return {{negatives, positives, negatives_1, positives_1, test}};
}

TEST(LabelStatisticsTest, EntropyOfKnownRates) {
  EXPECT_NEAR(LabelEntropy(Rows(5, 5)), std::log(2.0), 1e-12);
  EXPECT_EQ(LabelEntropy(Rows(7, 0)), 0);
  EXPECT_EQ(LabelEntropy(Rows(0, 0)), 0);
  EXPECT_NEAR(LabelEntropy(Rows(3, 1)), -0.25 * std::log(0.25) - 0.75 * std::log(0.75), 1e-12);
}

TEST(LabelStatisticsTest, MutualInformationOfATwoByTwoTable) {
  // Of [[30, 10], [20, 40]] by the definition, less (2 − 1) / 200.
  const double n = 100;
  const double expected = 0.3 * std::log(30 * n / (40 * 50)) + 0.1 * std::log(10 * n / (40 * 50)) +
                          0.2 * std::log(20 * n / (60 * 50)) + 0.4 * std::log(40 * n / (60 * 50)) -
                          1 / (2 * n);
  EXPECT_NEAR(MutualInformation(std::vector{Rows(30, 10), Rows(20, 40)}), expected, 1e-12);
  EXPECT_NEAR(MutualInformation(std::vector{Rows(10, 5, 20, 5), Rows(20, 40)}), expected, 1e-12);
}

TEST(LabelStatisticsTest, NothingIsKnownFromGroupsThatSayNothing) {
  // 1000 groups of 10 rows with labels by chance: the plain estimate would be about 0.05 nats.
  std::vector<Tally> groups;
  std::mt19937_64 random(5);
  for (int i = 0; i < 1000; ++i) {
    Tally group;
    for (int row = 0; row < 10; ++row) ++group.counts[random() % 4];
    groups.push_back(group);
  }
  EXPECT_LT(MutualInformation(groups), 0.01);
  EXPECT_LT(CramersV(groups), 0.1);
  EXPECT_NEAR(*HeldOutAuc(groups), 0.5, 0.02);
}

TEST(LabelStatisticsTest, CramersVOfKnownTables) {
  // χ² of [[30, 10], [20, 40]] is 16.667; φ² less 1/99, over r̃ − 1 = 1 − 1/99.
  const double phi = 100.0 * std::pow(30 * 40 - 10 * 20, 2) / (40.0 * 60 * 50 * 50) / 100;
  EXPECT_NEAR(phi, 1.0 / 6, 1e-12);
  EXPECT_NEAR(CramersV(std::vector{Rows(30, 10), Rows(20, 40)}), std::sqrt((phi - 1.0 / 99) / (1 - 1.0 / 99)),
              1e-12);
  EXPECT_NEAR(CramersV(std::vector{Rows(500, 0), Rows(0, 500)}), 1, 1e-3);
  EXPECT_EQ(CramersV(std::vector{Rows(5, 5)}), 0);
  EXPECT_EQ(CramersV(std::vector{Rows(5, 0), Rows(3, 0)}), 0);
}

TEST(LabelStatisticsTest, HeldOutAucOfAPerfectAndOfAUselessFeature) {
  EXPECT_EQ(HeldOutAuc(std::vector{Rows(50, 0, 60, 0), Rows(0, 40, 0, 50)}), 1);
  EXPECT_EQ(HeldOutAuc(std::vector{Rows(50, 30, 60, 20)}), 0.5);
  EXPECT_EQ(HeldOutAuc(std::vector{Rows(50, 0, 60, 0)}), std::nullopt);
  // A value of its own for each row: what one fold learns is nothing to the other.
  std::vector<Tally> ids;
  for (uint64_t row = 0; row < 4000; ++row) {
    ids.emplace_back();
    ++ids.back().counts[Mix64(row) % 4];
  }
  EXPECT_EQ(HeldOutAuc(ids), 0.5);
}

TEST(LabelStatisticsTest, HeldOutAucByHand) {
  // Fold 0 is scored by fold 1 with prior 1/2: a (0 + 10)/(2 + 20) is below b (2 + 10)/(2 + 20). Of fold 0's
  // 2 · 2 pairs, (a−, b+) is right, (b−, a+) wrong, (a−, a+) and (b−, b+) tie: 0.5. Fold 1 likewise, by fold
  // 0 all scores tie.
  EXPECT_NEAR(*HeldOutAuc(std::vector{Rows(1, 1, 2, 0), Rows(1, 1, 0, 2)}), 0.5, 1e-12);
  // Fold 0: a− 3, a+ 1, b− 1, b+ 3 scored rightly by fold 1: (9 + ½(3 + 3)) / 16 = 0.75; fold 1 the same.
  EXPECT_NEAR(*HeldOutAuc(std::vector{Rows(3, 1, 3, 1), Rows(1, 3, 1, 3)}), 0.75, 1e-12);
}

std::vector<NumberCounts::Range> RangesOf(const std::vector<std::pair<double, Tally>>& values) {
  std::vector<NumberCounts::Range> ranges;
  for (const auto& [value, tally] : values) ranges.push_back({value, value, tally});
  return ranges;
}

TEST(LabelStatisticsTest, RankAucCountsTiesHalf) {
  const auto ranges = RangesOf({{1, Rows(2, 0)}, {2, Rows(1, 1)}, {3, Rows(0, 1)}});
  // 3 · 2 pairs: 3 beats all three, the positive at 2 beats two and ties with one.
  EXPECT_NEAR(*RankAuc(ranges), 5.5 / 6, 1e-12);
  EXPECT_EQ(RankAuc(RangesOf({{1, Rows(2, 0)}})), std::nullopt);
}

TEST(LabelStatisticsTest, PearsonEqualsTheDefinition) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  NumberCounts counts(1 << 20);
  std::vector<double> x;
  std::vector<double> y;
  int64_t positives = 0;
  for (int i = 0; i < 5000; ++i) {
    const bool label = random() % 3 == 0;
    x.push_back(normal(random) * 5 + (label ? 2 : 0));
    y.push_back(label ? 1 : 0);
    positives += label ? 1 : 0;
    counts.Add(x.back(), TrainSlot(i % 2, label));
  }
  double mx = 0;
  double my = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mx += x[i] / 5000;
    my += y[i] / 5000;
  }
  double xy = 0;
  double xx = 0;
  double yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  EXPECT_NEAR(PearsonCorrelation(counts.TrainMoments(), positives), xy / std::sqrt(xx * yy), 1e-9);
  double third = 0;
  for (const double value : x) third += std::pow(value - mx, 3) / 5000;
  EXPECT_NEAR(Skewness(counts.Ranges()), third / std::pow(xx / 5000, 1.5), 1e-9);
}

TEST(LabelStatisticsTest, QuantilesAreTheSmallestValuesWithEnoughAtOrBelow) {
  const auto ranges = RangesOf({{1, Rows(5, 0)}, {2, Rows(1, 0)}, {3, Rows(4, 0)}, {9, Rows(0, 0, 0, 0, 7)}});
  const auto quantiles = Quantiles(ranges, 4);
  ASSERT_EQ(quantiles.size(), 5U);
  EXPECT_EQ(quantiles[0].lower, 1);
  EXPECT_EQ(quantiles[1].lower, 1);  // 3 of 10
  EXPECT_EQ(quantiles[2].lower, 1);  // 5
  EXPECT_EQ(quantiles[3].lower, 3);  // 8
  EXPECT_EQ(quantiles[4].lower, 3);
  EXPECT_TRUE(Quantiles(RangesOf({{1, Rows(0, 0, 0, 0, 3)}}), 4).empty());
}

TEST(LabelStatisticsTest, EqualPartsHoldEveryRowOnce) {
  std::vector<std::pair<double, Tally>> values;
  values.emplace_back(-5, Rows(0, 0, 0, 0, 3));
  values.emplace_back(0, Rows(600, 0));
  for (int i = 1; i <= 400; ++i) values.emplace_back(i, Rows(1, 0));
  values.emplace_back(1000, Rows(0, 0, 0, 0, 5));
  const auto parts = EqualParts(RangesOf(values), 10);
  // The value of 600 rows is one part, the others are about tenths.
  ASSERT_EQ(parts.size(), 5U);
  EXPECT_EQ(parts[0].lower, -5);
  EXPECT_EQ(parts[0].upper, 0);
  EXPECT_EQ(parts[0].tally.train(), 600);
  EXPECT_EQ(parts[0].tally.test(), 3);
  for (size_t i = 1; i < 5; ++i) EXPECT_EQ(parts[i].tally.train(), 100);
  EXPECT_EQ(parts.back().upper, 1000);
  EXPECT_EQ(parts.back().tally.test(), 5);
}

TEST(LabelStatisticsTest, StabilityIndexAndDistanceByHand) {
  const std::vector<Tally> groups{Rows(60, 0, 0, 0, 30), Rows(40, 0, 0, 0, 70)};
  const double p = 60.5 / 101;
  const double q = 30.5 / 101;
  const double expected = (q - p) * std::log(q / p) + (p - q) * std::log((1 - q) / (1 - p));
  EXPECT_NEAR(*PopulationStabilityIndex(groups), expected, 1e-12);
  EXPECT_EQ(PopulationStabilityIndex(std::vector{Rows(60, 0)}), std::nullopt);
  EXPECT_NEAR(*PopulationStabilityIndex(std::vector{Rows(60, 0, 0, 0, 60), Rows(40, 0, 0, 0, 40)}), 0, 1e-12);
  EXPECT_NEAR(*KolmogorovSmirnov(RangesOf({{1, groups[0]}, {2, groups[1]}})), 0.3, 1e-12);
}

TEST(LabelStatisticsTest, ZipfExponentOfAPowerLaw) {
  std::vector<int64_t> counts;
  for (int rank = 1; rank <= 50; ++rank) counts.push_back(std::llround(1e9 * std::pow(rank, -1.3)));
  EXPECT_NEAR(*ZipfExponent(counts), 1.3, 1e-4);
  EXPECT_NEAR(*ZipfExponent(std::vector<int64_t>(10, 7)), 0, 1e-12);
  EXPECT_EQ(ZipfExponent(std::vector<int64_t>(4, 7)), std::nullopt);
}

}  // namespace
}  // namespace sda::preprocessing
