#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_LOSS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_LOSS_H_

#include <cstdint>

namespace sda::trainer {

enum class Loss {
  kBinaryCrossEntropy,  // −t·ln p − (1 − t)·ln(1 − p) of p = sigmoid(logit), computed from the logit
  kMeanSquaredError,    // (p − t)² of p = sigmoid(logit), as the first published DLRM examples train
};

// Sum of the losses of `rows` samples, in double (callers divide by the batch), those of positive samples
// (label above 0.5) times positive_weight, and dlogits[s] = scale · ∂loss_s/∂logit_s (scale is 1/batch for a
// mean). With `weights` each sample's loss is also multiplied by its own. dlogits may be logits.
double LossForwardBackward(Loss loss, int64_t rows, const float* logits, const float* labels,
                           double positive_weight, double scale, float* dlogits,
                           const float* weights = nullptr);

// 1 / (1 + e^−logit).
double Sigmoid(double logit);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_LOSS_H_
