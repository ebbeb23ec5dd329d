#include "services/optimizer/core/bayes/metric_model.h"

#include <cmath>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"

namespace sda::optimizer::bayes {
namespace {

constexpr ModelKind kJoint = {Warp::Kind::kLinear, HyperPrior::kWide};
constexpr ModelKind kAdditive = {.prior = HyperPrior::kDimensionScaledFree,
                                 .structure = Structure::kAdditive};

// Values of a function of five coordinates at random points.
class FiveCoordinates {
 public:
  FiveCoordinates(size_t n, uint64_t seed, const std::function<double(const std::vector<double>&)>& function)
      : data_{.layout = &layout_, .points = Points(5)} {
    Rng rng(seed);
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> point(5);
      for (double& x : point) x = rng.Uniform();
      data_.points.Add(point);
      data_.values.push_back(function(point));
    }
  }

  std::vector<MetricFit> Fits(const std::vector<ModelKind>& kinds) const {
    FitCache cache;
    std::vector<MetricFit> fits;
    for (const ModelKind& kind : kinds) fits.push_back(FitMetric(data_, kind, cache));
    return fits;
  }

 private:
  const Layout layout_{.coordinates = 5, .numeric = 5, .lengths = 5, .length_of = {0, 1, 2, 3, 4}};
  MetricData data_;
};

double Waves(const std::vector<double>& point) {
  double sum = 0;
  for (size_t c = 0; c < point.size(); ++c) sum += std::sin(9 * point[c] + static_cast<double>(c));
  return sum;
}

double Saddles(const std::vector<double>& point) {
  return (point[0] - 0.5) * (point[1] - 0.5) + (point[2] - 0.5) * (point[3] - 0.5);
}

TEST(MetricModelTest, ASumOfFunctionsOfOneParameterIsBestModelledAsOne) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<MetricFit> fits = FiveCoordinates(60, seed, Waves).Fits({kJoint, kAdditive});
    EXPECT_GT(fits[1].evidence, fits[0].evidence + 0.3);
    EXPECT_GT(BeliefShares(fits, 0.3)[1], 0.6);
  }
}

TEST(MetricModelTest, WhatActsInPairsIsNotModelledAsASum) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<MetricFit> fits = FiveCoordinates(60, seed, Saddles).Fits({kJoint, kAdditive});
    const std::vector<double> shares = BeliefShares(fits, 0.3);
    EXPECT_EQ(shares[0], 1);
    EXPECT_EQ(shares[1], 0);
  }
}

TEST(MetricModelTest, WithNoJointFitToCompareAdditiveOnesShareTheBelief) {
  const std::vector<MetricFit> fits = FiveCoordinates(20, 1, Saddles).Fits({kAdditive, kAdditive});
  for (const double share : BeliefShares(fits, 0.3)) EXPECT_DOUBLE_EQ(share, 0.5);
}

}  // namespace
}  // namespace sda::optimizer::bayes
