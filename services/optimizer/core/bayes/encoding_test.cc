#include "services/optimizer/core/bayes/encoding.h"

#include <cmath>

#include <gtest/gtest.h>

#include "services/optimizer/core/bayes/linear_region.h"
#include "services/optimizer/core/bayes/random_space.h"
#include "services/optimizer/core/bayes/warp.h"

namespace sda::optimizer::bayes {
namespace {

Place RandomPlace(const Encoding& encoding, Rng& rng) {
  std::vector<double> unit(encoding.size());
  for (double& value : unit) value = rng.Uniform();
  Place place;
  encoding.FromCube(unit, place);
  return place;
}

TEST(EncodingTest, PlacesSurviveTheWayThroughAssignments) {
  Rng rng(1);
  for (int trial = 0; trial < 1000; ++trial) {
    Space space = RandomSpace(rng);
    space.constraints.clear();
    ASSERT_TRUE(ValidateSpace(space, false).empty());
    const Encoding encoding(space);
    const Place place = RandomPlace(encoding, rng);
    const Assignments assignments = encoding.ToAssignments(place);
    ASSERT_TRUE(CheckAssignments(space, assignments, "").empty());
    const Place back = encoding.FromAssignments(assignments);
    std::vector<char> active, active_back;
    encoding.ActiveAxes(place, active);
    encoding.ActiveAxes(back, active_back);
    ASSERT_EQ(active, active_back);
    for (size_t i = 0; i < place.size(); ++i) {
      ASSERT_EQ(active[i] != 0, assignments.contains(space.parameters[i].name));
      if (active[i]) {
        ASSERT_NEAR(place[i], back[i], 1e-9);
      }
    }
    ASSERT_EQ(encoding.ToAssignments(back).size(), assignments.size());
  }
}

TEST(EncodingTest, InactiveIsEquallyFarFromEveryValue) {
  Space space;
  space.parameters.resize(2);
  space.parameters[0].name = "kind";
  space.parameters[0].domain = Categories{{"a", "b"}};
  space.parameters[1].name = "x";
  space.parameters[1].domain = DoubleRange{0, 1};
  space.parameters[1].conditions = {{.parameter = "kind", .values = {std::string("b")}}};
  const Encoding encoding(space);
  EXPECT_EQ(encoding.layout().numeric, 2);  // an arc
  const auto coordinates = [&](double kind, double x) {
    std::vector<char> active;
    encoding.ActiveAxes({kind, x}, active);
    std::vector<double> out(encoding.layout().coordinates);
    encoding.Coordinates({kind, x}, active, out.data());
    return out;
  };
  const auto off = coordinates(0, 0.3);
  EXPECT_EQ(off, coordinates(0, 0.9));
  const auto distance = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1]);
  };
  for (const double x : {0.0, 0.25, 1.0}) EXPECT_NEAR(distance(off, coordinates(1, x)), 0.5942, 1e-4);
  EXPECT_NEAR(distance(coordinates(1, 0), coordinates(1, 1)), 1, 1e-12);
}

TEST(EncodingTest, GridsOfPowersAreLogarithmic) {
  Space space;
  space.parameters.resize(1);
  space.parameters[0].name = "batch";
  space.parameters[0].domain = Grid{{16, 32, 64, 128, 256}};
  EXPECT_NEAR(Encoding(space).PlaceOf(0, 64), 0.5, 1e-12);
  space.parameters[0].domain = Grid{{1, 2, 3, 4, 5}};
  EXPECT_NEAR(Encoding(space).PlaceOf(0, 3), 0.5, 1e-12);
}

TEST(EncodingTest, GradientByPlacesFollowsTheArc) {
  Rng rng(2);
  for (int trial = 0; trial < 200; ++trial) {
    const Space space = RandomSpace(rng);
    const Encoding encoding(space);
    Place place = RandomPlace(encoding, rng);
    std::vector<char> active;
    encoding.ActiveAxes(place, active);
    const size_t coordinates = encoding.layout().coordinates;
    std::vector<double> factor(coordinates), out(coordinates), gradient(place.size());
    for (double& value : factor) value = rng.Normal();
    encoding.GradientOfPlace(place, active, factor.data(), gradient);
    const auto value = [&] {
      encoding.Coordinates(place, active, out.data());
      double sum = 0;
      for (size_t c = 0; c < encoding.layout().numeric; ++c) sum += factor[c] * out[c];
      return sum;
    };
    for (size_t i = 0; i < place.size(); ++i) {
      if (encoding.axis(i).kind == Axis::Kind::kCategory) continue;
      const double kept = place[i];
      place[i] = kept + 1e-6;
      const double above = value();
      place[i] = kept - 1e-6;
      const double below = value();
      place[i] = kept;
      ASSERT_NEAR(gradient[i], (above - below) / 2e-6, 1e-6);
    }
  }
}

TEST(LinearRegionTest, RepairedPlacesKeepEveryConstraint) {
  Rng rng(3);
  int repaired = 0, all = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const Space space = RandomSpace(rng);
    if (space.constraints.empty()) continue;
    const Encoding encoding(space);
    const LinearRegion region(encoding);
    Place place = RandomPlace(encoding, rng);
    ++all;
    if (!region.Repair(place)) continue;
    ++repaired;
    ASSERT_TRUE(SatisfiesConstraints(space, encoding.ToAssignments(place)));
    ASSERT_TRUE(CheckAssignments(space, encoding.ToAssignments(place), "").empty());
  }
  EXPECT_GT(repaired, all * 9 / 10);
}

TEST(LinearRegionTest, AnEqualityOverRealAndWholeNumbersIsMet) {
  Space space;
  space.parameters.resize(3);
  for (size_t i = 0; i < 3; ++i) space.parameters[i].name = std::string(1, static_cast<char>('a' + i));
  space.parameters[0].domain = DoubleRange{0, 10};
  space.parameters[1].domain = DoubleRange{0.1, 100};
  space.parameters[1].scale = Scale::kLog;
  space.parameters[2].domain = IntRange{0, 5};
  space.constraints.push_back({.terms = {{"a", 1}, {"b", 2}, {"c", -3}},
                               .comparison = LinearConstraint::Comparison::kEqual,
                               .bound = 4});
  const Encoding encoding(space);
  const LinearRegion region(encoding);
  Rng rng(4);
  for (int i = 0; i < 200; ++i) {
    Place place = RandomPlace(encoding, rng);
    ASSERT_TRUE(region.Repair(place));
    ASSERT_TRUE(SatisfiesConstraints(space, encoding.ToAssignments(place)));
  }
}

TEST(WarpTest, RisesInvertsAndStandardises) {
  Rng rng(5);
  for (const auto kind : {Warp::Kind::kLinear, Warp::Kind::kHalfRank, Warp::Kind::kLog,
                          Warp::Kind::kMagnitude, Warp::Kind::kAroundLimit, Warp::Kind::kAroundMedian}) {
    for (const double scale : {1e-8, 1.0, 1e12}) {
      std::vector<double> values(40);
      for (double& value : values) value = scale * (std::exp(2 * rng.Normal()) - 3);
      const Warp warp(kind, values, 0.5 * scale);
      double sum = 0, squares = 0;
      for (const double value : values) {
        const double warped = warp.Apply(value);
        sum += warped;
        squares += warped * warped;
        EXPECT_NEAR(warp.Invert(warped), value, 1e-6 * scale * (1 + std::abs(value) / scale));
        EXPECT_GT(warp.Slope(value), 0);
      }
      EXPECT_NEAR(sum / 40, 0, 1e-9);
      EXPECT_NEAR(squares / 40, 1, 1e-6);
      std::sort(values.begin(), values.end());
      for (size_t i = 1; i < values.size(); ++i) EXPECT_LE(warp.Apply(values[i - 1]), warp.Apply(values[i]));
    }
  }
}

TEST(WarpTest, OfMagnitudesEqualRatiosAreEqualSteps) {
  const std::vector<double> values = {0.01, 0.03, 0.2, 1, 1.5, 4, 12};
  const Warp warp(Warp::Kind::kMagnitude, values);
  const double step = warp.Apply(0.02) - warp.Apply(0.01);
  EXPECT_GT(step, 0);
  for (const double value : {0.006, 0.05, 0.7, 8.0})
    EXPECT_NEAR(warp.Apply(2 * value) - warp.Apply(value), step, 1e-9) << value;
  // Half of the best value and less: finite, and still worth less and less.
  EXPECT_LT(warp.Apply(-1), warp.Apply(0));
  EXPECT_LT(warp.Apply(0), warp.Apply(0.004));
  // A value of 0 or less has no magnitude.
  const std::vector<double> signed_values = {-1, 0, 2, 5};
  const Warp linear(Warp::Kind::kMagnitude, signed_values);
  EXPECT_EQ(linear.kind(), Warp::Kind::kLinear);
  EXPECT_EQ(linear.Apply(1), Warp(Warp::Kind::kLinear, signed_values).Apply(1));
}

TEST(WarpTest, StrangeValuesGiveFiniteResults) {
  const std::vector<std::vector<double>> cases = {
      {}, {3}, {2, 2, 2}, {-1e300, 1e300, 0}, {NAN, 1, 2, INFINITY}, {0, 1e-300, 2e-300}, {1e15, 1e15 + 1}};
  for (const auto kind : {Warp::Kind::kLinear, Warp::Kind::kHalfRank, Warp::Kind::kLog,
                          Warp::Kind::kMagnitude, Warp::Kind::kAroundLimit, Warp::Kind::kAroundMedian}) {
    for (const auto& values : cases) {
      const Warp warp(kind, values, 1.5);
      for (const double value : values) {
        if (!std::isfinite(value)) continue;
        EXPECT_TRUE(std::isfinite(warp.Apply(value)));
      }
      EXPECT_TRUE(std::isfinite(warp.Invert(0.3)));
    }
  }
}

}  // namespace
}  // namespace sda::optimizer::bayes
