#include "services/optimizer/core/learning_curve.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace sda::optimizer {
namespace {

constexpr size_t kFewestReadings = 4;
// Deviations of the noise that are tried, in units of the readings' spread.
constexpr int kNoises = 14;
constexpr double kLeastNoise = 2e-3, kMostNoise = 1.5;
constexpr int kShapes = 18;
// Belief about the final value before the readings: about the last one, so many spreads wide; and about the
// way still to go. Wide, but a curve that turns round and goes ten times as far is not expected.
constexpr double kFinalWidth = 3;
constexpr double kWayWidth = 4;
// What no family describes: this part of the spread for every e-fold of steps still to go.
constexpr double kDiscrepancy = 0.08;
// Parts of less weight than this, relative to the largest, are dropped.
constexpr double kLeastWeight = 1e-4;

double NormalCdf(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// φ, falling from 1 at the first reading to 0 at the final step.
struct Shape {
  std::vector<double> phi;
  double log_prior = 0;
};

using Falling = std::function<double(double)>;  // of t in (0, 1], the share of the final step

std::vector<Shape> Shapes(std::span<const double> t) {
  std::vector<Shape> shapes;
  const auto add = [&](const Falling& falling, double log_prior) {
    const double first = falling(t[0]), last = falling(1);
    Shape shape{.phi = {}, .log_prior = log_prior};
    for (const double at : t) shape.phi.push_back((falling(at) - last) / (first - last));
    if (std::all_of(shape.phi.begin(), shape.phi.end(), [](double x) { return std::isfinite(x); }))
      shapes.push_back(std::move(shape));
  };
  // Families alike, shapes within a family alike.
  const double each = -std::log(static_cast<double>(kShapes));
  for (int k = 0; k < kShapes; ++k) {
    const double place = k / (kShapes - 1.0);
    const double exponent = 0.1 * std::pow(25.0, place);
    add([&](double x) { return std::pow(x, -exponent); }, each);
    // From nearly a straight line to one that has long been level.
    const double rate = 0.3 * std::pow(100.0, place);
    add([&](double x) { return std::exp(-rate * x); }, each);
  }
  add([](double x) { return -std::log(x); }, 0);
  return shapes;
}

// Sums over the readings that the posterior of the coefficients needs.
struct Sums {
  double n = 0, p = 0, pp = 0, y = 0, py = 0, yy = 0;
};

struct Posterior {
  double log_evidence = 0, mean = 0, variance = 0;  // of the final value
};

// y = final + way·φ + noise; prior means 0 and `way_mean`; by completing the square.
Posterior Solve(const Sums& s, double noise, double way_mean) {
  const double precision = 1 / (noise * noise);
  const double prior_final = 1 / (kFinalWidth * kFinalWidth), prior_way = 1 / (kWayWidth * kWayWidth);
  const double a = s.n * precision + prior_final, b = s.p * precision, d = s.pp * precision + prior_way;
  const double u = s.y * precision, v = s.py * precision + prior_way * way_mean;
  const double determinant = a * d - b * b;
  Posterior posterior;
  posterior.variance = d / determinant;
  posterior.mean = (d * u - b * v) / determinant;
  const double way = (a * v - b * u) / determinant;
  const double quadratic = s.yy * precision + prior_way * way_mean * way_mean - posterior.mean * u - way * v;
  posterior.log_evidence = 0.5 * (std::log(prior_final) + std::log(prior_way) - std::log(determinant) +
                                  s.n * std::log(precision) - quadratic);
  return posterior;
}

bool IsGood(const Curve& curve) {
  if (curve.steps.size() < kFewestReadings) return false;
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    if (!std::isfinite(curve.values[i]) || (i > 0 && curve.steps[i] <= curve.steps[i - 1])) return false;
  }
  return true;
}

}  // namespace

double NormalMixture::Mean() const {
  return std::accumulate(parts_.begin(), parts_.end(), 0.0,
                         [](double sum, const Part& part) { return sum + part.weight * part.mean; });
}

double NormalMixture::Cdf(double x) const {
  double sum = 0;
  for (const Part& part : parts_) sum += part.weight * NormalCdf((x - part.mean) / part.deviation);
  return std::clamp(sum, 0.0, 1.0);
}

double NormalMixture::Quantile(double p) const {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Part& part : parts_) {
    low = std::min(low, part.mean - 40 * part.deviation);
    high = std::max(high, part.mean + 40 * part.deviation);
  }
  for (int i = 0; i < 100; ++i) {
    const double middle = low + (high - low) / 2;
    (Cdf(middle) < p ? low : high) = middle;
  }
  return low;
}

double NormalMixture::Draw(Rng& rng) const {
  double left = rng.Uniform();
  for (const Part& part : parts_) {
    left -= part.weight;
    if (left < 0 || &part == &parts_.back()) return part.mean + part.deviation * rng.Normal();
  }
  return 0;
}

std::optional<NormalMixture> Extrapolate(const Curve& curve, int64_t final_step) {
  if (!IsGood(curve) || final_step < 1) return std::nullopt;
  // Step 0 is before the first unit of work.
  const auto share = [&](int64_t step) {
    return (static_cast<double>(step) + 1) / (static_cast<double>(final_step) + 1);
  };
  const auto [least, most] = std::minmax_element(curve.values.begin(), curve.values.end());
  const double size = std::max({std::abs(*least), std::abs(*most), 1e-300});
  const double spread = std::max(*most - *least, 1e-9 * size);
  const double last = curve.values.back();
  std::vector<double> t, y;
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    t.push_back(share(curve.steps[i]));
    y.push_back((curve.values[i] - last) / spread);
  }
  if (!std::isfinite(spread)) return std::nullopt;

  std::vector<NormalMixture::Part> parts;
  std::vector<double> logs;
  const double to_go = std::max(0.0, -std::log(std::min(t.back(), 1.0)));
  const double discrepancy = kDiscrepancy * to_go;
  for (const Shape& shape : Shapes(t)) {
    Sums s;
    for (size_t i = 0; i < y.size(); ++i) {
      s.n += 1;
      s.p += shape.phi[i];
      s.pp += shape.phi[i] * shape.phi[i];
      s.y += y[i];
      s.py += shape.phi[i] * y[i];
      s.yy += y[i] * y[i];
    }
    for (int k = 0; k < kNoises; ++k) {
      const double noise = kLeastNoise * std::pow(kMostNoise / kLeastNoise, k / (kNoises - 1.0));
      const Posterior posterior = Solve(s, noise, y[0]);
      logs.push_back(posterior.log_evidence + shape.log_prior);
      const double variance = posterior.variance + noise * noise + discrepancy * discrepancy;
      parts.push_back(
          {.weight = 0, .mean = last + spread * posterior.mean, .deviation = spread * std::sqrt(variance)});
    }
  }
  const double top = *std::max_element(logs.begin(), logs.end());
  if (!std::isfinite(top)) return std::nullopt;
  double total = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const double weight = std::exp(logs[i] - top);
    parts[i].weight = weight < kLeastWeight ? 0 : weight;
    total += parts[i].weight;
  }
  std::erase_if(parts, [](const NormalMixture::Part& part) { return part.weight == 0; });
  for (auto& part : parts) part.weight /= total;
  return NormalMixture(std::move(parts));
}

}  // namespace sda::optimizer
