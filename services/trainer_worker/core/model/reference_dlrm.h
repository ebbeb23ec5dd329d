#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_REFERENCE_DLRM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_REFERENCE_DLRM_H_

#include <vector>

#include "services/trainer_worker/core/model/dlrm.h"

namespace sda::trainer {

// The model written down a second time, sample by sample in double, from its definition alone: what tests
// compare the fast path with and take finite differences of. In double the differences may be so small that
// no ReLU bends within.
struct ReferenceDlrm {
  ReferenceDlrm(const DlrmLayout& layout_in, const DlrmWeights& weights)
      : layout(layout_in),
        dense(weights.dense.span().begin(), weights.dense.span().end()),
        embeddings(weights.embeddings.span().begin(), weights.embeddings.span().end()) {}

  // Logit of one sample. `kept[layer][sample · units + unit]` multiplies hidden units of the top network;
  // empty: all 1.
  double Logit(const Batch& batch, int64_t sample) const;

  // A table's pooled rows, and a column's vector.
  std::vector<double> Bag(const Table& table, const Batch& batch, int64_t sample) const;
  std::vector<double> Vector(const Feature& feature, const Batch& batch, int64_t sample) const;

  // Sum of the losses of the batch.
  double Loss(const Batch& batch) const;

  const DlrmLayout& layout;
  std::vector<double> dense, embeddings;
  std::vector<std::vector<double>> kept;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_REFERENCE_DLRM_H_
