#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_INTERACTION_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_INTERACTION_H_

#include <cstdint>

#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// The dot interaction of DLRM. A sample's features are the rows of T [features, dim]: the bottom network's
// output x first, then one embedding a table. The result is R = [x, Z], Z the dot products of pairs of rows
// in the order (1,0) (2,0) (2,1) (3,0) …, or (0,0) (1,0) (1,1) (2,0) … when each row also meets itself.
struct DotInteraction {
  int64_t features = 0;  // at least 1
  int64_t dim = 0;
  bool self = false;

  int64_t pairs() const { return features * (features + (self ? 1 : -1)) / 2; }
  int64_t outputs() const { return dim + pairs(); }
};

// t [rows, features, dim] contiguous; r [rows, outputs()] contiguous, overwritten. No overlap. kBf16 rounds
// the factors of dot products of more than kFewTerms terms, and of these gradients, where the CPU has AMX: a
// sample's products are too small for it to gain anything otherwise.
void DotInteractionForward(const DotInteraction& shape, int64_t rows, const float* t, float* r,
                           Precision precision = Precision::kFp32);

// dt [rows, features, dim] (overwritten) from dr [rows, outputs()]:
//   dT_i = Σ_j (dZ_ij + dZ_ji) T_j, plus dr's first dim values for T_0.
void DotInteractionBackward(const DotInteraction& shape, int64_t rows, const float* t, const float* dr,
                            float* dt, Precision precision = Precision::kFp32);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_INTERACTION_H_
