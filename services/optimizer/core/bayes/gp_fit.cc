#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "services/optimizer/core/bayes/gp.h"
#include "services/optimizer/core/bayes/minimize.h"

namespace sda::optimizer::bayes {
namespace {

constexpr double kMinLogLength = -4.0;  // 0.018 of the cube
constexpr double kMaxLogLength = 4.6;
constexpr double kMinLogSignal = -6.0;
constexpr double kMaxLogSignal = 5.0;
constexpr double kMaxLogNoise = 0.7;

bool SignalIsFree(HyperPrior prior) {
  return prior != HyperPrior::kDimensionScaled;
}

// Length scales that one kernel has.
double LengthsOfOne(const Layout& layout, Structure structure) {
  return structure == Structure::kAdditive ? 1 : static_cast<double>(std::max<size_t>(layout.lengths, 1));
}

// Adds −log density of the prior at the parameters, and its gradient; `dimension` as LengthsOfOne.
double AddPrior(HyperPrior prior, double dimension, std::span<const double> parameters,
                std::span<double> gradient) {
  const size_t lengths = parameters.size() - 2;
  double value = 0;
  for (size_t i = 0; i < lengths; ++i) {
    const double log_length = parameters[i];
    if (prior == HyperPrior::kWide) {
      // 0.1·ℓ² + 0.1/ℓ².
      const double square = std::exp(2 * log_length);
      value += 0.1 * square + 0.1 / square;
      gradient[i] += 0.2 * square - 0.2 / square;
    } else {
      // Lognormal with location √2 + ½·ln d and scale √3, as a density of ℓ.
      const double deviation = log_length - std::numbers::sqrt2 - 0.5 * std::log(dimension);
      value += log_length + deviation * deviation / 6;
      gradient[i] += 1 + deviation / 3;
    }
  }
  if (SignalIsFree(prior)) {
    // Gamma with shape 2 and rate 1.
    const double signal = std::exp(parameters[lengths]);
    value += signal - parameters[lengths];
    gradient[lengths] += signal - 1;
  }
  // Gamma with shape 1.1 and rate 30.
  const double noise = std::exp(parameters[lengths + 1]);
  value += 30 * noise - 0.1 * parameters[lengths + 1];
  gradient[lengths + 1] += 30 * noise - 0.1;
  return value;
}

}  // namespace

MapObjective::MapObjective(const TrainingSet& set, HyperPrior prior) : set_(set), prior_(prior) {}

double MapObjective::operator()(std::span<const double> parameters, std::span<double> gradient) {
  const Layout& layout = *set_.layout;
  const size_t n = set_.n, lengths = layout.lengths;
  const double noise = std::exp(parameters[lengths + 1]);
  const Covariance covariance(layout, set_.kernel, set_.structure, parameters.first(lengths),
                              parameters[lengths], set_.offset, set_.points->First(n, layout.numeric));
  std::vector<double> point(layout.coordinates);

  k_.Resize(n, n);
  slopes_.Resize(n, n * covariance.parts());
  for (size_t i = 0; i < n; ++i) {
    set_.points->Get(i, point);
    covariance.Row(set_.points->First(i, layout.numeric), point.data(), k_.row(i), slopes_.row(i));
    k_(i, i) = covariance.variance();
  }
  factor_ = k_;
  for (size_t i = 0; i < n; ++i)
    factor_(i, i) += noise + (set_.known_noise.empty() ? 0 : set_.known_noise[i]);
  std::fill(gradient.begin(), gradient.end(), 0.0);
  if (!CholeskyInPlace(factor_)) return std::numeric_limits<double>::infinity();

  std::vector<double> alpha(set_.y.begin(), set_.y.begin() + static_cast<std::ptrdiff_t>(n));
  SolveLower(factor_, alpha);
  double value = 0.5 * Dot(alpha.data(), alpha.data(), n);
  for (size_t i = 0; i < n; ++i) value += std::log(factor_(i, i));
  SolveLowerTransposed(factor_, alpha);
  InvertTriangle(factor_, inverse_triangle_);
  InverseFromTriangle(inverse_triangle_, inverse_);

  // ∂value/∂θ = ½·Σ (K⁻¹ − ααᵀ)·∂K/∂θ; off the diagonal every pair counts twice.
  double by_signal = 0, by_noise = 0;
  for (size_t i = 0; i < n; ++i) {
    double* const m = inverse_.row(i);
    AddScaled(-alpha[i], alpha.data(), m, i + 1);
    by_signal += Dot(m, k_.row(i), i) + 0.5 * m[i] * covariance.signal();
    double sum = 0;
    for (size_t j = 0; j < i; ++j) sum += m[j];
    by_signal -= set_.offset * sum;
    by_noise += 0.5 * m[i] * noise;
    set_.points->Get(i, point);
    covariance.AddByLength(set_.points->First(i, layout.numeric), point.data(), slopes_.row(i), m,
                           gradient.data());
  }
  gradient[lengths] = by_signal;
  gradient[lengths + 1] = by_noise;
  value += AddPrior(prior_, LengthsOfOne(layout, set_.structure), parameters, gradient);
  if (!SignalIsFree(prior_)) gradient[lengths] = 0;
  return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
}

Hyper DefaultHyper(const Layout& layout, HyperPrior prior, Structure structure) {
  Hyper hyper;
  const double mode = 0.205 * std::sqrt(LengthsOfOne(layout, structure));
  hyper.log_length.assign(layout.lengths, std::log(prior == HyperPrior::kWide ? 0.6 : std::max(mode, 0.2)));
  hyper.log_noise = std::log(1e-3);
  return hyper;
}

Hyper FitMap(const TrainingSet& set, const FitOptions& options, std::span<const Hyper> starts,
             double* value) {
  const size_t lengths = set.layout->lengths;
  std::vector<double> low(lengths + 2, kMinLogLength), high(lengths + 2, kMaxLogLength);
  low[lengths] = SignalIsFree(options.prior) ? kMinLogSignal : 0;
  high[lengths] = SignalIsFree(options.prior) ? kMaxLogSignal : 0;
  low[lengths + 1] = std::log(options.min_noise);
  high[lengths + 1] = std::max(kMaxLogNoise, low[lengths + 1]);
  MapObjective objective(set, options.prior);
  const MinimizeOptions minimize{.max_evaluations = options.max_evaluations,
                                 .first_step = 0.5,
                                 .tolerance = 1e-5,
                                 .flat_gradient = 1e-3,
                                 .stop = options.out_of_time};
  Hyper best = DefaultHyper(*set.layout, options.prior, set.structure);
  double best_value = std::numeric_limits<double>::infinity();
  for (const Hyper& start : starts) {
    if (options.out_of_time && options.out_of_time()) break;
    std::vector<double> x = start.log_length;
    x.push_back(start.log_signal);
    x.push_back(start.log_noise);
    const double found =
        Minimize([&](std::span<const double> at, std::span<double> g) { return objective(at, g); }, low, high,
                 minimize, x);
    if (!(found < best_value)) continue;
    best_value = found;
    best.log_length.assign(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(lengths));
    best.log_signal = x[lengths];
    best.log_noise = x[lengths + 1];
  }
  if (value != nullptr) *value = best_value;
  return best;
}

}  // namespace sda::optimizer::bayes
