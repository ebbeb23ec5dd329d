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
                                         Algorithm::kAdam));

TEST(StateFloatsTest, CountsTheStateOfEachRule) {
  EXPECT_EQ(StateFloats(Algorithm::kSgd, 12, 4), 0);
  EXPECT_EQ(StateFloats(Algorithm::kAdagrad, 12, 4), 12);
  EXPECT_EQ(StateFloats(Algorithm::kRowwiseAdagrad, 12, 4), 3);
  EXPECT_EQ(StateFloats(Algorithm::kAdam, 12, 4), 24);
}

}  // namespace
}  // namespace sda::trainer
