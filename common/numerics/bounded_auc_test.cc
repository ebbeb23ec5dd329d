#include "common/numerics/bounded_auc.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"

namespace sda {
namespace {

struct Rows {
  std::vector<float> logits, labels, weights;

  ClassificationMetrics Bounded() const {
    BoundedMetrics bounded;
    for (size_t i = 0; i < logits.size(); ++i) bounded.Add(logits[i], labels[i], weights[i]);
    return bounded.Finish();
  }
};

// Positives a unit above negatives, both normal with this deviation.
Rows Normal(int rows, double deviation, bool weighted) {
  Rng rng(7);
  Rows made;
  for (int i = 0; i < rows; ++i) {
    made.labels.push_back(rng.Uniform() < 0.2 ? 1.0f : 0.0f);
    made.logits.push_back(static_cast<float>(rng.Normal() * deviation + made.labels.back() - 2));
    made.weights.push_back(weighted ? static_cast<float>(rng.Uniform() * 3) : 1.0f);
  }
  return made;
}

TEST(BoundedMetricsTest, TheExactAucLiesWithinTheBound) {
  for (const bool weighted : {false, true}) {
    for (const double deviation : {0.0, 1e-6, 1e-4, 1e-2, 1.0, 30.0}) {
      const Rows rows = Normal(20000, deviation, weighted);
      const ClassificationMetrics bounded = rows.Bounded();
      const ClassificationMetrics exact = ComputeMetrics(rows.logits, rows.labels, rows.weights);
      EXPECT_LE(std::abs(bounded.auc - exact.auc), bounded.auc_error_bound + 1e-12) << deviation;
      EXPECT_EQ(exact.auc_error_bound, 0);
      EXPECT_NEAR(bounded.logloss, exact.logloss, 1e-9 * (1 + exact.logloss));
      EXPECT_NEAR(bounded.accuracy, exact.accuracy, 1e-9);
      EXPECT_NEAR(bounded.calibration, exact.calibration, 1e-9 * exact.calibration);
      EXPECT_NEAR(bounded.normalized_entropy, exact.normalized_entropy,
                  1e-9 * (1 + exact.normalized_entropy));
      EXPECT_EQ(bounded.rows, exact.rows);
      EXPECT_EQ(bounded.positive_rows, exact.positive_rows);
    }
  }
}

TEST(BoundedMetricsTest, TheBoundIsAsSmallAsTheDensitySays) {
  // A normal with deviation 1 has a density of at most 0.399 a unit.
  EXPECT_LE(Normal(200000, 1, false).Bounded().auc_error_bound, 0.4 / 65536);
  // All in one bin: nothing is known.
  EXPECT_NEAR(Normal(20000, 0, false).Bounded().auc_error_bound, 0, 1e-12);
  Rows ties = Normal(20000, 0, false);
  for (float& logit : ties.logits) logit = 0.5f;
  const ClassificationMetrics tied = ties.Bounded();
  EXPECT_DOUBLE_EQ(tied.auc, 0.5);
  EXPECT_DOUBLE_EQ(tied.auc_error_bound, 0.5);
}

TEST(BoundedMetricsTest, PartsMergeToTheWhole) {
  const Rows rows = Normal(5000, 1, false);
  BoundedMetrics first, second;
  for (size_t i = 0; i < rows.logits.size(); ++i)
    (i % 3 == 0 ? first : second).Add(rows.logits[i], rows.labels[i]);
  first.Merge(second);
  EXPECT_EQ(first.Finish().auc, rows.Bounded().auc);
  EXPECT_NEAR(first.Finish().logloss, rows.Bounded().logloss, 1e-12);
  first.Clear();
  EXPECT_TRUE(std::isnan(first.Finish().auc));
  EXPECT_EQ(first.Finish().rows, 0);
}

TEST(BoundedMetricsTest, FarLogitsAreCountedAtTheEnds) {
  Rows rows{.logits = {-3e38f, -20, 20, 3e38f}, .labels = {0, 0, 1, 1}, .weights = {1, 1, 1, 1}};
  EXPECT_EQ(rows.Bounded().auc, 1);
  EXPECT_EQ(rows.Bounded().auc_error_bound, 0);
  rows.labels = {1, 0, 0, 1};  // within either end the order is not known
  EXPECT_EQ(rows.Bounded().auc, 0.5);
  EXPECT_EQ(rows.Bounded().auc_error_bound, 0.25);
}

}  // namespace
}  // namespace sda
