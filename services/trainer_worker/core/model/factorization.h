#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_FACTORIZATION_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_FACTORIZATION_H_

#include <cstdint>

namespace sda::trainer {

// The second-order term of a factorization machine (Rendle 2010; the FM part of DeepFM, Guo et al. 2017): the
// sum of the dot products of all pairs of a sample's vectors,
//   ½ Σ_d ((Σ_i v_id)² − Σ_i v_id²).
// Sample s has its vectors [vectors, dim] at values + s·stride + begin.
struct FactorizationTerm {
  int64_t vectors = 0;
  int64_t dim = 0;
  int64_t stride = 0;
  int64_t begin = 0;
};

// Adds the term of each sample to its logit.
void FactorizationForward(const FactorizationTerm& term, int64_t rows, const float* values, float* logits);

// Adds dlogit · ∂term/∂v_id = dlogit · (Σ_j v_jd − v_id) to `gradients`, laid out as `values`.
void FactorizationBackward(const FactorizationTerm& term, int64_t rows, const float* values,
                           const float* dlogits, float* gradients);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_FACTORIZATION_H_
