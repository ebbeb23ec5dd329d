#include "services/optimizer/core/bayes/normal.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sda::optimizer::bayes {
namespace {

constexpr double kLogSqrtTwoPi = 0.91893853320467274178;
constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// log(1 − e^x), x <= 0.
double Log1mExp(double x) {
  return x > -0.6931471805599453 ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

double Polynomial(std::span<const double> coefficients, double x) {
  double value = 0;
  for (const double coefficient : coefficients) value = value * x + coefficient;
  return value;
}

}  // namespace

double ScaledErfc(double x) {
  if (x < 12) return std::exp(x * x) * std::erfc(x);
  // Asymptotic series; at 12 the eighth term is below 1e-13.
  const double t = 1 / (2 * x * x);
  double term = 1, sum = 1;
  for (int k = 1; k <= 10; ++k) {
    term *= -(2 * k - 1) * t;
    sum += term;
  }
  return sum / (x * 1.7724538509055160273);
}

double NormalCdf(double z) {
  return 0.5 * std::erfc(-z * kSqrtHalf);
}

double LogNormalPdf(double z) {
  return -0.5 * z * z - kLogSqrtTwoPi;
}

double LogNormalCdf(double z) {
  if (z > 5) return std::log1p(-0.5 * std::erfc(z * kSqrtHalf));
  if (z > -5) return std::log(NormalCdf(z));
  return -0.5 * z * z + std::log(0.5 * ScaledErfc(-z * kSqrtHalf));
}

double NormalQuantile(double p) {
  constexpr double kA[] = {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
                           4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
                           1.3314166789178437745e2, 3.3871328727963666080e0};
  constexpr double kB[] = {
      5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
      5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0};
  constexpr double kC[] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
                           1.27045825245236838258e0,  3.64784832476320460504e0,  5.76949722146069140550e0,
                           4.63033784615654529590e0,  1.42343711074968357734e0};
  constexpr double kD[] = {1.05075007164441684324e-9, 5.47593808499534494600e-4,
                           1.51986665636164571966e-2, 1.48103976427480074590e-1,
                           6.89767334985100004550e-1, 1.67638483018380384940e0,
                           2.05319162663775882187e0,  1.0};
  constexpr double kE[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
                           2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
                           5.46378491116411436990e0,  6.65790464350110377720e0};
  constexpr double kF[] = {2.04426310338993978564e-15, 1.42151175831644588870e-7,
                           1.84631831751005468180e-5,  7.86869131145613259100e-4,
                           1.48753612908506148525e-2,  1.36929880922735805310e-1,
                           5.99832206555887937690e-1,  1.0};
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * Polynomial(kA, r) / Polynomial(kB, r);
  }
  const double tail = std::clamp(q < 0 ? p : 1 - p, std::numeric_limits<double>::min(), 1.0);
  const double r = std::sqrt(-std::log(tail));
  const double value = r <= 5 ? Polynomial(kC, r - 1.6) / Polynomial(kD, r - 1.6)
                              : Polynomial(kE, r - 5) / Polynomial(kF, r - 5);
  return q < 0 ? -value : value;
}

double LogImprovement(double z) {
  if (z > -1) return std::log(std::exp(LogNormalPdf(z)) + z * NormalCdf(z));
  if (z > -60) {
    // φ(z)·(1 − √(π/2)·|z|·erfcx(|z|/√2)).
    const double w = std::log(1.2533141373155002512 * ScaledErfc(-z * kSqrtHalf) * -z);
    return LogNormalPdf(z) + Log1mExp(w);
  }
  // The difference above is 1/z² − 3/z⁴ + 15/z⁶ − …
  const double t = 1 / (z * z);
  return LogNormalPdf(z) - 2 * std::log(-z) + std::log1p(t * (-3 + t * (15 - 105 * t)));
}

double LogDifference(double a, double b) {
  if (!(b < a)) return -kInfinity;
  if (b == -kInfinity) return a;
  return a + Log1mExp(b - a);
}

double LogSum(std::span<const double> terms) {
  const double largest = terms.empty() ? -kInfinity : *std::max_element(terms.begin(), terms.end());
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

}  // namespace sda::optimizer::bayes
