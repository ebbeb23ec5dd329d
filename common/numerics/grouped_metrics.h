#ifndef SDA_COMMON_NUMERICS_GROUPED_METRICS_H_
#define SDA_COMMON_NUMERICS_GROUPED_METRICS_H_

#include <cstdint>
#include <span>

namespace sda {

// How well scores rank the rows within groups, such as the candidates shown to one user. Rows of equal score
// count as the mean over all their orders (McSherry and Najork 2008), so that nothing depends on the order of
// rows.
struct GroupedMetrics {
  int64_t groups = 0;  // all of them

  // Mean AUC of the groups with rows of both classes, weighted by their rows (Zhou et al. 2018). NaN without
  // any.
  double auc = 0;

  // Mean average precision of the groups with a positive row: of each, the mean over its positive rows of the
  // share of positives at or above the row. NaN without any.
  double map = 0;

  // Mean NDCG of the groups with a positive row: Σ 1/log2(1 + rank) over the positive rows, divided by what
  // the best order would give. NaN without any.
  double ndcg = 0;
};

// `scores` in any monotone unit, no NaN; `labels` 0 or 1; `groups` any numbers. All of one size. O(n log n).
GroupedMetrics ComputeGroupedMetrics(std::span<const float> scores, std::span<const float> labels,
                                     std::span<const int32_t> groups);

}  // namespace sda

#endif  // SDA_COMMON_NUMERICS_GROUPED_METRICS_H_
