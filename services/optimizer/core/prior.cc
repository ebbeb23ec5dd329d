#include "services/optimizer/core/prior.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace sda::optimizer {
namespace {

double ContinuedFraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double h = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      c = 1 + term / c;
      if (std::abs(c) < kTiny) c = kTiny;
      change = d * c;
      h *= change;
    }
    if (std::abs(change - 1) < 1e-15) break;
  }
  return h;
}

// Within the bin that holds the mass, in proportion.
double HistogramQuantile(const std::vector<double>& weights, double low, double high, double unit) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double width = (high - low) / static_cast<double>(weights.size());
  double left = unit * total;
  size_t last = 0;
  for (size_t bin = 0; bin < weights.size(); ++bin) {
    if (!(weights[bin] > 0)) continue;
    last = bin;
    if (left <= weights[bin]) return low + width * (static_cast<double>(bin) + left / weights[bin]);
    left -= weights[bin];
  }
  // Rounding left a little over.
  return low + width * static_cast<double>(last + 1);
}

// std::lgamma leaves the sign of Γ in a global variable, which is a race between threads; Γ(x) > 0 for x > 0.
double LogGamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double NormalCdf(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

}  // namespace

double BetaCdf(double alpha, double beta, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(LogGamma(alpha + beta) - LogGamma(alpha) - LogGamma(beta) +
                                alpha * std::log(x) + beta * std::log1p(-x));
  if (x < (alpha + 1) / (alpha + beta + 2)) return front * ContinuedFraction(alpha, beta, x) / alpha;
  return 1 - front * ContinuedFraction(beta, alpha, 1 - x) / beta;
}

double PriorQuantile(const Prior& prior, double low, double high, double unit) {
  if (prior.kind == Prior::Kind::kHistogram) return HistogramQuantile(prior.weights, low, high, unit);
  const auto cdf = [&](double x) {
    return prior.kind == Prior::Kind::kNormal ? NormalCdf((x - prior.a) / prior.b)
                                              : BetaCdf(prior.a, prior.b, (x - low) / (high - low));
  };
  const double from = cdf(low);
  const double mass = cdf(high) - from;
  // A range so far from the prior that nothing of it is left is covered evenly.
  if (!(mass > 1e-300)) return low + unit * (high - low);
  double a = low, b = high;
  for (int i = 0; i < 200 && a < b; ++i) {
    const double middle = a + (b - a) / 2;
    if (middle == a || middle == b) break;
    (cdf(middle) - from < unit * mass ? a : b) = middle;
  }
  return a + (b - a) / 2;
}

}  // namespace sda::optimizer
