#ifndef SDA_COMMON_NUMERICS_CLASSIFICATION_METRICS_H_
#define SDA_COMMON_NUMERICS_CLASSIFICATION_METRICS_H_

#include <cstdint>
#include <span>

namespace sda {

// How well scores separate rows of two classes. `labels` are 0 or 1.
struct ClassificationMetrics {
  int64_t rows = 0;
  int64_t positive_rows = 0;

  // Probability that a random positive row scores higher than a random negative one, ties counting one half
  // (Mann-Whitney). Exact. NaN when a class is absent.
  double auc = 0;

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

// Area under the ROC curve; `scores` in any monotone unit, of the size of `labels`, no NaN. O(n log n).
double ExactAuc(std::span<const float> scores, std::span<const float> labels);

// All metrics from logits (before the sigmoid), of the size of `labels`, no NaN. All are NaN for no rows.
ClassificationMetrics ComputeMetrics(std::span<const float> logits, std::span<const float> labels);

// −ln p(label) for one row with logit z: max(z, 0) − z·label + ln(1 + e^−|z|).
double LogLossOfLogit(double logit, double label);

}  // namespace sda

#endif  // SDA_COMMON_NUMERICS_CLASSIFICATION_METRICS_H_
