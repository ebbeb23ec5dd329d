#include "common/numerics/grouped_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace sda {
namespace {

// One row, in the order of its group.
struct Ranked {
  int32_t group;
  float score;
  bool positive;
};

double Discount(int64_t rank) {
  return 1 / std::log2(1 + static_cast<double>(rank));
}

// Sums over the rows of one group, best score first.
struct GroupSums {
  double rows = 0, positives = 0;
  double pairs = 0;      // of a positive above a negative, ties one half
  double precision = 0;  // over the positives
  double gain = 0;

  // `tied` rows of one score, `hits` of them positive, after those so far.
  void Add(int64_t tied, int64_t hits) {
    const auto n = static_cast<double>(tied), h = static_cast<double>(hits);
    pairs += (n - h) * (positives + h / 2);
    for (int64_t place = 1; place <= tied && hits > 0; ++place) {
      const auto j = static_cast<double>(place);
      // A hit at this place has on average so many of the tie's other hits before it.
      const double before = tied > 1 ? (j - 1) * (h - 1) / (n - 1) : 0;
      precision += h / n * (positives + before + 1) / (rows + j);
      gain += h / n * Discount(static_cast<int64_t>(rows) + place);
    }
    rows += n;
    positives += h;
  }
};

}  // namespace

GroupedMetrics ComputeGroupedMetrics(std::span<const float> scores, std::span<const float> labels,
                                     std::span<const int32_t> groups) {
  std::vector<Ranked> rows(scores.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = {groups[i], scores[i], labels[i] > 0.5f};
  std::sort(rows.begin(), rows.end(), [](const Ranked& a, const Ranked& b) {
    return a.group != b.group ? a.group < b.group : a.score > b.score;
  });

  GroupedMetrics metrics;
  double auc_rows = 0, ranked_groups = 0;
  for (size_t begin = 0; begin < rows.size();) {
    GroupSums sums;
    const int32_t group = rows[begin].group;
    while (begin < rows.size() && rows[begin].group == group) {
      size_t end = begin;
      int64_t hits = 0;
      for (; end < rows.size() && rows[end].group == group && rows[end].score == rows[begin].score; ++end)
        hits += rows[end].positive ? 1 : 0;
      sums.Add(static_cast<int64_t>(end - begin), hits);
      begin = end;
    }
    ++metrics.groups;
    if (sums.positives == 0) continue;
    ranked_groups += 1;
    metrics.map += sums.precision / sums.positives;
    double best = 0;
    for (int64_t rank = 1; rank <= static_cast<int64_t>(sums.positives); ++rank) best += Discount(rank);
    metrics.ndcg += sums.gain / best;
    const double negatives = sums.rows - sums.positives;
    if (negatives == 0) continue;
    metrics.auc += sums.rows * sums.pairs / (sums.positives * negatives);
    auc_rows += sums.rows;
  }
  const double none = std::numeric_limits<double>::quiet_NaN();
  metrics.auc = auc_rows > 0 ? metrics.auc / auc_rows : none;
  metrics.map = ranked_groups > 0 ? metrics.map / ranked_groups : none;
  metrics.ndcg = ranked_groups > 0 ? metrics.ndcg / ranked_groups : none;
  return metrics;
}

}  // namespace sda
