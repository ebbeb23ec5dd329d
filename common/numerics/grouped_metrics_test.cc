#include "common/numerics/grouped_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/classification_metrics.h"
#include "common/numerics/rng.h"

namespace sda {
namespace {

TEST(GroupedMetricsTest, ByHandWithoutTies) {
  // Group 7, best first: 1 0 1 0; group 9: 0 1.
  const GroupedMetrics metrics =
      ComputeGroupedMetrics(std::vector<float>{4, 3, 2, 1, 2, 1}, std::vector<float>{1, 0, 1, 0, 0, 1},
                            std::vector<int32_t>{7, 7, 7, 7, 9, 9});
  EXPECT_EQ(metrics.groups, 2);
  EXPECT_DOUBLE_EQ(metrics.auc, (4 * 0.75 + 2 * 0.0) / 6);
  EXPECT_DOUBLE_EQ(metrics.map, ((1 + 2.0 / 3) / 2 + 0.5) / 2);
  const double first = (1 + 1 / std::log2(4.0)) / (1 + 1 / std::log2(3.0));
  EXPECT_DOUBLE_EQ(metrics.ndcg, (first + 1 / std::log2(3.0)) / 2);
}

TEST(GroupedMetricsTest, GroupsThatCannotBeRankedAreLeftOut) {
  // All positive counts for MAP and NDCG, not for the AUC; all negative for none.
  const GroupedMetrics metrics = ComputeGroupedMetrics(
      std::vector<float>{1, 2, 1, 2}, std::vector<float>{1, 1, 0, 0}, std::vector<int32_t>{1, 1, 2, 2});
  EXPECT_EQ(metrics.groups, 2);
  EXPECT_TRUE(std::isnan(metrics.auc));
  EXPECT_DOUBLE_EQ(metrics.map, 1);
  EXPECT_DOUBLE_EQ(metrics.ndcg, 1);
  EXPECT_TRUE(std::isnan(ComputeGroupedMetrics({}, {}, {}).map));
}

// Against all orders of the tied rows, enumerated.
TEST(GroupedMetricsTest, TiesAreTheMeanOverTheirOrders) {
  const std::vector<float> scores = {3, 2, 2, 2, 2, 1};
  const std::vector<float> labels = {0, 1, 0, 1, 0, 1};
  const std::vector<int32_t> groups(6, 0);
  std::vector<int> tie = {1, 2, 3, 4};
  double map = 0, ndcg = 0, orders = 0;
  do {
    std::vector<float> distinct = scores;
    for (int i = 0; i < 4; ++i) distinct[tie[i]] = 2 - 0.1f * static_cast<float>(i);
    const GroupedMetrics one = ComputeGroupedMetrics(distinct, labels, groups);
    map += one.map;
    ndcg += one.ndcg;
    orders += 1;
  } while (std::next_permutation(tie.begin(), tie.end()));
  const GroupedMetrics metrics = ComputeGroupedMetrics(scores, labels, groups);
  EXPECT_NEAR(metrics.map, map / orders, 1e-12);
  EXPECT_NEAR(metrics.ndcg, ndcg / orders, 1e-12);
}

TEST(GroupedMetricsTest, OneGroupHasTheAucOfItsRowsWhateverTheirOrder) {
  Rng rng(5);
  std::vector<float> scores, labels;
  for (int i = 0; i < 500; ++i) {
    scores.push_back(static_cast<float>(rng.Below(40)));
    labels.push_back(static_cast<float>(rng.Below(2)));
  }
  const std::vector<int32_t> groups(500, 3);
  const GroupedMetrics metrics = ComputeGroupedMetrics(scores, labels, groups);
  EXPECT_NEAR(metrics.auc, ExactAuc(scores, labels), 1e-12);
  std::reverse(scores.begin(), scores.end());
  std::reverse(labels.begin(), labels.end());
  const GroupedMetrics reversed = ComputeGroupedMetrics(scores, labels, groups);
  EXPECT_EQ(metrics.map, reversed.map);
  EXPECT_EQ(metrics.ndcg, reversed.ndcg);
}

}  // namespace
}  // namespace sda
