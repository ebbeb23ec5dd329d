#include "services/trainer_worker/core/model/dlrm.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "common/numerics/rng.h"

namespace sda::trainer {
namespace {

// Parameter arrays begin on cache lines.
int64_t RoundUp(int64_t floats) {
  return (floats + 15) / 16 * 16;
}

// Random streams of one seed.
enum Stream : uint64_t { kTableStream = 1, kLayerStream = 2, kDropoutStream = 3 };

// Adds the time since it was made, or since the last call, to a stage.
class StageClock {
 public:
  void Add(double& stage) {
    const auto now = std::chrono::steady_clock::now();
    stage += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

int64_t WidestLayer(const DlrmLayout& layout) {
  int64_t widest = layout.features() * layout.dim();
  for (const auto* network : {&layout.bottom(), &layout.top()}) {
    for (const LinearLayer& layer : *network) widest = std::max({widest, layer.in, layer.out});
  }
  return widest;
}

void Drop(const DropoutStep& dropout, uint64_t layer, int64_t begin, int64_t rows, int64_t units,
          float* activations) {
  const uint32_t threshold = static_cast<uint32_t>(dropout.rate * 4294967296.0);
  const float scale = static_cast<float>(1 / (1 - dropout.rate));
  for (int64_t row = 0; row < rows; ++row) {
    Rng rng(HashOf(dropout.seed, {kDropoutStream, dropout.step, layer}), static_cast<uint64_t>(begin + row));
    float* unit = activations + row * units;
    uint64_t word = 0;
    for (int64_t i = 0; i < units; ++i) {
      word = i % 2 == 0 ? rng.Next() : word >> 32;
      unit[i] = static_cast<uint32_t>(word) < threshold ? 0.0f : unit[i] * scale;
    }
  }
}

}  // namespace

DlrmLayout::DlrmLayout(const ModelSpec& spec, const InputShape& inputs) : spec_(spec), inputs_(inputs) {
  table_begin_.push_back(0);
  for (int64_t rows : inputs_.table_rows) table_begin_.push_back(table_begin_.back() + rows);

  int64_t in = inputs_.dense_columns;
  if (in > 0) {
    for (int64_t out : spec_.bottom_layers) {
      bottom_.push_back(AddLayer(in, out, Activation::kRelu));
      in = out;
    }
  }
  // The learned vector of a dataset without dense columns may be negative: nothing before it is worth a ReLU.
  bottom_.push_back(AddLayer(in, dim(), in > 0 ? Activation::kRelu : Activation::kNone));

  in = interaction_outputs();
  for (int64_t out : spec_.top_layers) {
    top_.push_back(AddLayer(in, out, Activation::kRelu));
    in = out;
  }
  top_.push_back(AddLayer(in, 1, Activation::kNone));
}

LinearLayer DlrmLayout::AddLayer(int64_t in, int64_t out, Activation activation) {
  LinearLayer layer{.in = in, .out = out, .weights = dense_parameters_, .bias = 0, .activation = activation};
  layer.bias = layer.weights + RoundUp(in * out);
  dense_parameters_ = layer.bias + RoundUp(out);
  return layer;
}

int64_t DlrmLayout::interaction_outputs() const {
  return spec_.interaction == Interaction::kCat ? features() * dim() : dot().outputs();
}

int64_t DlrmLayout::forward_flops() const {
  int64_t products = 0;
  for (const auto* network : {&bottom_, &top_}) {
    for (const LinearLayer& layer : *network) products += layer.in * layer.out;
  }
  return 2 * products + (spec_.interaction == Interaction::kCat ? 0 : 2 * dot().pairs() * dim());
}

int64_t DlrmLayout::training_flops() const {
  return 3 * forward_flops() - 2 * bottom_.front().in * bottom_.front().out;
}

DlrmWeights::DlrmWeights(const DlrmLayout& layout)
    : dense(layout.dense_parameters()), embeddings(layout.embedding_rows() * layout.dim()) {}

void DlrmWeights::Initialize(const DlrmLayout& layout, uint64_t seed) {
  uint64_t index = 0;
  for (const auto* network : {&layout.bottom(), &layout.top()}) {
    for (const LinearLayer& layer : *network) {
      Rng rng(HashOf(seed, {kLayerStream}), index++);
      const double weight_deviation = std::sqrt(2.0 / static_cast<double>(layer.in + layer.out));
      const double bias_deviation = std::sqrt(1.0 / static_cast<double>(layer.out));
      for (int64_t i = 0; i < layer.in * layer.out; ++i) {
        dense[layer.weights + i] = static_cast<float>(rng.Normal() * weight_deviation);
      }
      for (int64_t i = 0; i < layer.out; ++i)
        dense[layer.bias + i] = static_cast<float>(rng.Normal() * bias_deviation);
    }
  }
  for (int64_t table = 0; table < layout.inputs().tables(); ++table) {
    Rng rng(HashOf(seed, {kTableStream}), static_cast<uint64_t>(table));
    const int64_t rows = layout.inputs().table_rows[table];
    const double bound = layout.spec().embedding_init_scale / std::sqrt(static_cast<double>(rows));
    float* values = row(layout, table, 0);
    for (int64_t i = 0; i < rows * layout.dim(); ++i) {
      values[i] = static_cast<float>(rng.Uniform(-bound, bound));
    }
  }
}

StageSeconds& StageSeconds::operator+=(const StageSeconds& other) {
  embedding += other.embedding;
  bottom += other.bottom;
  interaction += other.interaction;
  top += other.top;
  backward += other.backward;
  update += other.update;
  return *this;
}

StageSeconds& StageSeconds::operator-=(const StageSeconds& other) {
  embedding -= other.embedding;
  bottom -= other.bottom;
  interaction -= other.interaction;
  top -= other.top;
  backward -= other.backward;
  update -= other.update;
  return *this;
}

DlrmWorkspace::DlrmWorkspace(const DlrmLayout& layout, int64_t rows, bool training)
    : max_rows(rows), features(rows * layout.features() * layout.dim()) {
  if (layout.spec().interaction != Interaction::kCat)
    interacted = FloatBuffer(rows * layout.interaction_outputs());
  for (size_t i = 0; i + 1 < layout.bottom().size(); ++i) bottom.emplace_back(rows * layout.bottom()[i].out);
  for (size_t i = 0; i + 1 < layout.top().size(); ++i) top.emplace_back(rows * layout.top()[i].out);
  if (!training) return;
  dense_gradients = FloatBuffer(layout.dense_parameters());
  delta = FloatBuffer(rows * WidestLayer(layout));
  next_delta = FloatBuffer(rows * WidestLayer(layout));
}

int64_t DlrmWorkspace::Bytes(const DlrmLayout& layout, int64_t rows, bool training) {
  int64_t a_row = layout.features() * layout.dim();
  if (layout.spec().interaction != Interaction::kCat) a_row += layout.interaction_outputs();
  for (size_t i = 0; i + 1 < layout.bottom().size(); ++i) a_row += layout.bottom()[i].out;
  for (size_t i = 0; i + 1 < layout.top().size(); ++i) a_row += layout.top()[i].out;
  if (training) a_row += 2 * WidestLayer(layout);
  const int64_t floats = rows * a_row + (training ? layout.dense_parameters() : 0);
  return floats * static_cast<int64_t>(sizeof(float));
}

void DlrmForward(const DlrmLayout& layout, const DlrmWeights& weights, const Batch& batch, int64_t begin,
                 int64_t end, const DropoutStep& dropout, DlrmWorkspace& workspace, float* logits) {
  const int64_t rows = end - begin;
  const int64_t feature_stride = layout.features() * layout.dim();
  const float* parameters = weights.dense.data();
  StageClock clock;

  const float* x = batch.dense.data() + begin * layout.inputs().dense_columns;
  int64_t x_stride = layout.inputs().dense_columns;
  for (size_t i = 0; i < layout.bottom().size(); ++i) {
    const LinearLayer& layer = layout.bottom()[i];
    const bool last = i + 1 == layout.bottom().size();
    float* y = last ? workspace.features.data() : workspace.bottom[i].data();
    const int64_t y_stride = last ? feature_stride : layer.out;
    LinearForward(workspace.gemm, layer, parameters, rows, x, x_stride, y, y_stride);
    x = y;
    x_stride = y_stride;
  }
  clock.Add(workspace.seconds.bottom);

  for (int64_t table = 0; table < layout.inputs().tables(); ++table) {
    EmbeddingBagForward(weights.table(layout, table), layout.dim(), batch.tables[table], begin, end,
                        workspace.features.data() + (table + 1) * layout.dim(), feature_stride);
  }
  clock.Add(workspace.seconds.embedding);

  x = workspace.features.data();
  if (layout.spec().interaction != Interaction::kCat) {
    DotInteractionForward(layout.dot(), rows, workspace.features.data(), workspace.interacted.data());
    x = workspace.interacted.data();
  }
  clock.Add(workspace.seconds.interaction);

  for (size_t i = 0; i < layout.top().size(); ++i) {
    const LinearLayer& layer = layout.top()[i];
    const bool last = i + 1 == layout.top().size();
    float* y = last ? logits : workspace.top[i].data();
    LinearForward(workspace.gemm, layer, parameters, rows, x, layer.in, y, layer.out);
    if (!last && dropout.rate > 0) Drop(dropout, i, begin, rows, layer.out, y);
    x = y;
  }
  clock.Add(workspace.seconds.top);
}

void DlrmBackward(const DlrmLayout& layout, const DlrmWeights& weights, const Batch& batch, int64_t begin,
                  int64_t end, const DropoutStep& dropout, const float* dlogits, DlrmWorkspace& workspace,
                  float* feature_gradients) {
  const int64_t rows = end - begin;
  const int64_t feature_stride = layout.features() * layout.dim();
  const float* parameters = weights.dense.data();
  float* gradients = workspace.dense_gradients.data();
  const bool cat = layout.spec().interaction == Interaction::kCat;
  float* dfeatures = feature_gradients + begin * feature_stride;
  StageClock clock;

  float* dy = workspace.delta.data();
  float* dx = workspace.next_delta.data();
  std::copy(dlogits, dlogits + rows, dy);
  for (size_t i = layout.top().size(); i-- > 0;) {
    const LinearLayer& layer = layout.top()[i];
    const bool last = i + 1 == layout.top().size();
    const float* x = i > 0 ? workspace.top[i - 1].data()
                     : cat ? workspace.features.data()
                           : workspace.interacted.data();
    const float* y = last ? nullptr : workspace.top[i].data();
    const float scale = last ? 1.0f : static_cast<float>(1 / (1 - dropout.rate));
    float* out = i == 0 && cat ? dfeatures : dx;
    LinearBackward(workspace.gemm, layer, parameters, rows, x, layer.in, y, layer.out, dy, layer.out, scale,
                   gradients, out, layer.in);
    std::swap(dy, dx);
  }
  if (!cat) DotInteractionBackward(layout.dot(), rows, workspace.features.data(), dy, dfeatures);

  // Feature 0 of dT is the gradient by the bottom network's output; it is masked in place.
  float* dlayer = dfeatures;
  int64_t dlayer_stride = feature_stride;
  for (size_t i = layout.bottom().size(); i-- > 0;) {
    const LinearLayer& layer = layout.bottom()[i];
    const bool last = i + 1 == layout.bottom().size();
    const float* x = i > 0 ? workspace.bottom[i - 1].data() : batch.dense.data() + begin * layer.in;
    const float* y = last ? workspace.features.data() : workspace.bottom[i].data();
    LinearBackward(workspace.gemm, layer, parameters, rows, x, layer.in, y, last ? feature_stride : layer.out,
                   dlayer, dlayer_stride, 1.0f, gradients, i > 0 ? dx : nullptr, layer.in);
    dlayer = dx;
    dlayer_stride = layer.in;
    std::swap(dy, dx);
  }
  clock.Add(workspace.seconds.backward);
}

}  // namespace sda::trainer
