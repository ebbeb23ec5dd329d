#include "services/optimizer/core/bayes/normal.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sda::optimizer::bayes {
namespace {

// Values computed with the published code of Ament et al. 2023.
TEST(NormalTest, LogImprovementHasItsKnownValues) {
  EXPECT_NEAR(LogImprovement(-0.5), -1.62052, 5e-6);
  EXPECT_NEAR(LogImprovement(-1.5), -3.52994, 5e-6);
  EXPECT_NEAR(LogImprovement(-5), -16.74430, 5e-6);
  EXPECT_NEAR(LogImprovement(-20), -206.91784, 5e-6);
  EXPECT_NEAR(LogImprovement(-200), -20011.51565, 5e-6);
}

TEST(NormalTest, LogImprovementIsSmoothWhereFormulasMeet) {
  for (const double z : {-1.0, -60.0}) {
    const double step = 1e-7 * std::abs(z);
    EXPECT_NEAR(LogImprovement(z + step) - LogImprovement(z - step), 2 * step * std::abs(z),
                1e-4 * std::abs(z));
    EXPECT_NEAR(LogImprovement(z * (1 + 1e-13)), LogImprovement(z * (1 - 1e-13)),
                1e-9 * std::abs(LogImprovement(z)));
  }
}

TEST(NormalTest, DerivativeOfImprovementIsTheDistribution) {
  for (double z = -30; z < 6; z += 0.37) {
    const double step = 1e-5;
    const double slope = (LogImprovement(z + step) - LogImprovement(z - step)) / (2 * step);
    EXPECT_NEAR(slope, std::exp(LogNormalCdf(z) - LogImprovement(z)), 1e-5 * (1 + std::abs(z))) << z;
  }
}

TEST(NormalTest, FarTailsStayFiniteAndOrdered) {
  double before = LogImprovement(-1e8);
  EXPECT_TRUE(std::isfinite(before));
  for (const double z : {-1e6, -1e3, -30.0, 0.0, 10.0, 1e6}) {
    const double value = LogImprovement(z);
    EXPECT_GT(value, before);
    before = value;
  }
  EXPECT_NEAR(LogNormalCdf(-40), -804.608442013754, 1e-9);
  EXPECT_EQ(LogNormalCdf(40), 0);
}

TEST(NormalTest, ScaledErfcAgreesOnBothSidesOfItsSwitch) {
  EXPECT_NEAR(ScaledErfc(12 - 1e-9) / ScaledErfc(12), 1, 1e-9);
  EXPECT_NEAR(ScaledErfc(1), 0.42758357615580700, 1e-14);
  EXPECT_NEAR(ScaledErfc(50), 0.011281536265323772, 1e-15);
}

TEST(NormalTest, QuantileInvertsTheDistribution) {
  for (const double p : {1e-9, 1e-3, 0.1, 0.4, 0.5, 0.77, 0.999, 1 - 1e-6})
    EXPECT_NEAR(NormalCdf(NormalQuantile(p)), p, 1e-12) << p;
}

TEST(NormalTest, LogDifferenceAndSum) {
  EXPECT_NEAR(LogDifference(std::log(5.0), std::log(3.0)), std::log(2.0), 1e-15);
  EXPECT_EQ(LogDifference(1, 1), -std::numeric_limits<double>::infinity());
  const double terms[] = {std::log(1.0), std::log(2.0), -std::numeric_limits<double>::infinity()};
  EXPECT_NEAR(LogSum(terms), std::log(3.0), 1e-15);
  EXPECT_EQ(LogSum({}), -std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace sda::optimizer::bayes
