#include "services/optimizer/core/bayes/gp.h"

#include <cmath>
#include <tuple>
#include <utility>

#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/linalg.h"
#include "services/optimizer/core/bayes/minimize.h"
#include "services/optimizer/core/bayes/normal.h"
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

// Kernels and how they act on the coordinates, in turn.
void ChooseKernel(size_t turn, TrainingSet& set) {
  constexpr std::pair<Kernel, Structure> kChoices[] = {{Kernel::kMatern52, Structure::kJoint},
                                                       {Kernel::kSquaredExponential, Structure::kJoint},
                                                       {Kernel::kMatern52, Structure::kAdditive}};
  std::tie(set.kernel, set.structure) = kChoices[turn % std::size(kChoices)];
}

double KernelOf(Kernel kernel, double square) {
  if (kernel == Kernel::kSquaredExponential) return std::exp(-square / 2);
  const double s5_r = std::sqrt(5 * square);
  return (1 + s5_r + 5 * square / 3) * std::exp(-s5_r);
}

// The covariance as the definition has it.
double CovarianceOf(const TrainingSet& set, const Hyper& hyper, std::span<const double> a,
                    std::span<const double> b) {
  const Layout& layout = *set.layout;
  double square = 0, sum = 0;
  for (size_t c = 0; c < layout.coordinates; ++c) {
    const double length = std::exp(hyper.log_length[layout.length_of[c]]);
    const double d = c < layout.numeric ? a[c] - b[c] : (a[c] != b[c] ? 1.0 : 0.0);
    square += d * d / (length * length);
    sum += KernelOf(set.kernel, d * d / (length * length));
  }
  const double mean = sum / static_cast<double>(layout.coordinates);
  return std::exp(hyper.log_signal) *
             (set.structure == Structure::kAdditive ? mean : KernelOf(set.kernel, square)) +
         set.offset;
}

Eigen::MatrixXd DenseKernel(const TrainingSet& set, const Hyper& hyper) {
  const auto n = static_cast<Eigen::Index>(set.n);
  Eigen::MatrixXd k(n, n);
  std::vector<double> a(set.layout->coordinates), b(a);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) {
      set.points->Get(static_cast<size_t>(i), a);
      set.points->Get(static_cast<size_t>(j), b);
      k(i, j) = CovarianceOf(set, hyper, a, b);
    }
    k(i, i) += std::exp(hyper.log_noise) + set.known_noise[static_cast<size_t>(i)];
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

// Also where the exponentials of a point reach e^120: of their products the smaller one is what counts.
TEST(VectorMathTest, MaternRowsFromExponentialsOfPointsAgreeWithThoseOfPairs) {
  Rng rng(2);
  for (const double length : {std::exp(-4.0), 0.3, 5.0}) {
    const double scale = std::sqrt(5.0) / length, signal = 0.7;
    constexpr size_t kPoints = 21;
    std::vector<double> x, rise, fall, k(kPoints, 0.25), slope(kPoints);
    for (size_t i = 0; i < kPoints; ++i) {
      x.push_back(static_cast<double>(i) / (kPoints - 1));
      rise.push_back(std::exp(scale * x[i]));
      fall.push_back(1 / rise[i]);
    }
    const double at = rng.Uniform(), rise_at = std::exp(scale * at), fall_at = 1 / rise_at;
    AddMaternRow({x.data(), rise.data(), fall.data(), kPoints}, {&at, &rise_at, &fall_at, 1}, scale, signal,
                 k.data(), slope.data());
    for (size_t i = 0; i < kPoints; ++i) {
      const double t = scale * std::abs(x[i] - at), e = std::exp(-t);
      ASSERT_NEAR(k[i], 0.25 + signal * (1 + t + t * t / 3) * e, 1e-13);
      ASSERT_NEAR(slope[i], signal * 5 / 3 * (1 + t) * e, 1e-13);
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
  size_t turn = 0;
  for (const auto prior :
       {HyperPrior::kDimensionScaled, HyperPrior::kDimensionScaledFree, HyperPrior::kWide}) {
    for (size_t numeric = 1; numeric <= 10; numeric += 3) {
      const Data data(100 + numeric, 25, numeric, numeric % 2 + 1);
      TrainingSet set = data.Set();
      ChooseKernel(turn++, set);
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
  for (size_t n : {1, 2, 17, 40, 69, 70}) {
    const Data data(n, n, 3, 2);
    const Hyper hyper = SomeHyper(rng, 5);
    TrainingSet set = data.Set();
    ChooseKernel(n, set);
    if (n > 20) set.offset = 0;
    const Gp gp(set, hyper);
    const Eigen::LLT<Eigen::MatrixXd> llt(DenseKernel(set, hyper));
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
        k(static_cast<Eigen::Index>(i)) = CovarianceOf(set, hyper, point, other);
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
    ChooseKernel(numeric, set);
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

// Standard normal draws, and as many of the opposite sign, so that the average of what is drawn is the mean.
std::vector<double> OppositeDraws(Rng& rng, size_t fantasies, size_t count) {
  std::vector<double> draws(fantasies * count);
  for (size_t i = 0; i < draws.size() / 2; ++i) {
    draws[i] = rng.Normal();
    draws[draws.size() / 2 + i] = -draws[i];
  }
  return draws;
}

// Draws of true values are a posterior sample: over all of them the mean and the variance, that within and
// that between draws, are the posterior's at the points, at pending ones and elsewhere.
TEST(GpTest, DrawsOfTrueValuesAddUpToThePosterior) {
  Rng rng(8);
  for (const size_t pending : {size_t{0}, size_t{2}}) {
    Data data(8, 12, 2, 1);
    for (size_t p = 0; p < pending; ++p) {
      data.points.Add(data.Draw(rng));
      data.noise.push_back(0);
    }
    Hyper hyper = SomeHyper(rng, 3);
    hyper.log_noise = std::log(0.05);
    TrainingSet known = data.Set();
    known.n = 12;
    const Gp plain(known, hyper);
    constexpr size_t kDraws = 4000;
    const size_t n = 12 + pending;
    const Gp drawn(Gp::OfTrueValues(), data.Set(), hyper, pending,
                   OppositeDraws(rng, kDraws, 2 * n - pending), kDraws);
    Gp::Scratch scratch;
    std::vector<double> means(kDraws), point(3);
    for (size_t i = 0; i < n + 10; ++i) {
      if (i < n) {
        data.points.Get(i, point);
      } else {
        point = data.Draw(rng);
      }
      double mean = 0, variance = 0, within = 0, average = 0, between = 0;
      plain.Predict(point.data(), scratch, &mean, &variance);
      drawn.Predict(point.data(), scratch, means.data(), &within);
      for (const double value : means) average += value / kDraws;
      for (const double value : means) between += (value - average) * (value - average) / kDraws;
      EXPECT_NEAR(average, mean, 1e-6) << i;
      // The deviation of a variance over 4000 draws is a fortieth of it.
      EXPECT_NEAR(within + between, variance, 0.12 * variance) << i;
      if (i >= n) continue;
      EXPECT_LT(within, 1e-5) << i;
      EXPECT_NEAR(drawn.FittedMean(i, 7), means[7], 1e-7) << i;
    }
  }
}

// Noisy expected improvement against its definition: the improvement of the value at a place on the least of
// the points' true values, all drawn jointly from the posterior by dense formulas.
TEST(GpTest, ImprovementOnTrueValuesAgreesWithJointDraws) {
  Rng rng(9);
  Data data(9, 10, 2, 0);
  Hyper hyper = SomeHyper(rng, 2);
  hyper.log_noise = std::log(0.1);
  constexpr size_t kDraws = 6000;
  const Gp drawn(Gp::OfTrueValues(), data.Set(), hyper, 0, OppositeDraws(rng, kDraws, 20), kDraws);
  const Eigen::LLT<Eigen::MatrixXd> llt(DenseKernel(data.Set(), hyper));
  const Eigen::VectorXd y = Eigen::Map<const Eigen::VectorXd>(data.y.data(), 10);
  Gp::Scratch scratch;
  std::vector<double> means(kDraws), other(2);
  for (int place = 0; place < 5; ++place) {
    const std::vector<double> point = data.Draw(rng);
    // The prior covariance of the ten points and the place, and from it the joint posterior.
    Eigen::MatrixXd joint(11, 11);
    for (Eigen::Index i = 0; i < 11; ++i) {
      for (Eigen::Index j = 0; j < 11; ++j) {
        std::vector<double> a = point, b = point;
        if (i < 10) data.points.Get(static_cast<size_t>(i), a);
        if (j < 10) data.points.Get(static_cast<size_t>(j), b);
        joint(i, j) = CovarianceOf(data.Set(), hyper, a, b);
      }
    }
    const Eigen::MatrixXd k = joint.leftCols(10);
    const Eigen::VectorXd mean = k * llt.solve(y);
    Eigen::MatrixXd covariance = joint - k * llt.solve(k.transpose());
    covariance.diagonal().array() += 1e-9;
    const Eigen::MatrixXd root = covariance.llt().matrixL();
    double sum = 0, squares = 0;
    for (size_t draw = 0; draw < 20'000; ++draw) {
      Eigen::VectorXd z(11);
      for (double& value : z) value = rng.Normal();
      const Eigen::VectorXd values = mean + root * z;
      const double gain = std::max(values.head(10).minCoeff() - values(10), 0.0);
      sum += gain / 20'000;
      squares += gain * gain / 20'000;
    }
    double variance = 0, found = 0, found_squares = 0;
    drawn.Predict(point.data(), scratch, means.data(), &variance);
    for (size_t f = 0; f < kDraws; ++f) {
      double least = INFINITY;
      for (size_t i = 0; i < 10; ++i) least = std::min(least, drawn.FittedMean(i, f));
      const double sd = std::sqrt(variance);
      const double gain = sd * std::exp(LogImprovement((least - means[f]) / sd));
      found += gain / kDraws;
      found_squares += gain * gain / kDraws;
    }
    const double error = std::sqrt((squares - sum * sum) / 20'000 + (found_squares - found * found) / kDraws);
    // Where next to nothing is to be gained, some thousand draws may see none of it.
    EXPECT_NEAR(found, sum, 4 * error + 1e-4) << place;
  }
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
    const Eigen::MatrixXd k =
        DenseKernel(data.Set(), truth) - Eigen::MatrixXd::Constant(60, 60, kMeanVariance);
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
