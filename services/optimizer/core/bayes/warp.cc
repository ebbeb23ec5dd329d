#include "services/optimizer/core/bayes/warp.h"

#include <algorithm>
#include <cmath>

#include "services/optimizer/core/bayes/normal.h"

namespace sda::optimizer::bayes {
namespace {

double Quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

constexpr double kLogStretch = 0.5;
// Of the median distance to the limit: up to there kAroundLimit is nearly linear.
constexpr double kLimitWidth = 0.5;

}  // namespace

Warp::Warp(Kind kind, std::span<const double> values, double limit) : kind_(kind) {
  std::vector<double> sorted;
  double largest = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sorted.push_back(value);
    largest = std::max(largest, std::abs(value));
  }
  if (sorted.empty()) {
    kind_ = Kind::kLinear;
    upper_fence_ = 1;
    return;
  }
  std::sort(sorted.begin(), sorted.end());
  // To [0, 1] first, by halves where the difference would overflow.
  shift_ = sorted.front();
  scale_ = sorted.back() / 2 - sorted.front() / 2;
  const bool flat = !(scale_ > 1e-14 * largest) || !(scale_ > 1e-300);
  if (flat) {
    scale_ = std::max(largest, 1.0) / 2;
    upper_fence_ = 1;
    deviation_ = 1;
    mean_ = 0;
    kind_ = Kind::kLinear;
    return;
  }
  for (double& value : sorted) value = (value / 2 - shift_ / 2) / scale_;
  const size_t n = sorted.size();
  const double lower = Quantile(sorted, 0.25), upper = Quantile(sorted, 0.75);
  upper_fence_ = std::max(upper + 1.5 * (upper - lower), Quantile(sorted, 0.5));
  if (!(upper_fence_ > 0)) upper_fence_ = 1;
  log_offset_ = std::max(0.1 * Quantile(sorted, 0.5), 1e-6);
  if (kind_ == Kind::kMagnitude) {
    log_offset_ = shift_ / 2 / scale_;
    // Values that hardly differ from 0 beside the others would stretch the logarithm without end.
    if (!(log_offset_ > 1e-9)) kind_ = Kind::kLinear;
  }
  if (kind_ == Kind::kAroundLimit || kind_ == Kind::kAroundMedian) {
    limit_ = kind_ == Kind::kAroundMedian ? Quantile(sorted, 0.5)
                                          : std::clamp((limit / 2 - shift_ / 2) / scale_, -10.0, 10.0);
    std::vector<double> distances;
    for (const double value : sorted) distances.push_back(std::abs(value - limit_));
    std::sort(distances.begin(), distances.end());
    log_offset_ = std::max(kLimitWidth * Quantile(distances, 0.5), 1e-6);
  }
  if (kind_ == Kind::kHalfRank) {
    const double median = Quantile(sorted, 0.5);
    double squares = 0, good = 0;
    for (size_t i = 0; i < n && sorted[i] <= median; ++i, ++good)
      squares += (sorted[i] - median) * (sorted[i] - median);
    const double spread = squares > 0 ? std::sqrt(squares / good) : 1e-3;
    from_.push_back(median);
    to_.push_back(median);
    for (size_t i = 0; i < n;) {
      size_t end = i;
      while (end < n && sorted[end] == sorted[i]) ++end;
      if (sorted[i] > median) {
        const double rank = 0.5 * static_cast<double>(i + end);
        from_.push_back(sorted[i]);
        to_.push_back(median + spread * NormalQuantile(rank / static_cast<double>(n)));
        to_.back() = std::max(to_.back(), to_[to_.size() - 2] + 1e-9);
      }
      i = end;
    }
  }
  double sum = 0;
  std::vector<double> shaped(n);
  for (size_t i = 0; i < n; ++i) sum += shaped[i] = Shape(sorted[i]);
  mean_ = sum / static_cast<double>(n);
  double squares = 0;
  for (const double value : shaped) squares += (value - mean_) * (value - mean_);
  deviation_ = std::sqrt(squares / static_cast<double>(n));
  if (!(deviation_ > 1e-12)) deviation_ = 1;
}

double Warp::Shape(double x) const {
  if (kind_ == Kind::kLog) {
    // Straight on below the best value, with the slope it has there.
    return x < 0 ? std::log(log_offset_) + x / log_offset_ : std::log(x + log_offset_);
  }
  if (kind_ == Kind::kMagnitude) {
    // Straight on below half of the best value.
    const double half = log_offset_ / 2;
    return x < -half ? std::log(half) + (x + half) / half : std::log(x + log_offset_);
  }
  if (kind_ == Kind::kAroundLimit || kind_ == Kind::kAroundMedian) {
    const double distance = std::log1p(std::abs(x - limit_) / log_offset_);
    return x < limit_ ? -distance : distance;
  }
  if (kind_ == Kind::kHalfRank) {
    if (x > from_.front() && from_.size() > 1) {
      const auto after = std::upper_bound(from_.begin(), from_.end(), x);
      const size_t hi = std::clamp<size_t>(static_cast<size_t>(after - from_.begin()), 1, from_.size() - 1);
      const double part = (x - from_[hi - 1]) / (from_[hi] - from_[hi - 1]);
      x = to_[hi - 1] + part * (to_[hi] - to_[hi - 1]);
    }
    const double z = x / to_.back();
    return z < 0 ? kLogStretch * z : std::log1p(kLogStretch * z);
  }
  // Beyond the fence as the logarithm of the distance, in units of the fence.
  if (x <= upper_fence_) return x;
  return upper_fence_ * (1 + std::log(x / upper_fence_));
}

double Warp::Apply(double value) const {
  const double x = (value / 2 - shift_ / 2) / scale_;
  return (Shape(x) - mean_) / deviation_;
}

double Warp::Slope(double value) const {
  const double x = (value / 2 - shift_ / 2) / scale_;
  const double step = 1e-6 * (1 + std::abs(x));
  const double rise = Shape(x + step) - Shape(x - step);
  return std::max(rise / (2 * step) / deviation_ / (2 * scale_), 1e-300);
}

double Warp::Invert(double warped) const {
  // Shape is monotone: bisection, from a bracket grown around the data.
  const double target = warped * deviation_ + mean_;
  double low = -1, high = 2;
  for (int i = 0; i < 60 && Shape(low) > target; ++i) low *= 2;
  for (int i = 0; i < 60 && Shape(high) < target; ++i) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (Shape(middle) < target ? low : high) = middle;
  }
  return shift_ + 2 * scale_ * (0.5 * (low + high));
}

}  // namespace sda::optimizer::bayes
