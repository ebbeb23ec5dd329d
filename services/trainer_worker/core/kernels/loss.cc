#include "services/trainer_worker/core/kernels/loss.h"

#include <cmath>

#include "common/numerics/classification_metrics.h"

namespace sda::trainer {

double Sigmoid(double logit) {
  return 1 / (1 + std::exp(-logit));
}

double LossForwardBackward(Loss loss, int64_t rows, const float* logits, const float* labels,
                           double positive_weight, double scale, float* dlogits, const float* weights) {
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const double logit = logits[row];
    const double label = labels[row];
    const double p = Sigmoid(logit);
    const double error = p - label;
    const double weight = (label > 0.5 ? positive_weight : 1) * (weights == nullptr ? 1 : weights[row]);
    if (loss == Loss::kBinaryCrossEntropy) {
      sum += weight * LogLossOfLogit(logit, label);
      dlogits[row] = static_cast<float>(scale * weight * error);
    } else {
      sum += weight * error * error;
      dlogits[row] = static_cast<float>(scale * weight * 2 * error * p * (1 - p));
    }
  }
  return sum;
}

}  // namespace sda::trainer
