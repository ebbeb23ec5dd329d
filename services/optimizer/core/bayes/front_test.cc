#include "services/optimizer/core/bayes/front.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/acquisition.h"

namespace sda::optimizer::bayes {
namespace {

std::vector<Objectives> RandomPoints(Rng& rng, size_t count, size_t dimensions) {
  std::vector<Objectives> points(count, Objectives(dimensions));
  for (auto& point : points) {
    for (double& value : point) value = rng.Uniform();
  }
  return points;
}

TEST(FrontTest, HypervolumeOfAStaircase) {
  const std::vector<Objectives> points = {{1, 3}, {2, 2}, {3, 1}, {3, 3}, {5, 0}};
  EXPECT_DOUBLE_EQ(Hypervolume(points, {4, 4}), 6);
  EXPECT_DOUBLE_EQ(Hypervolume({}, {4, 4}), 0);
}

// Random points in the cube, in two to four dimensions: the volume is the share of places that some point
// dominates, and the boxes hold exactly the other places, once each.
TEST(FrontTest, VolumeAndBoxesAgreeWithCounting) {
  for (size_t dimensions = 1; dimensions <= 4; ++dimensions) {
    Rng rng(dimensions);
    const auto points = RandomPoints(rng, 9, dimensions);
    const Objectives reference(dimensions, 0.9);
    const auto boxes = NondominatedBoxes(points, reference);
    int dominated = 0;
    constexpr int kPlaces = 20'000;
    for (int i = 0; i < kPlaces; ++i) {
      Objectives place(dimensions);
      for (double& value : place) value = 0.9 * rng.Uniform();
      bool covered = false;
      for (const auto& point : points) covered = covered || Dominates(point, place);
      dominated += covered;
      int holding = 0;
      for (const Box& box : boxes) {
        bool inside = true;
        for (size_t m = 0; m < dimensions; ++m)
          inside = inside && place[m] > box.low[m] && place[m] <= box.high[m];
        holding += inside;
      }
      ASSERT_EQ(holding, covered ? 0 : 1) << "in " << dimensions << " dimensions";
    }
    const double whole = std::pow(0.9, static_cast<double>(dimensions));
    const double share = static_cast<double>(dominated) / kPlaces;
    // Four standard deviations of the count.
    EXPECT_NEAR(Hypervolume(points, reference), whole * share, 4 * whole * std::sqrt(0.25 / kPlaces));
  }
}

TEST(FrontTest, EqualPointsCountOnce) {
  const std::vector<Objectives> points = {{1, 2}, {1, 2}, {2, 1}};
  EXPECT_EQ(NondominatedIndices(points), (std::vector<size_t>{0, 2}));
}

TEST(AcquisitionTest, HypervolumeImprovementHasItsKnownValue) {
  const std::vector<Objectives> front = {{.1, .9}, {.3, .6}, {.5, .45}, {.8, .1}};
  const BoxImprovement improvement(NondominatedBoxes(front, {1.1, 1.2}));
  const double mean[] = {.35, .5}, deviation[] = {.25, .2};
  EXPECT_NEAR(std::exp(improvement.Log(mean, deviation)), 0.068618328, 1e-9);
}

// Against draws, in two to four dimensions.
TEST(AcquisitionTest, ImprovementAgreesWithDraws) {
  for (size_t dimensions = 2; dimensions <= 4; ++dimensions) {
    Rng rng(10 + dimensions);
    const auto points = RandomPoints(rng, 7, dimensions);
    const Objectives reference(dimensions, 1.1);
    const BoxImprovement improvement(NondominatedBoxes(points, reference));
    std::vector<double> mean(dimensions, 0.4), deviation(dimensions, 0.25);
    const double before = Hypervolume(points, reference);
    double sum = 0, squares = 0;
    constexpr int kDraws = 20'000;
    for (int i = 0; i < kDraws; ++i) {
      auto more = points;
      more.emplace_back(dimensions);
      for (size_t m = 0; m < dimensions; ++m) more.back()[m] = mean[m] + deviation[m] * rng.Normal();
      const double gain = Hypervolume(more, reference) - before;
      sum += gain;
      squares += gain * gain;
    }
    const double average = sum / kDraws;
    const double error = std::sqrt((squares / kDraws - average * average) / kDraws);
    EXPECT_NEAR(std::exp(improvement.Log(mean, deviation)), average, 4 * error) << dimensions;
  }
}

// All derivatives, near the front and many deviations away from it.
TEST(AcquisitionTest, GradientsAgreeWithDifferences) {
  for (size_t dimensions = 1; dimensions <= 4; ++dimensions) {
    Rng rng(20 + dimensions);
    for (int trial = 0; trial < 200; ++trial) {
      const auto points = RandomPoints(rng, 1 + rng.Below(6), dimensions);
      const BoxImprovement improvement(NondominatedBoxes(points, Objectives(dimensions, 1.1)));
      std::vector<double> mean(dimensions), deviation(dimensions);
      for (double& value : mean) value = rng.Uniform(-0.5, 3);
      for (double& value : deviation) value = std::exp(rng.Uniform(-3.5, 0));
      std::vector<double> by_mean(dimensions, 0), by_deviation(dimensions, 0);
      const double value = improvement.Log(mean, deviation, by_mean, by_deviation);
      ASSERT_TRUE(std::isfinite(value));
      for (size_t m = 0; m < dimensions; ++m) {
        const double step = 1e-6 * deviation[m];
        for (const bool of_mean : {true, false}) {
          auto& x = of_mean ? mean[m] : deviation[m];
          const double kept = x;
          x = kept + step;
          const double above = improvement.Log(mean, deviation);
          x = kept - step;
          const double below = improvement.Log(mean, deviation);
          x = kept;
          const double expected = (above - below) / (2 * step);
          const double found = of_mean ? by_mean[m] : by_deviation[m];
          // Differences lose |value|·ε/step.
          const double tolerance = 1e-4 * (1 + std::abs(expected)) + 1e-15 * std::abs(value) / step * 8;
          ASSERT_NEAR(found, expected, tolerance) << "dimension " << m << (of_mean ? " mean" : " deviation");
        }
      }
    }
  }
}

TEST(AcquisitionTest, LimitsAndFantasiesAgreeWithDifferences) {
  Rng rng(30);
  for (int trial = 0; trial < 100; ++trial) {
    Acquisition acquisition;
    acquisition.models = 3;
    acquisition.fantasies = 4;
    acquisition.objectives = {0};
    for (size_t f = 0; f < 4; ++f)
      acquisition.improvements.emplace_back(
          NondominatedBoxes(std::vector<Objectives>{{rng.Normal()}}, {INFINITY}));
    acquisition.limits = {{.model = 1, .at_most = 0.2}, {.model = 2, .at_most = -1, .extra_variance = 0.1}};
    std::vector<double> means(12), variances(3), by_mean(12), by_variance(3);
    for (double& value : means) value = 2 * rng.Normal();
    for (double& value : variances) value = std::exp(rng.Uniform(-3, 1));
    acquisition.Log(means, variances, by_mean, by_variance);
    const auto check = [&](double& x, double derivative) {
      const double kept = x, step = 1e-6;
      x = kept + step;
      const double above = acquisition.Log(means, variances, {}, {});
      x = kept - step;
      const double below = acquisition.Log(means, variances, {}, {});
      x = kept;
      ASSERT_NEAR(derivative, (above - below) / (2 * step), 1e-4 * (1 + std::abs(derivative)));
    };
    for (size_t i = 0; i < means.size(); ++i) check(means[i], by_mean[i]);
    for (size_t i = 0; i < variances.size(); ++i) check(variances[i], by_variance[i]);
  }
}

}  // namespace
}  // namespace sda::optimizer::bayes
