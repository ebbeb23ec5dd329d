#include "common/numerics/classification_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace sda {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double WeightedAuc(std::span<const float> scores, std::span<const float> labels,
                   std::span<const float> weights) {
  struct Row {
    float score;
    bool positive;
    double weight;
  };
  std::vector<Row> rows;
  rows.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) rows.push_back({scores[i], labels[i] > 0.5f, weights[i]});
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.score < b.score; });
  double wins = 0, below = 0, positives = 0;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    double tied_positives = 0, tied_negatives = 0;
    for (; end < rows.size() && rows[end].score == rows[begin].score; ++end)
      (rows[end].positive ? tied_positives : tied_negatives) += rows[end].weight;
    wins += tied_positives * (below + tied_negatives / 2);
    below += tied_negatives;
    positives += tied_positives;
    begin = end;
  }
  return positives > 0 && below > 0 ? wins / positives / below : kNan;
}

}  // namespace

double ExactAuc(std::span<const float> scores, std::span<const float> labels,
                std::span<const float> weights) {
  if (!weights.empty()) return WeightedAuc(scores, labels, weights);
  std::vector<std::pair<float, bool>> rows;
  rows.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) rows.emplace_back(scores[i], labels[i] > 0.5f);
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

  // Twice the number of ordered pairs, so that ties stay integers: exact up to 2^53 rows squared in double.
  double doubled_wins = 0;
  int64_t negatives_below = 0;
  int64_t positives = 0;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    int64_t tied_positives = 0;
    while (end < rows.size() && rows[end].first == rows[begin].first) tied_positives += rows[end++].second;
    const int64_t tied_negatives = static_cast<int64_t>(end - begin) - tied_positives;
    doubled_wins +=
        static_cast<double>(tied_positives) * static_cast<double>(2 * negatives_below + tied_negatives);
    negatives_below += tied_negatives;
    positives += tied_positives;
    begin = end;
  }
  if (positives == 0 || negatives_below == 0) return kNan;
  return doubled_wins / 2 / static_cast<double>(positives) / static_cast<double>(negatives_below);
}

double LogLossOfLogit(double logit, double label) {
  return std::max(logit, 0.0) - logit * label + std::log1p(std::exp(-std::abs(logit)));
}

void MetricSums::Add(double logit, double label, double row_weight) {
  const bool positive = label > 0.5;
  ++rows;
  positive_rows += positive;
  weight += row_weight;
  positive_weight += positive ? row_weight : 0;
  loss += row_weight * LogLossOfLogit(logit, label);
  probability += row_weight / (1 + std::exp(-logit));
  correct += (logit >= 0) == positive ? row_weight : 0;
}

void MetricSums::Merge(const MetricSums& other) {
  rows += other.rows;
  positive_rows += other.positive_rows;
  weight += other.weight;
  positive_weight += other.positive_weight;
  loss += other.loss;
  probability += other.probability;
  correct += other.correct;
}

ClassificationMetrics MetricSums::Finish() const {
  ClassificationMetrics metrics;
  metrics.rows = rows;
  metrics.positive_rows = positive_rows;
  metrics.auc = kNan;
  const double rate = positive_weight / weight;
  const double entropy = -(rate * std::log(rate) + (1 - rate) * std::log1p(-rate));
  metrics.logloss = loss / weight;
  metrics.normalized_entropy = rate > 0 && rate < 1 ? metrics.logloss / entropy : kNan;
  metrics.accuracy = correct / weight;
  metrics.calibration = rate > 0 ? probability / weight / rate : kNan;
  return metrics;
}

ClassificationMetrics ComputeMetrics(std::span<const float> logits, std::span<const float> labels,
                                     std::span<const float> weights) {
  MetricSums sums;
  for (size_t i = 0; i < labels.size(); ++i)
    sums.Add(logits[i], labels[i], weights.empty() ? 1.0 : weights[i]);
  ClassificationMetrics metrics = sums.Finish();
  metrics.auc = ExactAuc(logits, labels, weights);
  return metrics;
}

}  // namespace sda
