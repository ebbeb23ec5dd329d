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

}  // namespace

double ExactAuc(std::span<const float> scores, std::span<const float> labels) {
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

ClassificationMetrics ComputeMetrics(std::span<const float> logits, std::span<const float> labels) {
  ClassificationMetrics metrics;
  metrics.rows = static_cast<int64_t>(labels.size());
  metrics.auc = ExactAuc(logits, labels);
  double loss = 0, probability = 0;
  int64_t correct = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool positive = labels[i] > 0.5f;
    metrics.positive_rows += positive;
    loss += LogLossOfLogit(logits[i], labels[i]);
    probability += 1 / (1 + std::exp(-static_cast<double>(logits[i])));
    correct += (logits[i] >= 0) == positive;
  }
  const double n = static_cast<double>(metrics.rows);
  const double rate = static_cast<double>(metrics.positive_rows) / n;
  const double entropy = -(rate * std::log(rate) + (1 - rate) * std::log1p(-rate));
  metrics.logloss = loss / n;
  metrics.normalized_entropy = rate > 0 && rate < 1 ? metrics.logloss / entropy : kNan;
  metrics.accuracy = static_cast<double>(correct) / n;
  metrics.calibration = rate > 0 ? probability / n / rate : kNan;
  return metrics;
}

}  // namespace sda
