#include "services/trainer_worker/core/kernels/gemm.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/reference_gemm.h"

namespace sda::trainer {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  int64_t m, n, k;
  bool a_transposed, b_transposed, bias, relu;
  int64_t padding;  // extra floats a row, filled with NaN; also the offset that breaks alignment
};

// A matrix whose padding must neither be read (it is NaN) nor written.
std::vector<float> Random(Rng& rng, int64_t rows, int64_t cols, int64_t padding) {
  std::vector<float> values(padding + rows * (cols + padding), kNan);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) values[padding + i * (cols + padding) + j] = rng.Uniform(-1, 1);
  }
  return values;
}

void Check(const Case& c, Gemm& gemm, Rng& rng) {
  SCOPED_TRACE(testing::Message() << "m " << c.m << " n " << c.n << " k " << c.k << " ta " << c.a_transposed
                                  << " tb " << c.b_transposed << " bias " << c.bias << " relu " << c.relu
                                  << " padding " << c.padding);
  const auto a = c.a_transposed ? Random(rng, c.k, c.m, c.padding) : Random(rng, c.m, c.k, c.padding);
  const auto b = c.b_transposed ? Random(rng, c.n, c.k, c.padding) : Random(rng, c.k, c.n, c.padding);
  const auto bias = Random(rng, 1, c.n, 0);
  std::vector<float> got(c.padding + c.m * (c.n + c.padding), kNan);
  std::vector<float> want = got;
  Product product{.m = c.m,
                  .n = c.n,
                  .k = c.k,
                  .a = a.data() + c.padding,
                  .a_stride = (c.a_transposed ? c.m : c.k) + c.padding,
                  .a_transposed = c.a_transposed,
                  .b = b.data() + c.padding,
                  .b_stride = (c.b_transposed ? c.k : c.n) + c.padding,
                  .b_transposed = c.b_transposed,
                  .bias = c.bias ? bias.data() : nullptr,
                  .activation = c.relu ? Activation::kRelu : Activation::kNone,
                  .c = got.data() + c.padding,
                  .c_stride = c.n + c.padding};
  gemm.Multiply(product);
  product.c = want.data() + c.padding;
  ReferenceMultiply(product);
  // |error| <= (k + 1) · eps · Σ|a||b| <= (k + 1)² · eps: operands lie in [-1, 1].
  const float tolerance = (c.k + 1.0f) * (c.k + 1.0f) * std::numeric_limits<float>::epsilon();
  for (size_t i = 0; i < want.size(); ++i) {
    if (std::isnan(want[i])) {
      ASSERT_TRUE(std::isnan(got[i])) << "padding written at " << i;
    } else {
      ASSERT_TRUE(std::abs(got[i] - want[i]) <= tolerance)
          << "at " << i << ": " << got[i] << " for " << want[i];
    }
  }
}

TEST(GemmTest, EqualsTheReferenceForSmallShapesAndTails) {
  Gemm gemm;
  Rng rng(1);
  for (int64_t m : {0, 1, 2, 5, 16, 17}) {
    for (int64_t n : {0, 1, 3, 16, 33}) {
      for (int64_t k : {0, 1, 4, 15, 16, 31}) {
        const uint64_t bits = rng.Next();
        Check({m, n, k, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
               (bits & 16) != 0 ? 3 : 0},
              gemm, rng);
      }
    }
  }
}

TEST(GemmTest, EqualsTheReferenceForTheShapesOfTraining) {
  Gemm gemm;
  Rng rng(2);
  Check({128, 64, 13, false, true, true, true, 0}, gemm, rng);     // forward
  Check({128, 1, 64, false, true, true, false, 0}, gemm, rng);     // to the logit
  Check({128, 13, 64, false, false, false, false, 7}, gemm, rng);  // gradient by the inputs
  Check({64, 13, 128, true, false, false, false, 0}, gemm, rng);   // gradient by the weights
  Check({1, 64, 128, true, false, false, false, 5}, gemm, rng);
  EXPECT_EQ(gemm.fallback_shapes(), 0);
}

TEST(GemmTest, SameInputsGiveTheSameBytes) {
  Rng rng(3);
  const auto a = Random(rng, 70, 90, 0), b = Random(rng, 90, 50, 0);
  std::vector<float> first(70 * 50), second(70 * 50);
  Product product{.m = 70,
                  .n = 50,
                  .k = 90,
                  .a = a.data(),
                  .a_stride = 90,
                  .b = b.data(),
                  .b_stride = 50,
                  .c = first.data(),
                  .c_stride = 50};
  Gemm().Multiply(product);
  product.c = second.data();
  Gemm().Multiply(product);
  EXPECT_EQ(first, second);
}

TEST(GemmTest, NanOfAnOperandReachesTheResult) {
  const float a[2] = {1, kNan}, b[2] = {1, 1};
  float c = 0;
  Gemm().Multiply(
      {.m = 1, .n = 1, .k = 2, .a = a, .a_stride = 2, .b = b, .b_stride = 1, .c = &c, .c_stride = 1});
  EXPECT_TRUE(std::isnan(c));
}

}  // namespace
}  // namespace sda::trainer
