#include "common/numerics/classification_metrics.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"

namespace sda {
namespace {

// The definition, pair by pair.
double PairwiseAuc(const std::vector<float>& scores, const std::vector<float>& labels) {
  double wins = 0, pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) {
      if (labels[i] != 1 || labels[j] != 0) continue;
      pairs += 1;
      wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

TEST(ClassificationMetricsTest, AucEqualsItsDefinitionWithManyTies) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const size_t n = 2 + rng.Below(60);
    std::vector<float> scores(n), labels(n);
    for (size_t i = 0; i < n; ++i) {
      scores[i] = static_cast<float>(rng.Below(1 + seed)) - 3;
      labels[i] = static_cast<float>(rng.Below(2));
    }
    labels[0] = 0;
    labels[1] = 1;
    EXPECT_DOUBLE_EQ(ExactAuc(scores, labels), PairwiseAuc(scores, labels));
  }
}

TEST(ClassificationMetricsTest, AucOfPerfectReversedAndConstantScores) {
  const std::vector<float> labels = {0, 0, 1, 1};
  EXPECT_EQ(ExactAuc(std::vector<float>{1, 2, 3, 4}, labels), 1.0);
  EXPECT_EQ(ExactAuc(std::vector<float>{4, 3, 2, 1}, labels), 0.0);
  EXPECT_EQ(ExactAuc(std::vector<float>{7, 7, 7, 7}, labels), 0.5);
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ExactAuc(std::vector<float>{-inf, 0, 1, inf}, labels), 1.0);
}

TEST(ClassificationMetricsTest, OneClassOrNoRowsHasNoAuc) {
  EXPECT_TRUE(std::isnan(ExactAuc(std::vector<float>{1, 2}, std::vector<float>{1, 1})));
  EXPECT_TRUE(std::isnan(ExactAuc(std::vector<float>{1, 2}, std::vector<float>{0, 0})));
  const ClassificationMetrics none = ComputeMetrics({}, {});
  EXPECT_TRUE(std::isnan(none.auc));
  EXPECT_TRUE(std::isnan(none.logloss));
}

TEST(ClassificationMetricsTest, LoglossEntropyAccuracyAndCalibrationByHand) {
  // Probabilities 0.8, 0.4, 0.5 for labels 1, 0, 0.
  const std::vector<float> logits = {std::log(4.0f), std::log(2.0f / 3.0f), 0.0f};
  const ClassificationMetrics metrics = ComputeMetrics(logits, std::vector<float>{1, 0, 0});
  const double logloss = -(std::log(0.8) + std::log(0.6) + std::log(0.5)) / 3;
  const double entropy = -(std::log(1.0 / 3) + 2 * std::log(2.0 / 3)) / 3;
  EXPECT_NEAR(metrics.logloss, logloss, 1e-7);
  EXPECT_NEAR(metrics.normalized_entropy, logloss / entropy, 1e-7);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 2.0 / 3);
  EXPECT_NEAR(metrics.calibration, 1.7, 1e-6);
  EXPECT_EQ(metrics.rows, 3);
  EXPECT_EQ(metrics.positive_rows, 1);
}

TEST(ClassificationMetricsTest, LoglossStaysFiniteForHugeLogits) {
  EXPECT_DOUBLE_EQ(LogLossOfLogit(1000, 0), 1000);
  EXPECT_DOUBLE_EQ(LogLossOfLogit(-1000, 1), 1000);
  EXPECT_EQ(LogLossOfLogit(1000, 1), 0);
}

TEST(ClassificationMetricsTest, AWeightCountsAsSoManyRows) {
  const std::vector<float> logits = {-2, 0.5f, 0.5f, 0.5f, 1, -1, 3}, labels = {0, 1, 0, 0, 1, 1, 0},
                           weights = {3, 2, 1, 0, 4, 1, 2};
  std::vector<float> repeated_logits, repeated_labels;
  for (size_t i = 0; i < weights.size(); ++i) {
    repeated_logits.insert(repeated_logits.end(), static_cast<size_t>(weights[i]), logits[i]);
    repeated_labels.insert(repeated_labels.end(), static_cast<size_t>(weights[i]), labels[i]);
  }
  const ClassificationMetrics weighted = ComputeMetrics(logits, labels, weights);
  const ClassificationMetrics repeated = ComputeMetrics(repeated_logits, repeated_labels);
  EXPECT_DOUBLE_EQ(weighted.auc, repeated.auc);
  EXPECT_DOUBLE_EQ(weighted.logloss, repeated.logloss);
  EXPECT_DOUBLE_EQ(weighted.normalized_entropy, repeated.normalized_entropy);
  EXPECT_DOUBLE_EQ(weighted.accuracy, repeated.accuracy);
  EXPECT_DOUBLE_EQ(weighted.calibration, repeated.calibration);
  EXPECT_EQ(weighted.rows, 7);
  EXPECT_EQ(weighted.positive_rows, 3);
  // Ones change nothing.
  const std::vector<float> ones(7, 1.0f);
  EXPECT_EQ(ComputeMetrics(logits, labels, ones).auc, ComputeMetrics(logits, labels).auc);
  // Nothing weighs anything: nothing is defined.
  const std::vector<float> zeros(7, 0.0f);
  EXPECT_TRUE(std::isnan(ComputeMetrics(logits, labels, zeros).auc));
  EXPECT_TRUE(std::isnan(ComputeMetrics(logits, labels, zeros).logloss));
}

}  // namespace
}  // namespace sda
