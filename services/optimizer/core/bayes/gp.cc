#include "services/optimizer/core/bayes/gp.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sda::optimizer::bayes {
namespace {

constexpr double kFirstJitter = 1e-9;
constexpr double kLastJitter = 1e-2;
// Of drawn true values, in units of the signal: points close together would else ask more of a factorisation
// than doubles have.
constexpr double kTrueJitter = 1e-8;

}  // namespace

void Points::Reserve(size_t count) {
  if (count <= ld_) return;
  const size_t ld = (std::max(count, 2 * ld_) + 7) / 8 * 8;
  std::vector<double> data(coordinates_ * ld);
  for (size_t c = 0; c < coordinates_; ++c)
    std::copy_n(data_.begin() + static_cast<std::ptrdiff_t>(c * ld_), size_,
                data.begin() + static_cast<std::ptrdiff_t>(c * ld));
  data_ = std::move(data);
  ld_ = ld;
}

void Points::Add(std::span<const double> point) {
  Reserve(size_ + 1);
  for (size_t c = 0; c < coordinates_; ++c) data_[c * ld_ + size_] = point[c];
  ++size_;
}

void Points::Get(size_t i, std::span<double> out) const {
  for (size_t c = 0; c < coordinates_; ++c) out[c] = data_[c * ld_ + i];
}

Gp::Gp(Bare /*tag*/, const TrainingSet& set, const Hyper& hyper, size_t fantasies)
    : covariance_(*set.layout, set.kernel, set.structure, hyper.log_length, hyper.log_signal, set.offset,
                  set.points->First(set.n, set.layout->numeric)),
      points_(set.points),
      hyper_(hyper),
      n_(set.n),
      fantasies_(std::max<size_t>(fantasies, 1)),
      noise_(set.n, std::exp(hyper.log_noise)),
      y_(set.y.begin(), set.y.end()) {
  for (size_t i = 0; i < set.known_noise.size() && i < n_; ++i) noise_[i] += set.known_noise[i];
}

Matrix Gp::PriorCovariance() const {
  Matrix kernel(n_, n_);
  std::vector<double> point(covariance_.layout().coordinates);
  for (size_t i = 0; i < n_; ++i) {
    points_->Get(i, point);
    covariance_.Row(Known(i), point.data(), kernel.row(i), nullptr);
    kernel(i, i) = prior_variance();
  }
  return kernel;
}

void Gp::Factorize(const Matrix& kernel, size_t n, std::span<double> noise, Matrix& factor) const {
  for (double jitter = 0;; jitter = std::max(jitter * 10, kFirstJitter)) {
    factor.Resize(n, n);
    for (size_t i = 0; i < n; ++i) {
      std::copy_n(kernel.row(i), i + 1, factor.row(i));
      factor(i, i) += noise[i] + jitter * prior_variance();
    }
    if (CholeskyInPlace(factor) || jitter > kLastJitter) {
      for (double& variance : noise) variance += jitter * prior_variance();
      return;
    }
  }
}

Gp::Gp(const TrainingSet& set, const Hyper& hyper, size_t pending, std::span<const double> draws,
       size_t fantasies)
    : Gp(Bare(), set, hyper, fantasies) {
  const size_t valued = n_ - pending;
  const Matrix kernel = PriorCovariance();
  Matrix factor;
  Factorize(kernel, n_, noise_, factor);
  InvertTriangle(factor, inverse_);

  // White residuals of what is known; those of pending points are drawn.
  std::vector<double> white(n_, 0.0);
  std::copy_n(y_.begin(), valued, white.begin());
  SolveLower(factor, std::span<double>(white).first(valued));
  alpha_.assign(fantasies_ * n_, 0.0);
  drawn_ = pending;
  fantasy_y_.assign(fantasies_ * pending, 0.0);
  for (size_t f = 0; f < fantasies_; ++f) {
    for (size_t p = 0; p < pending; ++p) white[valued + p] = draws.empty() ? 0 : draws[f * pending + p];
    for (size_t p = 0; p < pending; ++p)
      fantasy_y_[f * pending + p] = Dot(factor.row(valued + p), white.data(), valued + p + 1);
    for (size_t j = 0; j < n_; ++j) alpha_[f * n_ + j] = Dot(inverse_.row(j) + j, white.data() + j, n_ - j);
  }
}

Gp::Gp(OfTrueValues /*tag*/, const TrainingSet& set, const Hyper& hyper, size_t pending,
       std::span<const double> draws, size_t fantasies)
    : Gp(Bare(), set, hyper, fantasies) {
  const size_t valued = n_ - pending;
  const Matrix kernel = PriorCovariance();
  Matrix noisy;
  std::vector<double> noise(noise_.begin(), noise_.begin() + static_cast<std::ptrdiff_t>(valued));
  Factorize(kernel, valued, noise, noisy);
  Matrix factor;
  noise_.assign(n_, kTrueJitter * covariance_.signal());
  Factorize(kernel, n_, noise_, factor);
  InvertTriangle(factor, inverse_);

  // With K = L·Lᵀ and A = K + N over the valued points, f = L·z + K·A⁻¹·(y − L·z − e) is a posterior draw for
  // standard normal z and noise e, and K⁻¹·f needs no solution by K: it is L⁻ᵀ·z + A⁻¹·(y − L·z − e).
  alpha_.assign(fantasies_ * n_, 0.0);
  drawn_ = n_;
  fantasy_y_.assign(fantasies_ * n_, 0.0);
  std::vector<double> residual(valued), whole(n_);
  for (size_t f = 0; f < fantasies_; ++f) {
    const double* const z = draws.data() + f * (n_ + valued);
    double* const alpha = alpha_.data() + f * n_;
    double* const values = fantasy_y_.data() + f * n_;
    for (size_t i = 0; i < n_; ++i) values[i] = Dot(factor.row(i), z, i + 1);
    for (size_t i = 0; i < valued; ++i) residual[i] = y_[i] - values[i] - std::sqrt(noise[i]) * z[n_ + i];
    SolveLower(noisy, residual);
    SolveLowerTransposed(noisy, residual);
    for (size_t j = 0; j < n_; ++j) alpha[j] = Dot(inverse_.row(j) + j, z + j, n_ - j);
    for (size_t j = 0; j < valued; ++j) alpha[j] += residual[j];
    // f = L·(Lᵀ·α).
    for (size_t i = 0; i < n_; ++i) {
      whole[i] = 0;
      for (size_t j = i; j < n_; ++j) whole[i] += factor(j, i) * alpha[j];
    }
    for (size_t i = 0; i < n_; ++i) values[i] = Dot(factor.row(i), whole.data(), i + 1);
  }
}

double Gp::FittedMean(size_t i, size_t f) const {
  const double y = i < n_ - drawn_ ? y_[i] : fantasy_y_[f * drawn_ + i - (n_ - drawn_)];
  return y - noise_[i] * alpha_[f * n_ + i];
}

void Gp::Predict(const double* point, Scratch& scratch, double* mean, double* variance) const {
  scratch.k.resize(n_);
  scratch.slopes.resize(covariance_.parts() * n_);
  scratch.s.assign(n_, 0.0);
  covariance_.Row(Known(n_), point, scratch.k.data(), scratch.slopes.data());
  for (size_t f = 0; f < fantasies_; ++f) mean[f] = Dot(scratch.k.data(), alpha_.data() + f * n_, n_);
  for (size_t j = 0; j < n_; ++j) AddScaled(scratch.k[j], inverse_.row(j) + j, scratch.s.data() + j, n_ - j);
  const double left = prior_variance() - Dot(scratch.s.data(), scratch.s.data(), n_);
  *variance = std::max(left, 1e-14 * prior_variance());
}

void Gp::AddGradient(const double* point, Scratch& scratch, const double* mean_factor, double variance_factor,
                     double* out) const {
  scratch.factor.assign(n_, 0.0);
  for (size_t f = 0; f < fantasies_; ++f) {
    if (mean_factor[f] != 0) AddScaled(mean_factor[f], alpha_.data() + f * n_, scratch.factor.data(), n_);
  }
  if (variance_factor != 0) {
    for (size_t j = 0; j < n_; ++j) {
      scratch.factor[j] -= 2 * variance_factor * Dot(inverse_.row(j) + j, scratch.s.data() + j, n_ - j);
    }
  }
  covariance_.AddByPoint(Known(n_), point, scratch.slopes.data(), scratch.factor.data(), out);
}

void Gp::PredictMany(const Matrix& points, size_t rows, std::vector<double>& means,
                     std::vector<double>& variances) const {
  constexpr size_t kBlock = 32;
  if (transposed_.rows() != n_) {
    transposed_.Resize(n_, n_);
    for (size_t i = 0; i < n_; ++i) {
      for (size_t j = 0; j < n_; ++j) transposed_(i, j) = inverse_(j, i);
    }
  }
  means.assign(rows * fantasies_, 0.0);
  variances.assign(rows, 0.0);
  Matrix k(kBlock, n_), s(kBlock, n_);
  for (size_t begin = 0; begin < rows; begin += kBlock) {
    const size_t count = std::min(kBlock, rows - begin);
    for (size_t r = 0; r < count; ++r) {
      covariance_.Row(Known(n_), points.row(begin + r), k.row(r), nullptr);
      std::fill_n(s.row(r), n_, 0.0);
    }
    for (size_t i = 0; i < n_; i += kBlock) {
      const size_t end = std::min(i + kBlock, n_);
      AddProduct(1, k.row(0), k.ld(), transposed_.row(i), transposed_.ld(), s.row(0) + i, s.ld(), count,
                 end - i, end);
    }
    for (size_t r = 0; r < count; ++r) {
      variances[begin + r] =
          std::max(prior_variance() - Dot(s.row(r), s.row(r), n_), 1e-14 * prior_variance());
    }
    AddProduct(1, k.row(0), k.ld(), alpha_.data(), n_, means.data() + begin * fantasies_, fantasies_, count,
               fantasies_, n_);
  }
}

void Gp::LeaveOneOut(std::vector<double>& means, std::vector<double>& variances) const {
  means.resize(n_);
  variances.resize(n_);
  for (size_t i = 0; i < n_; ++i) {
    const double precision = Dot(inverse_.row(i) + i, inverse_.row(i) + i, n_ - i);
    means[i] = y_[i] - alpha_[i] / precision;
    variances[i] = 1 / precision;
  }
}

}  // namespace sda::optimizer::bayes
