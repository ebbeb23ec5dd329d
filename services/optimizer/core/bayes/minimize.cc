#include "services/optimizer/core/bayes/minimize.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "services/optimizer/core/bayes/vector_math.h"

namespace sda::optimizer::bayes {
namespace {

constexpr size_t kMemory = 8;
constexpr double kSufficientDecrease = 1e-4;
constexpr int kMaxHalvings = 12;

struct Pair {
  std::vector<double> s, y;
  double rho = 0;
};

// −H·g over the free variables, by the two-loop recursion.
void Direction(const std::deque<Pair>& pairs, const std::vector<bool>& held, std::vector<double>& p) {
  const size_t n = p.size();
  std::vector<double> a(pairs.size());
  for (size_t k = pairs.size(); k-- > 0;) {
    a[k] = pairs[k].rho * Dot(pairs[k].s.data(), p.data(), n);
    AddScaled(-a[k], pairs[k].y.data(), p.data(), n);
  }
  if (!pairs.empty()) {
    const Pair& last = pairs.back();
    const double scale = 1 / (last.rho * Dot(last.y.data(), last.y.data(), n));
    for (double& value : p) value *= scale;
  }
  for (size_t k = 0; k < pairs.size(); ++k) {
    const double b = pairs[k].rho * Dot(pairs[k].y.data(), p.data(), n);
    AddScaled(a[k] - b, pairs[k].s.data(), p.data(), n);
  }
  for (size_t i = 0; i < n; ++i) p[i] = held[i] ? 0 : -p[i];
}

}  // namespace

double Minimize(const Objective& objective, std::span<const double> low, std::span<const double> high,
                const MinimizeOptions& options, std::span<double> x) {
  const size_t n = x.size();
  for (size_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], low[i], high[i]);
  std::vector<double> gradient(n), next(n), next_gradient(n), p(n);
  double value = objective(x, gradient);
  int evaluations = 1;
  if (!std::isfinite(value)) return value;
  std::deque<Pair> pairs;
  std::vector<bool> held(n);
  int small_steps = 0;
  while (evaluations < options.max_evaluations) {
    double largest = 0;
    for (size_t i = 0; i < n; ++i) {
      held[i] = (x[i] <= low[i] && gradient[i] > 0) || (x[i] >= high[i] && gradient[i] < 0);
      p[i] = held[i] ? 0 : gradient[i];
      largest = std::max(largest, std::abs(p[i]));
    }
    if (!(largest > options.flat_gradient)) break;
    Direction(pairs, held, p);
    if (!(Dot(p.data(), gradient.data(), n) < 0)) {
      pairs.clear();
      for (size_t i = 0; i < n; ++i) p[i] = held[i] ? 0 : -gradient[i];
    }
    double step = 1;
    if (pairs.empty()) step = options.first_step / std::sqrt(Dot(p.data(), p.data(), n));
    bool moved = false;
    double next_value = value;
    for (int halving = 0; halving < kMaxHalvings && evaluations < options.max_evaluations; ++halving) {
      if (options.stop && options.stop()) return value;
      double expected = 0;
      for (size_t i = 0; i < n; ++i) {
        next[i] = std::clamp(x[i] + step * p[i], low[i], high[i]);
        expected += gradient[i] * (next[i] - x[i]);
      }
      next_value = objective(next, next_gradient);
      ++evaluations;
      if (std::isfinite(next_value) && next_value <= value + kSufficientDecrease * expected) {
        moved = true;
        break;
      }
      // The minimum of the parabola through both ends, kept within a tenth and a half.
      double shrink = 0.5;
      if (std::isfinite(next_value)) {
        const double curvature = next_value - value - expected;
        if (curvature > 0) shrink = std::clamp(-expected / (2 * curvature), 0.1, 0.5);
      } else {
        shrink = 0.1;
      }
      step *= shrink;
    }
    if (!moved) {
      if (pairs.empty()) break;
      pairs.clear();
      continue;
    }
    Pair pair{.s = std::vector<double>(n), .y = std::vector<double>(n)};
    for (size_t i = 0; i < n; ++i) {
      pair.s[i] = next[i] - x[i];
      pair.y[i] = next_gradient[i] - gradient[i];
    }
    const double sy = Dot(pair.s.data(), pair.y.data(), n);
    if (sy > 1e-10 * Dot(pair.y.data(), pair.y.data(), n)) {
      pair.rho = 1 / sy;
      pairs.push_back(std::move(pair));
      if (pairs.size() > kMemory) pairs.pop_front();
    }
    const double fall = value - next_value;
    std::copy(next.begin(), next.end(), x.begin());
    gradient.swap(next_gradient);
    value = next_value;
    small_steps = fall < options.tolerance * (1 + std::abs(value)) ? small_steps + 1 : 0;
    if (small_steps >= 2) break;
  }
  return value;
}

}  // namespace sda::optimizer::bayes
