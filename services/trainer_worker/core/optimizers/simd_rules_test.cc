#include "services/trainer_worker/core/optimizers/simd_rules.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/isa.h"

namespace sda::trainer {
namespace {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kLengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 100};

// Each kernel on every instruction set that the machine has, over tails and misalignment; NaN stands around
// what may be read and written.
class SimdRulesTest : public testing::TestWithParam<Isa> {
 protected:
  SimdRulesTest() { LimitIsa(GetParam()); }
  ~SimdRulesTest() override { LimitIsa(before_); }

  std::vector<float> Values(int64_t n, double low, double high) {
    std::vector<float> values(n + 2, kNan);
    for (int64_t i = 1; i <= n; ++i) values[i] = static_cast<float>(rng_.Uniform(low, high));
    return values;
  }

  Rng rng_{21};

 private:
  const Isa before_ = UsableIsa();
};

// Each result comes from at most eight roundings of values no larger than what they are added to: a step of
// rate·g/√h has a relative error of at most six of them, the subtraction from w one more.
void ExpectNear(double got, double want, double scale, int64_t i, int64_t n) {
  EXPECT_LE(std::abs(got - want), 8 * kEpsilon * scale) << "element " << i << " of " << n;
}

TEST_P(SimdRulesTest, Adagrad) {
  for (const int64_t n : kLengths) {
    const auto g = Values(n, -1, 1), w0 = Values(n, -1, 1), h0 = Values(n, 0, 2);
    auto w = w0, h = h0;
    AdagradUpdate(n, 0.1f, 1e-3f, g.data() + 1, w.data() + 1, h.data() + 1);
    for (int64_t i = 1; i <= n; ++i) {
      const double sum = h0[i] + static_cast<double>(g[i]) * g[i];
      const double step = static_cast<double>(0.1f) * g[i] / (std::sqrt(sum) + static_cast<double>(1e-3f));
      ExpectNear(h[i], sum, sum, i, n);
      ExpectNear(w[i], w0[i] - step, std::abs(w0[i]) + std::abs(step), i, n);
    }
    EXPECT_TRUE(std::isnan(w[0]) && std::isnan(w[n + 1]) && std::isnan(h[0]) && std::isnan(h[n + 1]));
  }
}

TEST_P(SimdRulesTest, Adam) {
  const double beta1 = 0.9f, beta2 = 0.999f;
  for (const int64_t n : kLengths) {
    const auto g = Values(n, -1, 1), w0 = Values(n, -1, 1), m0 = Values(n, -1, 1), v0 = Values(n, 0, 1);
    auto w = w0, m = m0, v = v0;
    AdamUpdate(n, 0.1f, 1e-3f, 0.9f, 0.999f, g.data() + 1, w.data() + 1, m.data() + 1, v.data() + 1);
    for (int64_t i = 1; i <= n; ++i) {
      const double first = beta1 * m0[i] + (1 - beta1) * g[i];
      const double second = beta2 * v0[i] + (1 - beta2) * g[i] * g[i];
      // The terms of the first moment may cancel: its error is relative to them, not to it.
      const double terms = beta1 * std::abs(m0[i]) + (1 - beta1) * std::abs(g[i]);
      const double divisor = std::sqrt(second) + static_cast<double>(1e-3f);
      ExpectNear(m[i], first, terms, i, n);
      ExpectNear(v[i], second, second, i, n);
      ExpectNear(w[i], w0[i] - static_cast<double>(0.1f) * first / divisor,
                 std::abs(w0[i]) + static_cast<double>(0.1f) * terms / divisor, i, n);
    }
    EXPECT_TRUE(std::isnan(w[0]) && std::isnan(w[n + 1]) && std::isnan(m[0]) && std::isnan(v[n + 1]));
  }
}

TEST_P(SimdRulesTest, SumOfSquares) {
  for (const int64_t n : kLengths) {
    const auto g = Values(n, -1, 1);
    double want = 0;
    for (int64_t i = 1; i <= n; ++i) want += static_cast<double>(g[i]) * g[i];
    EXPECT_LE(std::abs(SumOfSquares(n, g.data() + 1) - want), static_cast<double>(n + 1) * kEpsilon * want)
        << n;
  }
}

TEST_P(SimdRulesTest, ANanOfTheGradientReachesTheWeight) {
  for (const int64_t place : {0, 15, 16, 19}) {
    std::vector<float> g(20, 1.0f), w(20, 1.0f), h(20, 1.0f), m(20, 1.0f), v(20, 1.0f);
    g[place] = kNan;
    AdagradUpdate(20, 0.1f, 0, g.data(), w.data(), h.data());
    for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(w[i]), i == place) << i;
    w.assign(20, 1.0f);
    AdamUpdate(20, 0.1f, 0, 0.9f, 0.999f, g.data(), w.data(), m.data(), v.data());
    for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(std::isnan(w[i]), i == place) << i;
    EXPECT_TRUE(std::isnan(SumOfSquares(20, g.data())));
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, SimdRulesTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& of) { return std::string(Name(of.param)); });

}  // namespace
}  // namespace sda::trainer
