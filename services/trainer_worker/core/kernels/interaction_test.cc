#include "services/trainer_worker/core/kernels/interaction.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/finite_difference.h"

namespace sda::trainer {
namespace {

// With T_i = 10^i (dim 1), each product tells its pair.
TEST(DotInteractionTest, PairsComeInTheOrderOfThePublishedModel) {
  const float t[] = {1, 10, 100, 1000};
  const DotInteraction pairs{.features = 4, .dim = 1, .self = false};
  std::vector<float> r(pairs.outputs());
  DotInteractionForward(pairs, 1, t, r.data());
  EXPECT_THAT(
      r, testing::ElementsAre(1, /*(1,0)*/ 10, /*(2,0)*/ 100, /*(2,1)*/ 1000, /*(3,0)*/ 1000, /*(3,1)*/ 10000,
                              /*(3,2)*/ 100000));

  const DotInteraction self{.features = 4, .dim = 1, .self = true};
  r.resize(self.outputs());
  DotInteractionForward(self, 1, t, r.data());
  EXPECT_THAT(r,
              testing::ElementsAre(1, /*(0,0)*/ 1, /*(1,0)*/ 10, /*(1,1)*/ 100, /*(2,0)*/ 100, /*(2,1)*/ 1000,
                                   /*(2,2)*/ 10000, /*(3,0)*/ 1000, /*(3,1)*/ 10000, /*(3,2)*/ 100000,
                                   /*(3,3)*/ 1000000));
}

TEST(DotInteractionTest, ProductsAreExactOnIntegersOverTails) {
  for (int64_t dim : {1, 2, 7, 8, 9, 16, 23}) {
    const DotInteraction shape{.features = 3, .dim = dim, .self = true};
    std::vector<float> t(2 * 3 * dim), r(2 * shape.outputs());
    Rng rng(dim);
    for (float& value : t) value = static_cast<float>(rng.Below(9)) - 4;
    DotInteractionForward(shape, 2, t.data(), r.data());
    for (int row = 0; row < 2; ++row) {
      const float* features = t.data() + row * 3 * dim;
      const float* out = r.data() + row * shape.outputs();
      for (int64_t l = 0; l < dim; ++l) EXPECT_EQ(*out++, features[l]);
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j <= i; ++j) {
          float sum = 0;
          for (int64_t l = 0; l < dim; ++l) sum += features[i * dim + l] * features[j * dim + l];
          EXPECT_EQ(*out++, sum) << "dim " << dim << " pair " << i << "," << j;
        }
      }
    }
  }
}

TEST(DotInteractionTest, GradientsWithAndWithoutSelf) {
  for (bool self : {false, true}) {
    const DotInteraction shape{.features = 4, .dim = 3, .self = self};
    Rng rng(5);
    std::vector<float> t(2 * 12), target(2 * shape.outputs()), r(2 * shape.outputs()), dt(2 * 12, 9.0f);
    for (float& value : t) value = static_cast<float>(rng.Uniform(-1, 1));
    for (float& value : target) value = static_cast<float>(rng.Uniform(-1, 1));
    const auto loss = [&] {
      DotInteractionForward(shape, 2, t.data(), r.data());
      double sum = 0;
      for (size_t i = 0; i < r.size(); ++i) sum += static_cast<double>(r[i]) * target[i];
      return sum;
    };
    DotInteractionBackward(shape, 2, t.data(), target.data(), dt.data());
    ExpectGradient(t, dt, loss, self ? "self" : "pairs");
  }
}

TEST(DotInteractionTest, ASingleFeatureHasNoPairs) {
  const DotInteraction shape{.features = 1, .dim = 2, .self = false};
  EXPECT_EQ(shape.outputs(), 2);
  const float t[] = {3, 4};
  float r[2], dt[2];
  DotInteractionForward(shape, 1, t, r);
  EXPECT_THAT(r, testing::ElementsAre(3, 4));
  DotInteractionBackward(shape, 1, t, r, dt);
  EXPECT_THAT(dt, testing::ElementsAre(3, 4));
}

}  // namespace
}  // namespace sda::trainer
