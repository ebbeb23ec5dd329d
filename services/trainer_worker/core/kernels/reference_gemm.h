#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_REFERENCE_GEMM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_REFERENCE_GEMM_H_

#include "services/trainer_worker/core/kernels/gemm.h"

namespace sda::trainer {

// The product as three plain loops with the sum in double: oracle of the tests and fallback of Gemm.
void ReferenceMultiply(const Product& product);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_REFERENCE_GEMM_H_
