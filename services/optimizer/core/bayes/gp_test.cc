#include "services/optimizer/core/bayes/gp.h"

#include <cmath>

#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/linalg.h"
#include "services/optimizer/core/bayes/minimize.h"
#include "services/optimizer/core/bayes/vector_math.h"

namespace sda::optimizer::bayes {
namespace {

// Random data over `numeric` coordinates in [0, 1] and `categories` with three values each.
struct Data {
  Layout layout;
  Points points;
  std::vector<double> y, noise;

  Data(uint64_t seed, size_t n, size_t numeric, size_t categories) : points(numeric + categories) {
    layout.coordinates = layout.lengths = numeric + categories;
    layout.numeric = numeric;
    for (size_t c = 0; c < layout.coordinates; ++c) layout.length_of.push_back(c);
    Rng rng(seed);
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> point = Draw(rng);
      points.Add(point);
      double value = 0.3 * rng.Normal();
      for (size_t c = 0; c < point.size(); ++c) value += std::sin(3 * point[c] + static_cast<double>(c));
      y.push_back(value);
      noise.push_back(0.01 * rng.Uniform());
    }
  }

  std::vector<double> Draw(Rng& rng) const {
    std::vector<double> point(layout.coordinates);
    for (size_t c = 0; c < point.size(); ++c)
      point[c] = c < layout.numeric ? rng.Uniform() : static_cast<double>(rng.Below(3));
    return point;
  }

  TrainingSet Set() const {
    return {.layout = &layout, .points = &points, .n = points.size(), .y = y, .known_noise = noise};
  }
};

Hyper SomeHyper(Rng& rng, size_t lengths) {
  Hyper hyper;
  for (size_t i = 0; i < lengths; ++i) hyper.log_length.push_back(rng.Uniform(-1.5, 1));
  hyper.log_signal = rng.Uniform(-1, 1);
  hyper.log_noise = rng.Uniform(-6, -2);
  return hyper;
}

constexpr Kernel kKernels[] = {Kernel::kMatern52, Kernel::kSquaredExponential};

// The covariance as the definition has it.
double Covariance(const Layout& layout, const Hyper& hyper, std::span<const double> a,
                  std::span<const double> b, Kernel kernel = Kernel::kMatern52,
                  double offset = kMeanVariance) {
  double square = 0;
  for (size_t c = 0; c < layout.coordinates; ++c) {
    const double length = std::exp(hyper.log_length[layout.length_of[c]]);
    const double d = c < layout.numeric ? a[c] - b[c] : (a[c] != b[c] ? 1.0 : 0.0);
    square += d * d / (length * length);
  }
  const double r = std::sqrt(square), s5 = std::sqrt(5.0), signal = std::exp(hyper.log_signal);
  if (kernel == Kernel::kSquaredExponential) return signal * std::exp(-square / 2) + offset;
  return signal * (1 + s5 * r + 5 * square / 3) * std::exp(-s5 * r) + offset;
}

Eigen::MatrixXd DenseKernel(const Data& data, const Hyper& hyper, Kernel kernel = Kernel::kMatern52,
                            double offset = kMeanVariance) {
  const auto n = static_cast<Eigen::Index>(data.points.size());
  Eigen::MatrixXd k(n, n);
  std::vector<double> a(data.layout.coordinates), b(a);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) {
      data.points.Get(static_cast<size_t>(i), a);
      data.points.Get(static_cast<size_t>(j), b);
      k(i, j) = Covariance(data.layout, hyper, a, b, kernel, offset);
    }
    k(i, i) += std::exp(hyper.log_noise) + data.noise[static_cast<size_t>(i)];
  }
  return k;
}

TEST(VectorMathTest, SumsAndProductsAgreeWithPlainLoops) {
  Rng rng(1);
  for (size_t n : {0, 1, 3, 7, 8, 9, 31, 33, 64, 100}) {
    std::vector<double> a(6 * (n + 1)), b(5 * (n + 1)), c(30, 0.5);
    for (double& value : a) value = rng.Normal();
    for (double& value : b) value = rng.Normal();
    AddProduct(-2, a.data(), n + 1, b.data(), n + 1, c.data(), 5, 6, 5, n);
    for (size_t i = 0; i < 6; ++i) {
      for (size_t j = 0; j < 5; ++j) {
        double sum = 0, size = 1;
        for (size_t k = 0; k < n; ++k) {
          sum += a[i * (n + 1) + k] * b[j * (n + 1) + k];
          size += std::abs(a[i * (n + 1) + k] * b[j * (n + 1) + k]);
        }
        // n roundings of terms that add up to `size`.
        ASSERT_NEAR(c[i * 5 + j], 0.5 - 2 * sum, 2 * 1.2e-16 * static_cast<double>(n + 2) * size);
      }
    }
  }
}

TEST(LinalgTest, FactorInverseAndSolvesAgreeWithEigen) {
  Rng rng(2);
  for (Eigen::Index n : {1, 2, 5, 31, 32, 33, 64, 100, 131}) {
    Eigen::MatrixXd root(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j < n; ++j) root(i, j) = rng.Normal();
    }
    const Eigen::MatrixXd full =
        root * root.transpose() + Eigen::MatrixXd::Identity(n, n) * static_cast<double>(n);
    Matrix a(static_cast<size_t>(n), static_cast<size_t>(n)), inverse, whole;
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j <= i; ++j) a(static_cast<size_t>(i), static_cast<size_t>(j)) = full(i, j);
    }
    ASSERT_TRUE(CholeskyInPlace(a));
    const Eigen::MatrixXd l = full.llt().matrixL();
    InvertTriangle(a, inverse);
    InverseFromTriangle(inverse, whole);
    const Eigen::MatrixXd expected = full.inverse();
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j <= i; ++j) {
        ASSERT_NEAR(a(static_cast<size_t>(i), static_cast<size_t>(j)), l(i, j),
                    1e-11 * static_cast<double>(n));
        ASSERT_NEAR(whole(static_cast<size_t>(i), static_cast<size_t>(j)), expected(i, j), 1e-12);
      }
    }
    std::vector<double> x(static_cast<size_t>(n), 1.0);
    SolveLower(a, x);
    SolveLowerTransposed(a, x);
    const Eigen::VectorXd solved = full.llt().solve(Eigen::VectorXd::Ones(n));
    for (Eigen::Index i = 0; i < n; ++i) ASSERT_NEAR(x[static_cast<size_t>(i)], solved(i), 1e-12);
  }
}

TEST(LinalgTest, AMatrixThatIsNotPositiveDefiniteIsRefused) {
  Matrix a(2, 2);
  a(0, 0) = 1;
  a(1, 0) = 2;
  a(1, 1) = 1;
  EXPECT_FALSE(CholeskyInPlace(a));
  a(0, 0) = NAN;
  EXPECT_FALSE(CholeskyInPlace(a));
}

TEST(GpTest, EvidenceGradientAgreesWithDifferences) {
  Rng rng(3);
  for (const auto prior :
       {HyperPrior::kDimensionScaled, HyperPrior::kDimensionScaledFree, HyperPrior::kWide}) {
    for (size_t numeric = 1; numeric <= 10; numeric += 3) {
      const Data data(100 + numeric, 25, numeric, numeric % 2 + 1);
      TrainingSet set = data.Set();
      set.kernel = kKernels[numeric / 3 % 2];
      if (numeric == 1) set.offset = 0;
      MapObjective objective(set, prior);
      const Hyper hyper = SomeHyper(rng, data.layout.lengths);
      std::vector<double> x = hyper.log_length, gradient(x.size() + 2), ignored(x.size() + 2);
      x.push_back(hyper.log_signal);
      x.push_back(hyper.log_noise);
      objective(x, gradient);
      for (size_t i = 0; i < x.size(); ++i) {
        if (prior == HyperPrior::kDimensionScaled && i + 2 == x.size()) continue;  // held fixed
        const double step = 1e-5, kept = x[i];
        x[i] = kept + step;
        const double above = objective(x, ignored);
        x[i] = kept - step;
        const double below = objective(x, ignored);
        x[i] = kept;
        ASSERT_NEAR(gradient[i], (above - below) / (2 * step), 1e-5 * (1 + std::abs(gradient[i])))
            << "parameter " << i;
      }
    }
  }
}

TEST(GpTest, PosteriorAgreesWithDenseFormulas) {
  Rng rng(4);
  for (size_t n : {1, 2, 17, 40, 70}) {
    const Data data(n, n, 3, 2);
    const Hyper hyper = SomeHyper(rng, 5);
    TrainingSet set = data.Set();
    set.kernel = kKernels[n % 2];
    if (n > 20) set.offset = 0;
    const Gp gp(set, hyper);
    const Eigen::LLT<Eigen::MatrixXd> llt(DenseKernel(data, hyper, set.kernel, set.offset));
    const Eigen::VectorXd alpha =
        llt.solve(Eigen::Map<const Eigen::VectorXd>(data.y.data(), static_cast<Eigen::Index>(n)));
    Matrix many(9, 5);
    std::vector<double> means, variances;
    Gp::Scratch scratch;
    for (size_t t = 0; t < 9; ++t) {
      const std::vector<double> point = data.Draw(rng);
      std::copy(point.begin(), point.end(), many.row(t));
      Eigen::VectorXd k(static_cast<Eigen::Index>(n));
      std::vector<double> other(5);
      for (size_t i = 0; i < n; ++i) {
        data.points.Get(i, other);
        k(static_cast<Eigen::Index>(i)) =
            Covariance(data.layout, hyper, point, other, set.kernel, set.offset);
      }
      double mean = 0, variance = 0;
      gp.Predict(point.data(), scratch, &mean, &variance);
      // The matrix has condition ~ n·30/noise < 1e6.
      EXPECT_NEAR(mean, k.dot(alpha), 1e-8);
      EXPECT_NEAR(variance, gp.prior_variance() - k.dot(llt.solve(k)), 1e-8);
    }
    gp.PredictMany(many, 9, means, variances);
    for (size_t t = 0; t < 9; ++t) {
      double mean = 0, variance = 0;
      gp.Predict(many.row(t), scratch, &mean, &variance);
      EXPECT_NEAR(means[t], mean, 1e-9);
      EXPECT_NEAR(variances[t], variance, 1e-9);
    }
  }
}

TEST(GpTest, PosteriorGradientsAgreeWithDifferences) {
  Rng rng(5);
  for (size_t numeric = 1; numeric <= 10; ++numeric) {
    const Data data(numeric, 30, numeric, 1);
    TrainingSet set = data.Set();
    set.kernel = kKernels[numeric % 2];
    const Gp gp(set, SomeHyper(rng, numeric + 1));
    Gp::Scratch scratch;
    for (int draw = 0; draw < 10; ++draw) {
      std::vector<double> point = data.Draw(rng), gradient(point.size(), 0.0);
      const double mean_factor = rng.Normal(), variance_factor = rng.Normal();
      const auto value = [&] {
        double mean = 0, variance = 0;
        gp.Predict(point.data(), scratch, &mean, &variance);
        return mean_factor * mean + variance_factor * variance;
      };
      value();
      gp.AddGradient(point.data(), scratch, &mean_factor, variance_factor, gradient.data());
      for (size_t c = 0; c < numeric; ++c) {
        const double kept = point[c], step = 1e-5;
        point[c] = kept + step;
        const double above = value();
        point[c] = kept - step;
        const double below = value();
        point[c] = kept;
        ASSERT_NEAR(gradient[c], (above - below) / (2 * step), 1e-5 * (1 + std::abs(gradient[c])));
      }
    }
  }
}

TEST(GpTest, LeaveOneOutAgreesWithFitsThatLeaveOneOut) {
  Rng rng(6);
  Data data(6, 20, 2, 1);
  const Hyper hyper = SomeHyper(rng, 3);
  std::vector<double> means, variances;
  Gp(data.Set(), hyper).LeaveOneOut(means, variances);
  for (size_t out = 0; out < 20; ++out) {
    Data rest(6, 0, 2, 1);
    std::vector<double> point(3), left(3);
    for (size_t i = 0; i < 20; ++i) {
      data.points.Get(i, point);
      if (i == out) {
        left = point;
        continue;
      }
      rest.points.Add(point);
      rest.y.push_back(data.y[i]);
      rest.noise.push_back(data.noise[i]);
    }
    Gp::Scratch scratch;
    double mean = 0, variance = 0;
    Gp(rest.Set(), hyper).Predict(left.data(), scratch, &mean, &variance);
    EXPECT_NEAR(means[out], mean, 1e-8);
    EXPECT_NEAR(variances[out], variance + std::exp(hyper.log_noise) + data.noise[out], 1e-8);
  }
}

// With draws of zero a pending point takes the value the model expects there: the mean elsewhere stays, the
// variance falls.
TEST(GpTest, PendingPointsReduceTheVarianceAndKeepTheMean) {
  Rng rng(7);
  Data data(7, 15, 2, 0);
  const Hyper hyper = SomeHyper(rng, 2);
  const TrainingSet known = data.Set();
  const Gp before(known, hyper);
  const std::vector<double> pending = {0.4, 0.6};
  data.points.Add(pending);
  data.noise.push_back(0);
  TrainingSet set = data.Set();
  set.y = data.y;
  const std::vector<double> draws = {0.0, 1.0};
  const Gp after(set, hyper, 1, draws, 2);
  Gp::Scratch scratch;
  double mean = 0, variance = 0, means[2], less = 0;
  for (int i = 0; i < 20; ++i) {
    const std::vector<double> point = data.Draw(rng);
    before.Predict(point.data(), scratch, &mean, &variance);
    after.Predict(point.data(), scratch, means, &less);
    EXPECT_NEAR(means[0], mean, 1e-9);
    EXPECT_LE(less, variance + 1e-12);
  }
  before.Predict(pending.data(), scratch, &mean, &variance);
  after.Predict(pending.data(), scratch, means, &less);
  EXPECT_GT(means[1], means[0]);
  EXPECT_LT(less, variance);
}

// 90 % intervals of a fitted model hold about 90 % of held-out values of a function drawn from such a model.
TEST(GpTest, IntervalsAreCalibrated) {
  int inside = 0, total = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Data data(seed, 60, 2, 0);
    Rng rng(seed, 9);
    Hyper truth;
    truth.log_length = {std::log(0.4), std::log(0.7)};
    truth.log_noise = std::log(1e-3);
    std::fill(data.noise.begin(), data.noise.end(), 0.0);
    const Eigen::MatrixXd k = DenseKernel(data, truth) - Eigen::MatrixXd::Constant(60, 60, kMeanVariance);
    Eigen::VectorXd white(60);
    for (Eigen::Index i = 0; i < 60; ++i) white(i) = rng.Normal();
    const Eigen::VectorXd values = k.llt().matrixL() * white;
    for (size_t i = 0; i < 60; ++i) data.y[i] = values(static_cast<Eigen::Index>(i));
    TrainingSet set = data.Set();
    set.n = 30;
    set.y = std::span<const double>(data.y).first(30);
    set.known_noise = {};
    const Hyper start = DefaultHyper(data.layout, HyperPrior::kDimensionScaledFree);
    const Hyper fitted = FitMap(set, {.prior = HyperPrior::kDimensionScaledFree}, std::span(&start, 1));
    const Gp gp(set, fitted);
    Gp::Scratch scratch;
    std::vector<double> point(2);
    for (size_t i = 30; i < 60; ++i) {
      double mean = 0, variance = 0;
      data.points.Get(i, point);
      gp.Predict(point.data(), scratch, &mean, &variance);
      inside += std::abs(data.y[i] - mean) < 1.645 * std::sqrt(variance + std::exp(fitted.log_noise));
      ++total;
    }
  }
  const double coverage = static_cast<double>(inside) / total;
  EXPECT_GT(coverage, 0.80);
  EXPECT_LT(coverage, 0.97);
}

TEST(GpTest, EqualPointsWithDifferentValuesAreNoise) {
  Layout layout{.coordinates = 1, .numeric = 1, .lengths = 1, .length_of = {0}};
  Points points(1);
  const std::vector<double> at = {0.5};
  std::vector<double> y;
  for (int i = 0; i < 6; ++i) {
    points.Add(at);
    y.push_back(i % 2 == 0 ? 1 : -1);
  }
  const TrainingSet set{.layout = &layout, .points = &points, .n = 6, .y = y, .known_noise = {}};
  Hyper hyper{.log_length = {0}, .log_signal = 0, .log_noise = -40};
  const Gp gp(set, hyper);
  Gp::Scratch scratch;
  double mean = NAN, variance = NAN;
  gp.Predict(at.data(), scratch, &mean, &variance);
  EXPECT_NEAR(mean, 0, 0.2);
  EXPECT_GT(variance, 0);
}

TEST(MinimizeTest, FindsTheMinimumOfABentValleyAndStaysInTheBox) {
  const auto rosenbrock = [](std::span<const double> x, std::span<double> g) {
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    g[0] = -2 * a - 400 * x[0] * b;
    g[1] = 200 * b;
    return a * a + 100 * b * b;
  };
  std::vector<double> x = {-1.2, 1}, low = {-2, -2}, high = {2, 2};
  const MinimizeOptions options{.max_evaluations = 300, .tolerance = 1e-14, .flat_gradient = 1e-9};
  EXPECT_LT(Minimize(rosenbrock, low, high, options, x), 1e-8);
  x = {-1.2, 1};
  high = {0.5, 2};
  EXPECT_NEAR(Minimize(rosenbrock, low, high, options, x), 0.25, 1e-6);
  EXPECT_DOUBLE_EQ(x[0], 0.5);
}

}  // namespace
}  // namespace sda::optimizer::bayes
