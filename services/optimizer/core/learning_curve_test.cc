#include "services/optimizer/core/learning_curve.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "services/optimizer/core/threshold_rule.h"

namespace sda::optimizer {
namespace {

using Truth = std::function<double(double)>;  // of t in (0, 1]

Curve Readings(const Truth& truth, int readings, double until, double noise, Rng& rng) {
  Curve curve;
  for (int i = 1; i <= readings; ++i) {
    const double t = until * i / readings;
    curve.steps.push_back(static_cast<int64_t>(std::lround(t * 1000)));
    curve.values.push_back(truth(t) + noise * rng.Normal());
  }
  return curve;
}

// Curves as trainings make them; the last two are of no family the model knows.
Truth RandomTruth(int kind, Rng& rng) {
  const double end = rng.Uniform(0.5, 0.9), way = rng.Uniform(0.05, 0.4), shape = rng.Uniform();
  switch (kind) {
    case 0:
      return [=](double t) { return end - way * std::pow(50 * t + 1, -(0.3 + shape)); };
    case 1:
      return [=](double t) { return end - way * std::exp(-(2 + 10 * shape) * t); };
    case 2:
      return [=](double t) { return end + 0.1 * way * std::log(t + 0.01); };
    case 3:
      return [=](double t) {
        return end - 0.6 * way * std::exp(-20 * t) - 0.4 * way * std::exp(-(1 + 2 * shape) * t);
      };
    default:
      return [=](double t) { return end - way / (1 + 8 * std::pow(t, 1 + 0.5 * shape)); };
  }
}

// The true final value (with its noise) lies inside the central 80 and 98 per cent about that often.
TEST(LearningCurveTest, IntervalsCoverWhatTheySay) {
  Rng rng(11);
  for (const double until : {0.25, 0.5}) {
    int in80 = 0, in98 = 0, count = 0;
    double width = 0, way = 0;
    for (int i = 0; i < 400; ++i) {
      const Truth truth = RandomTruth(i % 5, rng);
      const double noise = std::exp(rng.Uniform(std::log(5e-4), std::log(1e-2)));
      const Curve curve = Readings(truth, 6 + static_cast<int>(rng.Below(20)), until, noise, rng);
      const auto belief = Extrapolate(curve, 1000);
      ASSERT_TRUE(belief);
      const double p = belief->Cdf(truth(1) + noise * rng.Normal());
      in80 += p > 0.1 && p < 0.9;
      in98 += p > 0.01 && p < 0.99;
      ++count;
      width += belief->Quantile(0.9) - belief->Quantile(0.1);
      way += std::abs(truth(1) - truth(0.02));
    }
    EXPECT_GE(in80, 0.74 * count) << "until " << until;
    EXPECT_GE(in98, 0.94 * count) << "until " << until;
    EXPECT_LT(width, (until < 0.3 ? 0.9 : 0.5) * way) << "and tells something; until " << until;
    RecordProperty(until < 0.3 ? "covered80_quarter" : "covered80_half", in80);
  }
}

TEST(LearningCurveTest, MoreOfTheCurveNarrowsTheBelief) {
  const Truth truth = [](double t) { return 0.8 - 0.3 * std::exp(-6 * t); };
  double before = INFINITY;
  for (const double until : {0.2, 0.4, 0.8, 1.0}) {
    Rng rng(3);
    const auto belief = Extrapolate(Readings(truth, 20, until, 0.002, rng), 1000);
    ASSERT_TRUE(belief);
    const double width = belief->Quantile(0.9) - belief->Quantile(0.1);
    EXPECT_LT(width, before);
    before = width;
  }
  EXPECT_LT(before, 0.02);
}

TEST(LearningCurveTest, ItDoesNotDependOnUnits) {
  Rng rng(5);
  Curve curve =
      Readings([](double t) { return 0.7 - 0.2 * std::pow(20 * t + 1, -0.8); }, 12, 0.5, 0.003, rng);
  const auto belief = Extrapolate(curve, 1000);
  for (double& value : curve.values) value = 1e6 - 4000 * value;
  const auto other = Extrapolate(curve, 1000);
  ASSERT_TRUE(belief && other);
  EXPECT_NEAR(other->Quantile(0.8), 1e6 - 4000 * belief->Quantile(0.2), 1e-3);
}

TEST(LearningCurveTest, HardInputsGiveNothingOrSomethingFinite) {
  EXPECT_FALSE(Extrapolate({.steps = {1, 2, 3}, .values = {1, 2, 3}}, 10)) << "too few";
  EXPECT_FALSE(Extrapolate({.steps = {1, 2, 3, 4}, .values = {1, NAN, 3, 4}}, 10));
  EXPECT_FALSE(Extrapolate({.steps = {1, 1, 1, 1}, .values = {1, 1, 1, 1}}, 10)) << "one step";
  const std::vector<std::vector<double>> values = {{0, 0, 0, 0},
                                                   {5, 5, 5, 5},
                                                   {1e300, -1e300, 1e300, 0},
                                                   {1e-300, 2e-300, 3e-300, 1e-300},
                                                   {1, 1e9, 1, 1}};
  for (const auto& y : values) {
    for (const int64_t last : {4, 5, 1'000'000'000}) {
      const auto belief = Extrapolate({.steps = {0, 1, 2, 4}, .values = y}, last);
      if (!belief) continue;
      EXPECT_FALSE(std::isnan(belief->Mean()));
      EXPECT_FALSE(std::isnan(belief->Cdf(0.5)));
    }
  }
}

Curve Rising(double end, double until) {
  Rng rng(9);
  return Readings([=](double t) { return end - 0.3 * std::exp(-6 * t); }, 12, until, 0.002, rng);
}

const std::vector<Metric> kAuc = {{.name = "auc", .threshold = 0.8}};

TEST(ThresholdRuleTest, StopsWhatWillNotReachTheThresholdAndOnlyThat) {
  const ThresholdRule rule{.max_steps = 1000};
  const Outlook bad = LookAhead(rule, kAuc, {{"auc", Rising(0.7, 0.5)}}, {});
  EXPECT_TRUE(bad.stop);
  EXPECT_TRUE(bad.thresholds);
  EXPECT_LT(bad.meets, 0.05);
  EXPECT_FALSE(LookAhead(rule, kAuc, {{"auc", Rising(0.83, 0.5)}}, {}).stop);
  EXPECT_FALSE(LookAhead(rule, kAuc, {{"auc", Rising(0.8, 0.3)}}, {}).stop) << "may or may not";
}

TEST(ThresholdRuleTest, StopsWhatWillNotImproveTheFront) {
  const ThresholdRule rule{.max_steps = 1000};
  const std::vector<MetricValues> known = {{{"auc", 0.9}}};
  const Outlook outlook = LookAhead(rule, kAuc, {{"auc", Rising(0.83, 0.5)}}, known);
  EXPECT_TRUE(outlook.stop);
  EXPECT_FALSE(outlook.thresholds);
  EXPECT_GT(outlook.meets, 0.5);
  // Of two objectives one has no curve: it may yet make up for the other.
  const std::vector<Metric> two = {{.name = "auc"}, {.name = "seconds", .maximize = false}};
  const std::vector<MetricValues> front = {{{"auc", 0.9}, {"seconds", 10}}};
  EXPECT_FALSE(LookAhead(rule, two, {{"auc", Rising(0.83, 0.5)}}, front).stop);
}

TEST(ThresholdRuleTest, NeverStopsBeforeTheMinimum) {
  const auto stops = [](const ThresholdRule& rule) {
    return LookAhead(rule, kAuc, {{"auc", Rising(0.5, 0.5)}}, {}).stop;
  };
  EXPECT_TRUE(stops({.max_steps = 1000}));
  EXPECT_TRUE(stops({.max_steps = 1000, .min_steps = 500}));
  EXPECT_FALSE(stops({.max_steps = 1000, .min_steps = 501}));
  EXPECT_TRUE(stops({.max_steps = 1000, .min_readings = 12}));
  EXPECT_FALSE(stops({.max_steps = 1000, .min_readings = 13}));
}

// Over many trainings: of those that would have met the threshold next to none is stopped on the way, of the
// others most are.
TEST(ThresholdRuleTest, FewGoodTrialsAreLostAndMuchIsSaved) {
  Rng rng(17);
  int good = 0, lost = 0, bad = 0, stopped = 0;
  for (int i = 0; i < 150; ++i) {
    const Truth truth = RandomTruth(i % 5, rng);
    const double end = truth(1);
    const std::vector<Metric> metrics = {{.name = "auc", .threshold = 0.7}};
    bool stop = false;
    Rng noise(100 + static_cast<uint64_t>(i));
    const Curve whole = Readings(truth, 20, 1, 0.003, noise);
    for (size_t n = 5; n < 20 && !stop; ++n) {
      Curve part;
      part.steps.assign(whole.steps.begin(), whole.steps.begin() + static_cast<std::ptrdiff_t>(n));
      part.values.assign(whole.values.begin(), whole.values.begin() + static_cast<std::ptrdiff_t>(n));
      stop = LookAhead({.max_steps = 1000}, metrics, {{"auc", part}}, {}).stop;
    }
    (end >= 0.7 ? good : bad) += 1;
    if (end >= 0.7) lost += stop;
    if (end < 0.68) stopped += stop;
  }
  EXPECT_LE(lost, 0.05 * good) << "of " << good;
  EXPECT_GE(stopped, 0.7 * bad) << "of " << bad;
}

}  // namespace
}  // namespace sda::optimizer
