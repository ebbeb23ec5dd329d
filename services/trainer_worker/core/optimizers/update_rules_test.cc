#include "services/trainer_worker/core/optimizers/update_rules.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace sda::trainer {
namespace {

template <class Real>
void ExpectAll(const std::vector<Real>& got, const std::vector<double>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << "at " << i;
}

const std::vector<double> kGradient = {.1, .2, -.3, .4};

// Known answers, to their printed digits.
TEST(UpdateRulesTest, RowwiseAdagradKnownAnswer) {
  const BasicStepRule<double> rule({.algorithm = Algorithm::kRowwiseAdagrad, .learning_rate = .01}, 1, 1);
  std::vector<double> w = {1, 2, 3, 4};
  double h = 0;
  ApplyRule<double>(rule, 4, kGradient.data(), w.data(), &h, nullptr);
  EXPECT_NEAR(h, .075, 1e-15);
  ExpectAll(w, {.9963485163, 1.9926970326, 3.0109544511, 3.9853940651}, 2e-10);
  ApplyRule<double>(rule, 4, kGradient.data(), w.data(), &h, nullptr);
  EXPECT_NEAR(h, .15, 1e-15);
  ExpectAll(w, {.9937665274, 1.9875330548, 3.0187004178, 3.9750661096}, 2e-10);
}

TEST(UpdateRulesTest, FirstAdagradStepMovesByTheLearningRate) {
  const BasicStepRule<double> rule({.algorithm = Algorithm::kAdagrad, .learning_rate = .01}, 1, 1);
  std::vector<double> w = {1, 2, 3, 4}, h(4, 0.0);
  ApplyRule<double>(rule, 4, kGradient.data(), w.data(), h.data(), nullptr);
  ExpectAll(w, {.99, 1.99, 3.01, 3.99}, 1e-9);
}

// Kingma and Ba's algorithm 1, written out.
TEST(UpdateRulesTest, AdamFollowsTheAlgorithm) {
  const UpdateOptions options{.algorithm = Algorithm::kAdam, .learning_rate = .01, .epsilon = 1e-3};
  double m = 0, v = 0, w = 1, m_ref = 0, v_ref = 0, w_ref = 1;
  const double gradients[] = {.3, -.2, .05};
  for (int t = 1; t <= 3; ++t) {
    const double g = gradients[t - 1];
    m_ref = .9 * m_ref + .1 * g;
    v_ref = .999 * v_ref + .001 * g * g;
    w_ref -= .01 * (m_ref / (1 - std::pow(.9, t))) / (std::sqrt(v_ref / (1 - std::pow(.999, t))) + 1e-3);
    ApplyRule<double>({options, t, 1}, 1, &g, &w, &m, &v);
    EXPECT_NEAR(w, w_ref, 1e-14) << "step " << t;
  }
}

TEST(UpdateRulesTest, IntelLambKnownAnswer) {
  const UpdateOptions options{.algorithm = Algorithm::kIntelLamb, .learning_rate = .01, .epsilon = 1e-6};
  const std::vector<double> g = {.1, -.2};
  std::vector<double> w = {3, 4}, m(2, 0.0), v(2, 0.0);
  const BasicStepRule<double> rule(options, 1, 1);
  const LambSums sums = LambBegin<double>(rule, 2, g.data(), w.data(), m.data(), v.data());
  EXPECT_NEAR(std::sqrt(sums.updates), 1.414202956, 1e-9);
  EXPECT_NEAR(std::sqrt(sums.weights / sums.updates), 3.535560422, 1e-9);
  LambFinish<double>(rule, sums, 2, w.data(), m.data(), v.data());
  ExpectAll(w, {2.9646447493, 4.0353554274}, 1e-10);
}

// Algorithm 2 of You et al., written out; its ratio is the whole tensor's whoever computes which part.
TEST(UpdateRulesTest, LambFollowsTheAlgorithmInOnePieceOrTwo) {
  const UpdateOptions options{
      .algorithm = Algorithm::kLamb, .learning_rate = .1, .epsilon = 1e-6, .weight_decay = .01};
  std::vector<double> w = {1, -2, 3}, m(3, 0.0), v(3, 0.0), whole = w, mw = m, vw = v, ref = w, mr = m,
                      vr = v;
  for (int t = 1; t <= 3; ++t) {
    const std::vector<double> g = {.3 * t, -.2, .05};
    double norm = 0, update_norm = 0;
    std::vector<double> u(3);
    for (int i = 0; i < 3; ++i) {
      mr[i] = .9 * mr[i] + .1 * g[i];
      vr[i] = .999 * vr[i] + .001 * g[i] * g[i];
      u[i] =
          mr[i] / (1 - std::pow(.9, t)) / (std::sqrt(vr[i] / (1 - std::pow(.999, t))) + 1e-6) + .01 * ref[i];
      norm += ref[i] * ref[i];
      update_norm += u[i] * u[i];
    }
    for (int i = 0; i < 3; ++i) ref[i] -= .1 * std::sqrt(norm / update_norm) * u[i];

    const BasicStepRule<double> rule(options, t, 1);
    ApplyRule<double>(rule, 3, g.data(), whole.data(), mw.data(), vw.data());
    LambSums sums = LambBegin<double>(rule, 1, g.data(), w.data(), m.data(), v.data());
    const LambSums rest = LambBegin<double>(rule, 2, &g[1], &w[1], &m[1], &v[1]);
    sums.weights += rest.weights;
    sums.updates += rest.updates;
    LambFinish<double>(rule, sums, 1, w.data(), m.data(), v.data());
    LambFinish<double>(rule, sums, 2, &w[1], &m[1], &v[1]);
    ExpectAll(whole, ref, 1e-14);
    ExpectAll(w, ref, 1e-14);
  }
}

TEST(UpdateRulesTest, LambWithoutANormMovesByTheRate) {
  const UpdateOptions options{.algorithm = Algorithm::kLamb, .learning_rate = .1, .epsilon = 1e-6};
  const std::vector<double> g = {2};
  std::vector<double> w = {0}, m = {0}, v = {0};
  ApplyRule<double>({options, 1, 1}, 1, g.data(), w.data(), m.data(), v.data());
  ExpectAll(w, {-.1}, 1e-7);
}

TEST(UpdateRulesTest, IntelLambBoundsTheWeightNorm) {
  const UpdateOptions options{.algorithm = Algorithm::kIntelLamb, .learning_rate = .1, .epsilon = 1e-12};
  const std::vector<double> g = {2};
  std::vector<double> w = {100}, m = {0}, v = {0};
  ApplyRule<double>({options, 1, 1}, 1, g.data(), w.data(), m.data(), v.data());
  ExpectAll(w, {99}, 1e-9);
}

TEST(UpdateRulesTest, SgdWithMomentumByHand) {
  const UpdateOptions options{.algorithm = Algorithm::kSgd, .learning_rate = .1, .momentum = .5};
  const std::vector<double> g = {1};
  std::vector<double> w = {1}, velocity = {0};
  ApplyRule<double>({options, 1, 1}, 1, g.data(), w.data(), velocity.data(), nullptr);
  ExpectAll(w, {.9}, 1e-15);
  ApplyRule<double>({options, 2, 1}, 1, g.data(), w.data(), velocity.data(), nullptr);
  ExpectAll(w, {.75}, 1e-15);
}

TEST(UpdateRulesTest, SgdByHand) {
  std::vector<double> w = {1, 2, 3, 4};
  ApplyRule<double>({{.algorithm = Algorithm::kSgd, .learning_rate = .1}, 1, .5}, 4, kGradient.data(),
                    w.data(), nullptr, nullptr);
  ExpectAll(w, {.995, 1.99, 3.015, 3.98}, 1e-15);
}

class FloatRuleTest : public testing::TestWithParam<Algorithm> {};

// What training runs, against the same rule in double, over steps.
TEST_P(FloatRuleTest, StaysWithinRoundingOfTheRuleInDouble) {
  const UpdateOptions options{.algorithm = GetParam(), .learning_rate = .05, .epsilon = 1e-8};
  std::vector<float> w(7, .5f), first(7, .01f), second(7, .01f);
  std::vector<double> w_ref(7, .5), first_ref(7, .01f), second_ref(7, .01f);
  for (int t = 1; t <= 10; ++t) {
    std::vector<float> g = {.1f * static_cast<float>(t), -.2f, .3f, -.4f, 0, 1e-3f, 5};
    const std::vector<double> g_ref(g.begin(), g.end());
    ApplyRule<float>({options, t, 1}, 7, g.data(), w.data(), first.data(), second.data());
    ApplyRule<double>({options, t, 1}, 7, g_ref.data(), w_ref.data(), first_ref.data(), second_ref.data());
  }
  // Ten steps, each a handful of roundings of numbers up to 1.
  ExpectAll(w, w_ref, 5e-6);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, FloatRuleTest,
                         testing::Values(Algorithm::kSgd, Algorithm::kAdagrad, Algorithm::kRowwiseAdagrad,
                                         Algorithm::kAdam, Algorithm::kLamb, Algorithm::kIntelLamb));

TEST(StateFloatsTest, CountsTheStateOfEachRule) {
  EXPECT_EQ(StateFloats({.algorithm = Algorithm::kSgd}, 12, 3), 0);
  EXPECT_EQ(StateFloats({.algorithm = Algorithm::kSgd, .momentum = 0.9}, 12, 3), 12);
  EXPECT_EQ(StateFloats({.algorithm = Algorithm::kAdagrad}, 12, 3), 12);
  EXPECT_EQ(StateFloats({.algorithm = Algorithm::kRowwiseAdagrad}, 12, 3), 3);
  EXPECT_EQ(StateFloats({.algorithm = Algorithm::kAdam}, 12, 3), 24);
  EXPECT_EQ(StateFloats({.algorithm = Algorithm::kLamb}, 12, 3), 24);
}

}  // namespace
}  // namespace sda::trainer
