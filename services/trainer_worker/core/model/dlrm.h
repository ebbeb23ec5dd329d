#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_DLRM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_DLRM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/kernels/interaction.h"
#include "services/trainer_worker/core/kernels/linear.h"
#include "services/trainer_worker/core/model/model_spec.h"

namespace sda::trainer {

// Sizes and places of everything in a DLRM, computed once from spec and inputs. No weights.
class DlrmLayout {
 public:
  DlrmLayout(const ModelSpec& spec, const InputShape& inputs);

  const ModelSpec& spec() const { return spec_; }
  const InputShape& inputs() const { return inputs_; }
  const std::vector<LinearLayer>& bottom() const { return bottom_; }
  const std::vector<LinearLayer>& top() const { return top_; }

  // Features that interact: the dense vector and one embedding a table.
  int64_t features() const { return inputs_.tables() + 1; }
  int64_t dim() const { return spec_.embedding_dim; }
  // Inputs of the top network.
  int64_t interaction_outputs() const;
  DotInteraction dot() const { return {features(), dim(), spec_.interaction == Interaction::kDotSelf}; }

  // Floats of the flat buffer that holds all weights and biases of both networks. Without dense columns the
  // bottom network is one layer without inputs, whose bias is the learned vector.
  int64_t dense_parameters() const { return dense_parameters_; }
  // Table t holds rows table_begin(t) .. table_begin(t + 1) of the buffer [embedding_rows(), dim()].
  int64_t table_begin(int64_t table) const { return table_begin_[table]; }
  int64_t embedding_rows() const { return table_begin_.back(); }

  // Floating-point operations of the matrix products and dot products of one sample, forward.
  int64_t forward_flops() const;
  // The same for forward and backward; the gradient by the dense inputs is not computed.
  int64_t training_flops() const;

 private:
  LinearLayer AddLayer(int64_t in, int64_t out, Activation activation);

  ModelSpec spec_;
  InputShape inputs_;
  std::vector<LinearLayer> bottom_, top_;
  std::vector<int64_t> table_begin_;
  int64_t dense_parameters_ = 0;
};

// The weights of a DLRM, each kind in one flat buffer.
struct DlrmWeights {
  explicit DlrmWeights(const DlrmLayout& layout);

  // W ~ N(0, √(2/(in + out))), b ~ N(0, √(1/out)), tables U(±embedding_init_scale/√rows). The same
  // seed gives the same weights; tables and layers draw from streams of their own.
  void Initialize(const DlrmLayout& layout, uint64_t seed);

  float* row(const DlrmLayout& layout, int64_t table, int64_t id) {
    return embeddings.data() + (layout.table_begin(table) + id) * layout.dim();
  }
  const float* table(const DlrmLayout& layout, int64_t table) const {
    return embeddings.data() + layout.table_begin(table) * layout.dim();
  }

  FloatBuffer dense;
  FloatBuffer embeddings;
};

// Seconds spent in each part by one thread.
struct StageSeconds {
  double embedding = 0, bottom = 0, interaction = 0, top = 0, backward = 0, update = 0;

  StageSeconds& operator+=(const StageSeconds& other);
  StageSeconds& operator-=(const StageSeconds& other);
};

// Memory of one thread for a slice of a batch: activations, gradients of the dense parameters, and the
// products' primitives. Used by one thread at a time.
struct DlrmWorkspace {
  // For at most max_rows samples. Without `training`, only what Forward needs is allocated.
  DlrmWorkspace(const DlrmLayout& layout, int64_t max_rows, bool training);

  // Bytes that the constructor allocates.
  static int64_t Bytes(const DlrmLayout& layout, int64_t max_rows, bool training);

  Gemm gemm;
  int64_t max_rows;
  FloatBuffer features;                  // T: [rows, features, dim]
  FloatBuffer interacted;                // R: [rows, interaction_outputs]; unused for kCat, where R is T
  std::vector<FloatBuffer> bottom, top;  // activations of each layer but the bottom's last, which is in T
  FloatBuffer dense_gradients;           // layout of DlrmWeights::dense
  FloatBuffer delta, next_delta;         // gradients between layers
  StageSeconds seconds;
};

// Dropout of one training step; with rate 0 nothing is dropped.
struct DropoutStep {
  double rate = 0;
  uint64_t seed = 0;
  uint64_t step = 0;
};

// logits[0 .. end − begin) of samples [begin, end) of the batch, end − begin <= workspace.max_rows. The batch
// has passed CheckBatch. Which units are dropped depends on seed, step and sample alone, not on the slice.
void DlrmForward(const DlrmLayout& layout, const DlrmWeights& weights, const Batch& batch, int64_t begin,
                 int64_t end, const DropoutStep& dropout, DlrmWorkspace& workspace, float* logits);

// After DlrmForward for the same slice: from dlogits to workspace.dense_gradients (sums over the slice,
// overwritten) and to feature_gradients, rows [begin, end) of [batch, features, dim], whose feature t + 1 is
// the gradient by the bag of table t.
void DlrmBackward(const DlrmLayout& layout, const DlrmWeights& weights, const Batch& batch, int64_t begin,
                  int64_t end, const DropoutStep& dropout, const float* dlogits, DlrmWorkspace& workspace,
                  float* feature_gradients);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_DLRM_H_
