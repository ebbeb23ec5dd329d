#ifndef SDA_COMMON_NUMERICS_BOUNDED_AUC_H_
#define SDA_COMMON_NUMERICS_BOUNDED_AUC_H_

#include <cstdint>
#include <vector>

#include "common/numerics/classification_metrics.h"

namespace sda {

// The metrics of any number of rows in memory that does not grow with them: sums, and for the AUC the weight
// of both classes in kBins bins of the logit. Rows of different bins are ordered exactly; of two rows in one
// bin it is not known which is above, so such a pair counts one half, which is wrong by at most one half. The
// error of the AUC is therefore at most
//   ½ · Σ_bins positives_b · negatives_b / (positives · negatives),
// computed from the rows themselves and reported as auc_error_bound. Bins are 2^-15 wide within
// (−16, 16), where nearly all logits lie, and one on either side of it. For logits whose density in either
// class is at most d a unit the bound is at most d · 2^-16: 10^-5 for d = 0.65.
//
// Not thread-safe; several of them may be filled and then merged. What comes out depends on the order of
// adding by rounding alone, and not at all where weights are 1.
class BoundedMetrics {
 public:
  static constexpr int64_t kBins = int64_t{1} << 20;
  static constexpr double kLargestLogit = 16;

  BoundedMetrics() : positives_(kBins + 2), negatives_(kBins + 2) {}

  // Bytes that one holds.
  static int64_t Bytes() { return 2 * (kBins + 2) * static_cast<int64_t>(sizeof(double)); }

  // A row; `logit` is finite, `weight` at least 0.
  void Add(float logit, float label, double weight = 1);
  void Merge(const BoundedMetrics& other);
  void Clear();

  ClassificationMetrics Finish() const;

 private:
  std::vector<double> positives_, negatives_;  // weight by bin
  MetricSums sums_;
};

}  // namespace sda

#endif  // SDA_COMMON_NUMERICS_BOUNDED_AUC_H_
