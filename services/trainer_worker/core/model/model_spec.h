#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MODEL_SPEC_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MODEL_SPEC_H_

#include <cstdint>
#include <vector>

#include "services/trainer_worker/core/kernels/loss.h"

namespace sda::trainer {

enum class Interaction {
  kDot,      // pairwise dot products of different features
  kDotSelf,  // also of each feature with itself
  kCat,      // the features side by side
};

// Structure of a DLRM. A bottom network takes the dense columns to a vector of embedding_dim; it and one
// embedding a table interact; a top network takes the result to one logit. All hidden layers are ReLU, as is
// the last layer of the bottom network; the layer to the logit is linear.
//
// A dataset without dense columns keeps a learned vector in place of the bottom network's output, so that its
// dot products still give the top network one first-order term a table.
struct ModelSpec {
  int64_t embedding_dim = 16;
  std::vector<int64_t>
      bottom_layers;                // hidden sizes, input side first; the layer to embedding_dim is implied
  std::vector<int64_t> top_layers;  // hidden sizes, input side first; the layer to the logit is implied
  Interaction interaction = Interaction::kDot;
  double dropout = 0;  // probability of zeroing a hidden unit of the top network while training, in [0, 1)
  double embedding_init_scale = 1;  // tables begin uniform in ±scale/√rows; 1 is the published DLRM
  Loss loss = Loss::kBinaryCrossEntropy;

  bool operator==(const ModelSpec&) const = default;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MODEL_SPEC_H_
