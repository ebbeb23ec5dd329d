#ifndef SDA_COMMON_NUMERICS_CLASSIFICATION_METRICS_H_
#define SDA_COMMON_NUMERICS_CLASSIFICATION_METRICS_H_

#include <cstdint>
#include <span>

namespace sda {

// How well scores separate rows of two classes. `labels` are 0 or 1. Where rows have weights, all means and
// the pairs of the AUC are weighted, as if a row stood there `weight` times; counts of rows are not.
struct ClassificationMetrics {
  int64_t rows = 0;
  int64_t positive_rows = 0;

  // Probability that a random positive row scores higher than a random negative one, ties counting one half
  // (Mann-Whitney). Exact. NaN when a class is absent.
  double auc = 0;
  // How far auc may be from the exact one (bounded_auc.h); 0: it is exact.
  double auc_error_bound = 0;

  // Mean of −ln p(label), natural logarithm. Computed from the logits, so it is finite for any finite logit.
  double logloss = 0;

  // logloss divided by the entropy of the positive rate of these rows (He et al., 2014): below 1 is better
  // than always predicting that rate. NaN when a class is absent.
  double normalized_entropy = 0;

  // Share of rows whose probability is on the label's side of 0.5 (exactly 0.5 predicts 1).
  double accuracy = 0;

  // Mean predicted probability divided by the positive rate; 1 is calibrated. NaN without positive rows.
  double calibration = 0;
};

// Area under the ROC curve; `scores` in any monotone unit, of the size of `labels`, no NaN. `weights` are of
// that size too, finite and at least 0, or empty for 1 everywhere. O(n log n).
double ExactAuc(std::span<const float> scores, std::span<const float> labels,
                std::span<const float> weights = {});

// What all metrics but the AUC are made of.
struct MetricSums {
  int64_t rows = 0;
  int64_t positive_rows = 0;
  double weight = 0;
  double positive_weight = 0;
  double loss = 0;
  double probability = 0;
  double correct = 0;

  void Add(double logit, double label, double row_weight);
  void Merge(const MetricSums& other);
  // With an AUC of NaN.
  ClassificationMetrics Finish() const;
};

// All metrics from logits (before the sigmoid), of the size of `labels`, no NaN; weights as for ExactAuc. All
// are NaN for no rows or none with a weight.
ClassificationMetrics ComputeMetrics(std::span<const float> logits, std::span<const float> labels,
                                     std::span<const float> weights = {});

// −ln p(label) for one row with logit z: max(z, 0) − z·label + ln(1 + e^−|z|).
double LogLossOfLogit(double logit, double label);

}  // namespace sda

#endif  // SDA_COMMON_NUMERICS_CLASSIFICATION_METRICS_H_
