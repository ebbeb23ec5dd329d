#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_FEATURE_ASSEMBLY_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_FEATURE_ASSEMBLY_H_

#include <cstdint>

#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/model/tables.h"

namespace sda::trainer {

// Makes the vectors of compressed columns: from the bags in the side buffer `side` [rows, plan.side_width] to
// their places in `features` [rows, plan.feature_width]. Stored ones are there already.
void AssembleFeatures(Gemm& gemm, const TablePlan& plan, const float* parameters, int64_t rows,
                      const float* side, float* features);

// The way back: from the gradients by the features to those by the bags (dside, those of assembled columns
// overwritten) and by the projections (overwritten in `gradients`).
void DisassembleFeatures(Gemm& gemm, const TablePlan& plan, const float* parameters, int64_t rows,
                         const float* side, const float* dfeatures, float* dside, float* gradients);

// The wide part: logit += w · dense + b + Σ of the side buffer's slots of the wide tables. Parameters: w
// [dense_columns], then b.
struct WidePart {
  int64_t dense_columns = 0;
  int64_t weights = 0;     // offset in the dense parameters
  int64_t bias = 0;        // likewise
  int64_t side_begin = 0;  // first slot of the wide tables
  int64_t side_end = 0;
  int64_t side_width = 0;  // stride of the side buffer
};

// `side` may be null where the part has no tables.
void WideForward(const WidePart& wide, const float* parameters, int64_t rows, const float* dense,
                 const float* side, float* logits);

// Gradients of the parameters (overwritten) and of the slots (overwritten).
void WideBackward(const WidePart& wide, int64_t rows, const float* dense, const float* dlogits,
                  float* gradients, float* dside);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_FEATURE_ASSEMBLY_H_
