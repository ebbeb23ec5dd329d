#include "common/numerics/bounded_auc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sda {
namespace {

size_t BinOf(float logit) {
  constexpr double kBinsAUnit =
      static_cast<double>(BoundedMetrics::kBins) / (2 * BoundedMetrics::kLargestLogit);
  const double place = (static_cast<double>(logit) + BoundedMetrics::kLargestLogit) * kBinsAUnit;
  // Bin 0 is what lies below, the last one what lies above.
  const double bin = std::floor(place) + 1;
  return static_cast<size_t>(std::clamp(bin, 0.0, static_cast<double>(BoundedMetrics::kBins + 1)));
}

}  // namespace

void BoundedMetrics::Add(float logit, float label, double weight) {
  (label > 0.5f ? positives_ : negatives_)[BinOf(logit)] += weight;
  sums_.Add(logit, label, weight);
}

void BoundedMetrics::Merge(const BoundedMetrics& other) {
  for (size_t bin = 0; bin < positives_.size(); ++bin) {
    positives_[bin] += other.positives_[bin];
    negatives_[bin] += other.negatives_[bin];
  }
  sums_.Merge(other.sums_);
}

void BoundedMetrics::Clear() {
  std::fill(positives_.begin(), positives_.end(), 0);
  std::fill(negatives_.begin(), negatives_.end(), 0);
  sums_ = {};
}

ClassificationMetrics BoundedMetrics::Finish() const {
  ClassificationMetrics metrics = sums_.Finish();
  double wins = 0, unknown = 0, below = 0;
  for (size_t bin = 0; bin < positives_.size(); ++bin) {
    const double within = positives_[bin] * negatives_[bin] / 2;
    wins += positives_[bin] * below + within;
    unknown += within;
    below += negatives_[bin];
  }
  const double positives = std::accumulate(positives_.begin(), positives_.end(), 0.0);
  const double pairs = positives * below;
  const double none = std::numeric_limits<double>::quiet_NaN();
  metrics.auc = pairs > 0 ? wins / pairs : none;
  metrics.auc_error_bound = pairs > 0 ? unknown / pairs : none;
  return metrics;
}

}  // namespace sda
