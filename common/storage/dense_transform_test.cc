#include "common/storage/dense_transform.h"

#include <cmath>

#include <gtest/gtest.h>

namespace sda {
namespace {

TEST(DenseTransformTest, SignedLogIsOddAndKeepsTheSignOfZero) {
  EXPECT_DOUBLE_EQ(SignedLog(std::exp(1.0) - 1), 1);
  EXPECT_DOUBLE_EQ(SignedLog(1 - std::exp(1.0)), -1);
  EXPECT_TRUE(std::signbit(SignedLog(-0.0)));
}

TEST(DenseTransformTest, ScalesAfterTheLogarithm) {
  const DenseTransform plain{.fill_value = 4, .log = false, .mean = 2, .scale = 4};
  EXPECT_EQ(ApplyTransform(plain, 10), 2.0f);
  EXPECT_EQ(ApplyTransformToMissing(plain), 0.5f);
  const DenseTransform logarithm{.fill_value = 0, .log = true, .mean = 1, .scale = 0.5};
  EXPECT_FLOAT_EQ(ApplyTransform(logarithm, 99), static_cast<float>((std::log(100.0) - 1) * 2));
  EXPECT_EQ(ApplyTransformToMissing(logarithm), -2.0f);
}

}  // namespace
}  // namespace sda
