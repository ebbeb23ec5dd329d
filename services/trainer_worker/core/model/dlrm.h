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
#include "services/trainer_worker/core/model/cross_layer.h"
#include "services/trainer_worker/core/model/factorization.h"
#include "services/trainer_worker/core/model/feature_assembly.h"
#include "services/trainer_worker/core/model/model_spec.h"
#include "services/trainer_worker/core/model/tables.h"

namespace sda::trainer {

// One weight matrix or bias among the dense parameters.
struct DenseTensor {
  int64_t begin = 0;
  int64_t in = 0;  // 0 for a bias
  int64_t out = 0;

  bool bias() const { return in == 0; }
  int64_t size() const { return bias() ? out : in * out; }
};

// Sizes and places of everything in a model, computed once from spec and inputs. No weights. The spec has
// passed CheckSpec (architectures.h).
class DlrmLayout {
 public:
  DlrmLayout(const ModelSpec& spec, const InputShape& inputs);

  const ModelSpec& spec() const { return spec_; }
  const InputShape& inputs() const { return inputs_; }
  const std::vector<LinearLayer>& bottom() const { return bottom_; }
  const std::vector<LinearLayer>& top() const { return top_; }

  const std::vector<CrossLayer>& cross() const { return cross_; }
  const TablePlan& plan() const { return plan_; }
  const std::vector<Table>& tables() const { return plan_.tables; }
  const WidePart& wide() const { return wide_; }

  // Features that interact: the dense vector and one embedding a categorical column.
  int64_t features() const { return inputs_.tables() + 1; }
  int64_t dim() const { return spec_.embedding_dim; }
  // Floats of a sample's features; features() · dim() where all have the same width.
  int64_t feature_width() const { return plan_.feature_width; }
  // Floats of a sample's bags that are not features themselves; 0 for plain models.
  int64_t side_width() const { return plan_.side_width; }
  // Inputs of the top network.
  int64_t interaction_outputs() const;
  DotInteraction dot() const { return {features(), dim(), spec_.interaction == Interaction::kDotSelf}; }
  FactorizationTerm factorization() const;

  // Floats of the flat buffer that holds all weights and biases of the networks. Without dense columns the
  // bottom network is one layer without inputs, whose bias is the learned vector.
  int64_t dense_parameters() const { return dense_parameters_; }
  // Its weight matrices and biases, in order of place; between them there may be padding.
  const std::vector<DenseTensor>& tensors() const { return tensors_; }
  // Rows of all tables before table t.
  int64_t table_begin(int64_t table) const { return plan_.tables[table].row_begin; }
  int64_t embedding_rows() const { return plan_.rows; }
  // Floats of the buffer that holds all tables.
  int64_t embedding_floats() const { return plan_.floats; }

  // Floating-point operations of the matrix products and dot products of one sample, forward.
  int64_t forward_flops() const;
  // The same for forward and backward; the gradient by the dense inputs is not computed.
  int64_t training_flops() const;

 private:
  int64_t AddTensor(int64_t in, int64_t out);
  LinearLayer AddLayer(int64_t in, int64_t out, Activation activation);
  void AddCross();

  ModelSpec spec_;
  InputShape inputs_;
  TablePlan plan_;
  std::vector<LinearLayer> bottom_, top_;
  std::vector<CrossLayer> cross_;
  WidePart wide_;
  std::vector<DenseTensor> tensors_;
  int64_t dense_parameters_ = 0;
};

// The weights of a model, each kind in one flat buffer.
struct DlrmWeights {
  explicit DlrmWeights(const DlrmLayout& layout);

  // W ~ N(0, √(2/(in + out))), b ~ N(0, √(1/out)), tables U(±embedding_init_scale/√rows), of a quotient table
  // the rows it stands for; remainder tables that multiply begin in U(½, 1½), so that products have the
  // quotient's spread; the wide part begins at 0. The same seed gives the same weights; tables and layers
  // draw from streams of their own.
  void Initialize(const DlrmLayout& layout, uint64_t seed);

  float* row(const DlrmLayout& layout, int64_t table, int64_t id) {
    return embeddings.data() + layout.tables()[table].begin + id * layout.tables()[table].width;
  }
  const float* table(const DlrmLayout& layout, int64_t table) const {
    return embeddings.data() + layout.tables()[table].begin;
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

class PackedWeights;  // packed_weights.h

// Memory of one thread for a slice of a batch: activations, gradients of the dense parameters, and the
// products' primitives. Used by one thread at a time.
struct DlrmWorkspace {
  // For at most max_rows samples. Without `training`, only what Forward needs is allocated. Products are
  // computed at UsablePrecision(precision).
  DlrmWorkspace(const DlrmLayout& layout, int64_t max_rows, bool training,
                Precision precision = Precision::kFp32);

  // Bytes that the constructor allocates.
  static int64_t Bytes(const DlrmLayout& layout, int64_t max_rows, bool training);

  Precision precision;
  Gemm gemm;
  int64_t max_rows;
  FloatBuffer features;                   // T: [rows, feature_width]
  FloatBuffer side;                       // [rows, side_width]
  FloatBuffer interacted;                 // R: [rows, interaction_outputs]; unused for kCat, where R is T
  std::vector<FloatBuffer> cross;         // output of each cross layer
  std::vector<FloatBuffer> cross_z;       // z of each
  std::vector<FloatBuffer> cross_hidden;  // V x of each
  IdScratch ids;
  std::vector<FloatBuffer> bottom, top;  // activations of each layer but the bottom's last, which is in T
  FloatBuffer dense_gradients;           // layout of DlrmWeights::dense
  FloatBuffer delta, next_delta;         // gradients between layers
  FloatBuffer cross_delta, cross_hidden_delta;
  // The networks' weights as of this step, shared by threads; null: products pack them on their own.
  const PackedWeights* packed = nullptr;
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
// overwritten) and to the gradients by the tables' bags: rows [begin, end) of feature_gradients [batch,
// feature_width] and, where there are any, of side_gradients [batch, side_width]. The gradient by a bag of
// table t, already divided by the bag's size where that is how it is pooled, lies at tables()[t].offset.
void DlrmBackward(const DlrmLayout& layout, const DlrmWeights& weights, const Batch& batch, int64_t begin,
                  int64_t end, const DropoutStep& dropout, const float* dlogits, DlrmWorkspace& workspace,
                  float* feature_gradients, float* side_gradients = nullptr);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_DLRM_H_
