#include "services/optimizer/core/bayes/covariance.h"

#include <cmath>

namespace sda::optimizer::bayes {

Covariance::Covariance(const Layout& layout, Kernel kernel, Structure structure,
                       std::span<const double> log_length, double log_signal, double offset)
    : layout_(layout),
      kernel_(kernel),
      structure_(structure),
      signal_(std::exp(log_signal)),
      offset_(offset),
      weight_(layout.coordinates) {
  for (size_t c = 0; c < weight_.size(); ++c) weight_[c] = std::exp(-2 * log_length[layout.length_of[c]]);
}

PointSet Covariance::PartOf(const PointSet& set, size_t part) const {
  if (structure_ == Structure::kJoint) return set;
  return {set.points + part * set.ld, set.ld, set.n, 1, part < set.numeric ? size_t{1} : 0};
}

void Covariance::Row(const PointSet& set, const double* point, double* k, double* slopes) const {
  const double share = signal_ / static_cast<double>(parts());
  thread_local std::vector<double> row;
  row.resize(set.n);
  for (size_t part = 0; part < parts(); ++part) {
    const bool first = part == 0;
    KernelRow(kernel_, PartOf(set, part), point + part, weight_.data() + part, share, first ? offset_ : 0,
              first ? k : row.data(), slopes == nullptr ? nullptr : slopes + part * set.n);
    if (!first) AddScaled(1, row.data(), k, set.n);
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
