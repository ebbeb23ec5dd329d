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

// What stands for the dense columns beside the embeddings.
enum class DenseInput {
  kBottom,  // the bottom network's output
  kDirect,  // the columns themselves
};

enum class Pooling { kSum, kMean };

// How the two rows of a value's quotient and remainder become its vector.
enum class QuotientOperation { kMultiply, kAdd, kConcatenate };

// How the rows of the categorical columns are stored.
struct EmbeddingSpec {
  // Width of each table, one a categorical column; empty: embedding_dim for all, or what mixed_temperature
  // says.
  std::vector<int64_t> widths = {};
  // Project vectors of other widths to embedding_dim. Dot products and the factorization term need vectors of
  // one width and always do so; others may take them as they are.
  bool project = false;
  // α of mixed dimensions (mixed_dimensions.h), in [0, 1]; 0: none. Excludes `widths`.
  double mixed_temperature = 0;
  bool mixed_power_of_two = false;
  // Tables of more rows are cut to this many, ids taken modulo it; 0: none.
  int64_t hash_rows = 0;
  // Values that share a row of the quotient table; 0: no tables are split. Excludes differing widths.
  int64_t quotient_collisions = 0;
  // Tables of at most so many rows stay whole and, of mixed dimensions, keep embedding_dim.
  int64_t compression_threshold = 200;
  QuotientOperation quotient_operation = QuotientOperation::kMultiply;
  Pooling pooling = Pooling::kSum;

  bool operator==(const EmbeddingSpec&) const = default;
};

// Structure of a model: which of the shared layers it has. Feature vectors are one for the dense columns and
// one embedding a categorical column. They meet in the interaction, or pass side by side through the cross
// layers; a top network takes the result to one logit, to which the wide part and the factorization term are
// added. All hidden layers are ReLU, as is the last layer of the bottom network; the layer to the logit is
// linear. The published models as such structures are in architectures.h.
//
// A dataset without dense columns keeps a learned vector in place of the bottom network's output, so that its
// dot products still give the top network one first-order term a table.
struct ModelSpec {
  int64_t embedding_dim = 16;
  // Hidden sizes, input side first; the layers to embedding_dim and to the logit are implied.
  std::vector<int64_t> bottom_layers = {};
  std::vector<int64_t> top_layers = {};
  Interaction interaction = Interaction::kDot;
  double dropout = 0;  // probability of zeroing a hidden unit of the top network while training, in [0, 1)
  double embedding_init_scale = 1;  // tables begin uniform in ±scale/√rows; 1 is the published DLRM
  Loss loss = Loss::kBinaryCrossEntropy;

  DenseInput dense_input = DenseInput::kBottom;  // kDirect only with kCat
  bool wide = false;           // adds a weight for each dense column and each categorical value
  bool factorization = false;  // adds ½ Σ_d ((Σ_i v_id)² − Σ_i v_id²) over the vectors of embedding_dim
  int64_t cross_layers = 0;    // cross layers before the top network; only with kCat
  int64_t cross_rank = 0;      // of their matrices; 0: full
  EmbeddingSpec embedding = {};

  bool operator==(const ModelSpec&) const = default;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_MODEL_SPEC_H_
