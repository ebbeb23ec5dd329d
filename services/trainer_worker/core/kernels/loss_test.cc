#include "services/trainer_worker/core/kernels/loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "services/trainer_worker/core/kernels/finite_difference.h"

namespace sda::trainer {
namespace {

void CheckGradient(Loss kind, double positive_weight, const float* weights = nullptr) {
  std::vector<float> logits = {-3, -0.5, 0, 0.25, 1, 4}, dlogits(6);
  const std::vector<float> labels = {0, 1, 1, 0, 1, 0};
  LossForwardBackward(kind, 6, logits.data(), labels.data(), positive_weight, 0.5, dlogits.data(), weights);
  std::vector<float> unused(6);
  ExpectGradient(
      logits, dlogits,
      [&] {
        return 0.5 * LossForwardBackward(kind, 6, logits.data(), labels.data(), positive_weight, 1,
                                         unused.data(), weights);
      },
      "logits");
}

TEST(LossTest, GradientOfCrossEntropy) {
  CheckGradient(Loss::kBinaryCrossEntropy, 1);
  CheckGradient(Loss::kBinaryCrossEntropy, 3);
}

TEST(LossTest, GradientOfSquaredError) {
  CheckGradient(Loss::kMeanSquaredError, 1);
  CheckGradient(Loss::kMeanSquaredError, 0.25);
}

TEST(LossTest, WeightsOfSamplesMultiplyLossAndGradient) {
  const float weights[] = {2, 0, 1, 0.5f, 3, 1};
  CheckGradient(Loss::kBinaryCrossEntropy, 3, weights);
  CheckGradient(Loss::kMeanSquaredError, 1, weights);
  const float logits[] = {0, 1}, labels[] = {1, 0}, twice_and_none[] = {2, 0};
  float d[2];
  EXPECT_NEAR(LossForwardBackward(Loss::kBinaryCrossEntropy, 2, logits, labels, 1, 1, d, twice_and_none),
              2 * std::log(2), 1e-6);
  EXPECT_FLOAT_EQ(d[0], -1);
  EXPECT_EQ(d[1], 0);
}

TEST(LossTest, ValuesByHand) {
  const float logits[] = {0, std::log(3.0f)}, labels[] = {1, 0};
  float d[2];
  EXPECT_NEAR(LossForwardBackward(Loss::kBinaryCrossEntropy, 2, logits, labels, 1, 1, d),
              std::log(2) + std::log(4), 1e-6);
  EXPECT_FLOAT_EQ(d[0], -0.5f);
  EXPECT_FLOAT_EQ(d[1], 0.75f);
  EXPECT_NEAR(LossForwardBackward(Loss::kMeanSquaredError, 2, logits, labels, 1, 1, d), 0.25 + 0.5625, 1e-6);
}

TEST(LossTest, NanAndInfinityShow) {
  const float labels[] = {0};
  float d;
  float logit = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(LossForwardBackward(Loss::kBinaryCrossEntropy, 1, &logit, labels, 1, 1, &d)));
  EXPECT_TRUE(std::isnan(LossForwardBackward(Loss::kMeanSquaredError, 1, &logit, labels, 1, 1, &d)));
  logit = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(LossForwardBackward(Loss::kBinaryCrossEntropy, 1, &logit, labels, 1, 1, &d)));
}

}  // namespace
}  // namespace sda::trainer
