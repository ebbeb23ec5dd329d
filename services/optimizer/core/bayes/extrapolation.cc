#include "services/optimizer/core/bayes/extrapolation.h"

#include <algorithm>
#include <cmath>

namespace sda::optimizer::bayes {
namespace {

constexpr size_t kLeastWhole = 3;
// The belief in a slope of 1, as so many whole trials.
constexpr double kSlopeTrials = 2;

// The last reading up to the step; nothing where the curve ends before it.
std::optional<double> ReadingAt(const Curve& curve, int64_t step) {
  if (curve.steps.empty() || curve.steps.back() < step) return std::nullopt;
  const auto after = std::upper_bound(curve.steps.begin(), curve.steps.end(), step);
  if (after == curve.steps.begin()) return std::nullopt;
  const double value = curve.values[static_cast<size_t>(after - curve.steps.begin()) - 1];
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool Usable(const Curve& curve) {
  return !curve.steps.empty() && curve.steps.size() == curve.values.size();
}

}  // namespace

CurveExtrapolator::CurveExtrapolator(const SearchState& state) {
  for (const ObservedTrial& trial : state.trials) {
    if (trial.state != ObservedTrial::State::kSucceeded) continue;
    for (const auto& [name, curve] : trial.curves) {
      const auto found = trial.metrics.find(name);
      if (Usable(curve) && found != trial.metrics.end() && std::isfinite(found->second))
        whole_[name].push_back({&curve, found->second});
    }
  }
}

std::optional<Extrapolation> CurveExtrapolator::Final(const ObservedTrial& trial,
                                                      const std::string& metric) const {
  const auto curve = trial.curves.find(metric);
  const auto others = whole_.find(metric);
  if (curve == trial.curves.end() || !Usable(curve->second) || others == whole_.end()) return std::nullopt;
  const int64_t step = curve->second.steps.back();
  const double reading = curve->second.values.back();
  if (!std::isfinite(reading)) return std::nullopt;
  std::vector<double> x, y;
  for (const Whole& whole : others->second) {
    if (const auto at = ReadingAt(*whole.curve, step)) {
      x.push_back(*at);
      y.push_back(whole.final_value);
    }
  }
  if (x.size() < kLeastWhole) return std::nullopt;
  const auto n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  double sxx = 0, sxy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    sxx += (x[i] - mean_x) * (x[i] - mean_x);
    sxy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  const double belief = kSlopeTrials * sxx / n;
  const double slope = sxx > 0 ? std::clamp((sxy + belief) / (sxx + belief), 0.0, 2.0) : 1.0;
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double residual = y[i] - mean_y - slope * (x[i] - mean_x);
    squares += residual * residual;
  }
  // As for a line fitted to n points, whose slope takes about one of their freedoms.
  const double variance = squares / (n - 1);
  const double away = reading - mean_x;
  const double leverage = 1 + 1 / n + (sxx > 0 ? away * away / (sxx + belief) : 0.0);
  return Extrapolation{mean_y + slope * away, std::sqrt(variance * leverage)};
}

}  // namespace sda::optimizer::bayes
