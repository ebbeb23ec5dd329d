#include "services/trainer_worker/core/model/factorization.h"

namespace sda::trainer {

void FactorizationForward(const FactorizationTerm& term, int64_t rows, const float* values, float* logits) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* v = values + row * term.stride + term.begin;
    float twice = 0;
    for (int64_t d = 0; d < term.dim; ++d) {
      float sum = 0, squares = 0;
      for (int64_t i = 0; i < term.vectors; ++i) {
        sum += v[i * term.dim + d];
        squares += v[i * term.dim + d] * v[i * term.dim + d];
      }
      twice += sum * sum - squares;
    }
    logits[row] += 0.5f * twice;
  }
}

void FactorizationBackward(const FactorizationTerm& term, int64_t rows, const float* values,
                           const float* dlogits, float* gradients) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* v = values + row * term.stride + term.begin;
    float* dv = gradients + row * term.stride + term.begin;
    for (int64_t d = 0; d < term.dim; ++d) {
      float sum = 0;
      for (int64_t i = 0; i < term.vectors; ++i) sum += v[i * term.dim + d];
      for (int64_t i = 0; i < term.vectors; ++i)
        dv[i * term.dim + d] += dlogits[row] * (sum - v[i * term.dim + d]);
    }
  }
}

}  // namespace sda::trainer
