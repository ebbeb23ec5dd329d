#include "services/trainer_worker/core/kernels/linear.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/finite_difference.h"

namespace sda::trainer {
namespace {

std::vector<float> Random(Rng& rng, int64_t n) {
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(rng.Uniform(-1, 1));
  return values;
}

// Loss: Σ y · target, so that dy = target.
struct Fixture {
  explicit Fixture(Activation activation, int64_t rows_in = 7) : rows(rows_in) {
    layer = {.in = 5, .out = 3, .weights = 2, .bias = 20, .activation = activation};
    parameters = Random(rng, 24);
    x = Random(rng, rows * 6);
    target = Random(rng, rows * 4);
    y.resize(rows * 4);
  }

  double Loss() {
    LinearForward(gemm, layer, parameters.data(), rows, x.data(), 6, y.data(), 4);
    double loss = 0;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t j = 0; j < layer.out; ++j) loss += static_cast<double>(y[r * 4 + j]) * target[r * 4 + j];
    }
    return loss;
  }

  Rng rng{17};
  Gemm gemm;
  int64_t rows;
  LinearLayer layer;
  std::vector<float> parameters, x, target, y;
};

void CheckGradients(Activation activation) {
  Fixture f(activation);
  f.Loss();
  std::vector<float> dy = f.target, gradients(24, 0.0f), dx(f.rows * 6, 0.0f);
  LinearBackward(f.gemm, f.layer, f.parameters.data(), f.rows, f.x.data(), 6, f.y.data(), 4, dy.data(), 4,
                 1.0f, gradients.data(), dx.data(), 6);
  const auto loss = [&] { return f.Loss(); };
  ExpectGradient(f.parameters, gradients, loss, "parameters");
  ExpectGradient(f.x, dx, loss, "x");
}

TEST(LinearTest, GradientsWithoutActivation) {
  CheckGradients(Activation::kNone);
}

TEST(LinearTest, GradientsWithRelu) {
  CheckGradients(Activation::kRelu);
}

TEST(LinearTest, ReluCutsNegativeOutputs) {
  Fixture f(Activation::kRelu, 50);
  f.Loss();
  int zeros = 0, positives = 0;
  for (int64_t r = 0; r < f.rows; ++r) {
    for (int64_t j = 0; j < 3; ++j) {
      EXPECT_GE(f.y[r * 4 + j], 0);
      (f.y[r * 4 + j] > 0 ? positives : zeros)++;
    }
  }
  EXPECT_GT(zeros, 0);
  EXPECT_GT(positives, 0);
}

TEST(LinearTest, ScaleReachesOnlyUnitsThatAreOn) {
  Fixture f(Activation::kRelu);
  f.Loss();
  std::vector<float> dy = f.target, gradients(24);
  LinearBackward(f.gemm, f.layer, f.parameters.data(), f.rows, f.x.data(), 6, f.y.data(), 4, dy.data(), 4,
                 2.0f, gradients.data(), nullptr, 0);
  for (int64_t r = 0; r < f.rows; ++r) {
    for (int64_t j = 0; j < 3; ++j) {
      const int64_t i = r * 4 + j;
      EXPECT_EQ(dy[i], f.y[i] > 0 ? 2 * f.target[i] : 0.0f);
    }
  }
}

TEST(LinearTest, NoRowsGiveZeroGradients) {
  Fixture f(Activation::kRelu, 0);
  std::vector<float> gradients(24, 1.0f);
  LinearBackward(f.gemm, f.layer, f.parameters.data(), 0, nullptr, 6, nullptr, 4, nullptr, 4, 1.0f,
                 gradients.data(), nullptr, 0);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(gradients[2 + i], 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gradients[20 + i], 0);
}

}  // namespace
}  // namespace sda::trainer
