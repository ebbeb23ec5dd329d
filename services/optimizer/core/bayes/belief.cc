#include "services/optimizer/core/bayes/belief.h"

#include <algorithm>
#include <cmath>

#include "services/optimizer/core/prior.h"

namespace sda::optimizer::bayes {
namespace {

// Beyond, every place is equally unlikely: 6 deviations of a normal prior.
constexpr double kLeastLog = -18;
constexpr double kEnd = 1e-6;  // of the range, where beta densities may be infinite

struct LogDensity {
  double log = 0, slope = 0;  // slope by place
};

LogDensity At(const Prior& prior, const Axis& axis, double x) {
  if (prior.kind == Prior::Kind::kNormal) {
    const double range = axis.high - axis.low;
    const double z = (axis.low + x * range - prior.a) / prior.b;
    // Where the mean lies outside, the nearer end is the likeliest place.
    const double likeliest = std::clamp((prior.a - axis.low) / range, 0.0, 1.0);
    const double z0 = (axis.low + likeliest * range - prior.a) / prior.b;
    return {-0.5 * (z * z - z0 * z0), -z / prior.b * range};
  }
  if (prior.kind == Prior::Kind::kHistogram) {
    const auto bins = static_cast<double>(prior.weights.size());
    const auto bin = static_cast<size_t>(std::clamp(std::floor(x * bins), 0.0, bins - 1));
    const double most = *std::max_element(prior.weights.begin(), prior.weights.end());
    return {std::log(prior.weights[bin] / most), 0};
  }
  const double inside = std::clamp(x, kEnd, 1 - kEnd);
  const auto log = [&](double at) { return (prior.a - 1) * std::log(at) + (prior.b - 1) * std::log1p(-at); };
  double mode = 0.5;
  if (prior.a + prior.b != 2) mode = (prior.a - 1) / (prior.a + prior.b - 2);
  if (prior.a < 1 || prior.b < 1) mode = prior.a < prior.b ? kEnd : 1 - kEnd;
  return {log(inside) - log(std::clamp(mode, kEnd, 1 - kEnd)),
          (prior.a - 1) / inside - (prior.b - 1) / (1 - inside)};
}

}  // namespace

Belief::Belief(const Encoding& encoding) : encoding_(encoding) {
  for (const Parameter& parameter : encoding.space().parameters) any_ = any_ || parameter.prior.has_value();
}

double Belief::Log(const Place& place, std::span<const char> active, double factor,
                   std::span<double> gradient) const {
  double sum = 0;
  for (size_t i = 0; i < place.size(); ++i) {
    const auto& prior = encoding_.space().parameters[i].prior;
    if (!prior || !active[i]) continue;
    const LogDensity at = At(*prior, encoding_.axis(i), place[i]);
    sum += std::clamp(at.log, kLeastLog, -kLeastLog);
    if (!gradient.empty() && std::abs(at.log) < -kLeastLog) gradient[i] += factor * at.slope;
  }
  return sum;
}

void Belief::FromCube(std::span<const double> unit, Place& place) const {
  encoding_.FromCube(unit, place);
  for (size_t i = 0; i < place.size(); ++i) {
    const auto& prior = encoding_.space().parameters[i].prior;
    const Axis& axis = encoding_.axis(i);
    if (!prior || !(axis.high > axis.low)) continue;
    place[i] = std::clamp(
        (PriorQuantile(*prior, axis.low, axis.high, unit[i]) - axis.low) / (axis.high - axis.low), 0.0, 1.0);
  }
}

}  // namespace sda::optimizer::bayes
