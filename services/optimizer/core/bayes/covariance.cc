#include "services/optimizer/core/bayes/covariance.h"

#include <algorithm>
#include <cmath>

namespace sda::optimizer::bayes {
namespace {

// Of the distance in the exponent of a Matérn-5/2 kernel: √5/ℓ. Length scales are not below e^-4, so that
// exponentials of it times a coordinate of the unit cube are far from overflow.
double Scale(double weight) {
  return std::sqrt(5 * weight);
}

}  // namespace

Covariance::Covariance(const Layout& layout, Kernel kernel, Structure structure,
                       std::span<const double> log_length, double log_signal, double offset,
                       const PointSet& known)
    : layout_(layout),
      kernel_(kernel),
      structure_(structure),
      signal_(std::exp(log_signal)),
      offset_(offset),
      weight_(layout.coordinates),
      known_(known.n) {
  for (size_t c = 0; c < weight_.size(); ++c) weight_[c] = std::exp(-2 * log_length[layout.length_of[c]]);
  for (size_t c = 0; c < parts() && HasDecays(c); ++c) {
    for (size_t i = 0; i < known_; ++i) {
      rise_.push_back(std::exp(Scale(weight_[c]) * known.points[c * known.ld + i]));
      fall_.push_back(1 / rise_.back());
    }
  }
}

bool Covariance::HasDecays(size_t part) const {
  return structure_ == Structure::kAdditive && kernel_ == Kernel::kMatern52 && part < layout_.numeric;
}

PointSet Covariance::PartOf(const PointSet& set, size_t part) const {
  if (structure_ == Structure::kJoint) return set;
  return {set.points + part * set.ld, set.ld, set.n, 1, part < set.numeric ? size_t{1} : 0};
}

void Covariance::Row(const PointSet& set, const double* point, double* k, double* slopes) const {
  const double share = signal_ / static_cast<double>(parts());
  if (structure_ == Structure::kJoint) {
    KernelRow(kernel_, set, point, weight_.data(), share, offset_, k, slopes);
    return;
  }
  std::fill_n(k, set.n, offset_);
  thread_local std::vector<double> row;
  row.resize(set.n);
  for (size_t part = 0; part < parts(); ++part) {
    double* const slope = slopes == nullptr ? nullptr : slopes + part * set.n;
    if (HasDecays(part)) {
      const double scale = Scale(weight_[part]), rise = std::exp(scale * point[part]), fall = 1 / rise;
      const size_t first = part * known_;
      AddMaternRow({set.points + part * set.ld, rise_.data() + first, fall_.data() + first, set.n},
                   {point + part, &rise, &fall, 1}, scale, share, k, slope);
    } else {
      KernelRow(kernel_, PartOf(set, part), point + part, weight_.data() + part, share, 0, row.data(), slope);
      AddScaled(1, row.data(), k, set.n);
    }
  }
}

const std::vector<double>& Covariance::Sums(AddWeighted add, const PointSet& set, const double* point,
                                            const double* slopes, const double* factor) const {
  thread_local std::vector<double> weighted, sums;
  weighted.resize(set.n);
  sums.assign(layout_.coordinates, 0.0);
  for (size_t part = 0; part < parts(); ++part) {
    for (size_t i = 0; i < set.n; ++i) weighted[i] = factor[i] * slopes[part * set.n + i];
    add(PartOf(set, part), point + part, weighted.data(), sums.data() + part);
  }
  return sums;
}

void Covariance::AddByPoint(const PointSet& set, const double* point, const double* slopes,
                            const double* factor, double* out) const {
  const std::vector<double>& sums = Sums(AddWeightedDifferences, set, point, slopes, factor);
  for (size_t c = 0; c < layout_.numeric; ++c) out[c] += weight_[c] * sums[c];
}

void Covariance::AddByLength(const PointSet& set, const double* point, const double* slopes,
                             const double* factor, double* out) const {
  const std::vector<double>& sums = Sums(AddWeightedSquares, set, point, slopes, factor);
  for (size_t c = 0; c < layout_.coordinates; ++c) out[layout_.length_of[c]] += weight_[c] * sums[c];
}

}  // namespace sda::optimizer::bayes
