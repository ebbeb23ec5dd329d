#include "services/trainer_worker/core/model/dlrm.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/model/packed_weights.h"

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
  int64_t widest = std::max(layout.feature_width(), layout.spec().cross_rank);
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

// The bags of one table, to the features or beside them.
void LookUp(const DlrmLayout& layout, const DlrmWeights& weights, const Table& table, const Batch& batch,
            int64_t begin, int64_t end, DlrmWorkspace& workspace) {
  float* out = (table.side ? workspace.side : workspace.features).data() + table.offset;
  const int64_t stride = table.side ? layout.side_width() : layout.feature_width();
  const TableIds& column = batch.tables[table.column];
  const float* values = weights.embeddings.data() + table.begin;
  if (table.map == IdMap::kSame) {
    EmbeddingBagForward(values, table.width, column, begin, end, out, stride);
  } else {
    EmbeddingBagForward(values, table.width, RowsOfSlice(table, column, begin, end, workspace.ids), 0,
                        end - begin, out, stride);
  }
  if (layout.spec().embedding.pooling == Pooling::kMean)
    ScaleToMean(column, begin, end, table.width, out, stride);
}

PackedLayer PackedBottom(const DlrmWorkspace& workspace, size_t layer) {
  return workspace.packed == nullptr ? PackedLayer{} : workspace.packed->bottom()[layer];
}

PackedLayer PackedTop(const DlrmWorkspace& workspace, size_t layer) {
  return workspace.packed == nullptr ? PackedLayer{} : workspace.packed->top()[layer];
}

CrossValues CrossValuesOf(DlrmWorkspace& workspace, size_t layer) {
  const float* x0 = workspace.features.data();
  return {.x0 = x0,
          .x = layer == 0 ? x0 : workspace.cross[layer - 1].data(),
          .hidden = workspace.cross_hidden[layer].data(),
          .z = workspace.cross_z[layer].data()};
}

}  // namespace

DlrmLayout::DlrmLayout(const ModelSpec& spec, const InputShape& inputs)
    : spec_(spec), inputs_(inputs), plan_(spec, inputs) {
  int64_t in = inputs_.dense_columns;
  if (spec_.dense_input == DenseInput::kBottom) {
    if (in > 0) {
      for (int64_t out : spec_.bottom_layers) {
        bottom_.push_back(AddLayer(in, out, Activation::kRelu));
        in = out;
      }
    }
    // The learned vector of a dataset without dense columns may be negative: nothing before it is worth a
    // ReLU.
    bottom_.push_back(AddLayer(in, dim(), in > 0 ? Activation::kRelu : Activation::kNone));
  }

  in = interaction_outputs();
  for (int64_t out : spec_.top_layers) {
    top_.push_back(AddLayer(in, out, Activation::kRelu));
    in = out;
  }
  top_.push_back(AddLayer(in, 1, Activation::kNone));

  AddCross();
  for (Feature& feature : plan_.features) {
    if (feature.kind == Feature::Kind::kProjected)
      feature.projection = AddTensor(plan_.tables[feature.table].width, feature.width);
  }
  if (spec_.wide) {
    wide_ = {.dense_columns = inputs_.dense_columns,
             .side_begin = side_width() - inputs_.tables(),
             .side_end = side_width(),
             .side_width = side_width()};
    if (wide_.dense_columns > 0) wide_.weights = AddTensor(wide_.dense_columns, 1);
    wide_.bias = AddTensor(0, 1);
  }
}

void DlrmLayout::AddCross() {
  const int64_t width = feature_width(), rank = spec_.cross_rank;
  for (int64_t i = 0; i < spec_.cross_layers; ++i) {
    CrossLayer layer{.width = width, .rank = rank};
    if (rank > 0) layer.inner = AddTensor(width, rank);
    layer.outer = AddTensor(rank > 0 ? rank : width, width);
    layer.bias = AddTensor(0, width);
    cross_.push_back(layer);
  }
}

int64_t DlrmLayout::AddTensor(int64_t in, int64_t out) {
  const DenseTensor tensor{.begin = dense_parameters_, .in = in, .out = out};
  tensors_.push_back(tensor);
  dense_parameters_ += RoundUp(tensor.size());
  return tensor.begin;
}

LinearLayer DlrmLayout::AddLayer(int64_t in, int64_t out, Activation activation) {
  LinearLayer layer{.in = in, .out = out, .weights = dense_parameters_, .bias = 0, .activation = activation};
  if (in > 0) AddTensor(in, out);
  layer.bias = AddTensor(0, out);
  return layer;
}

FactorizationTerm DlrmLayout::factorization() const {
  const bool dense = spec_.dense_input == DenseInput::kBottom;
  return {.vectors = inputs_.tables() + (dense ? 1 : 0),
          .dim = dim(),
          .stride = feature_width(),
          .begin = dense ? 0 : plan_.dense_width};
}

int64_t DlrmLayout::interaction_outputs() const {
  return spec_.interaction == Interaction::kCat ? feature_width() : dot().outputs();
}

int64_t DlrmLayout::forward_flops() const {
  int64_t products = 0;
  for (const auto* network : {&bottom_, &top_}) {
    for (const LinearLayer& layer : *network) products += layer.in * layer.out;
  }
  for (const CrossLayer& layer : cross_)
    products += layer.width * (layer.rank > 0 ? 2 * layer.rank : layer.width);
  for (const Feature& feature : plan_.features) {
    if (feature.kind == Feature::Kind::kProjected)
      products += feature.width * plan_.tables[feature.table].width;
  }
  return 2 * products + (spec_.interaction == Interaction::kCat ? 0 : 2 * dot().pairs() * dim());
}

int64_t DlrmLayout::training_flops() const {
  return 3 * forward_flops() - (bottom_.empty() ? 0 : 2 * bottom_.front().in * bottom_.front().out);
}

DlrmWeights::DlrmWeights(const DlrmLayout& layout)
    : dense(layout.dense_parameters()), embeddings(layout.embedding_floats()) {}

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
  const auto initialize = [&](int64_t begin, int64_t in, int64_t out) {
    Rng rng(HashOf(seed, {kLayerStream}), index++);
    const double deviation = std::sqrt(2.0 / static_cast<double>(in + out));
    for (int64_t i = 0; i < in * out; ++i) dense[begin + i] = static_cast<float>(rng.Normal() * deviation);
  };
  for (const CrossLayer& layer : layout.cross()) {
    if (layer.rank > 0) initialize(layer.inner, layer.width, layer.rank);
    initialize(layer.outer, layer.rank > 0 ? layer.rank : layer.width, layer.width);
  }
  for (const Feature& feature : layout.plan().features) {
    if (feature.kind == Feature::Kind::kProjected)
      initialize(feature.projection, layout.tables()[feature.table].width, feature.width);
  }
  uint64_t stream = 0;
  for (const Table& table : layout.tables()) {
    Rng rng(HashOf(seed, {kTableStream}), stream++);
    if (table.initial == Table::Begin::kZero) continue;
    const int64_t stands_for = table.map == IdMap::kQuotient ? table.rows * table.divisor : table.rows;
    double bound = layout.spec().embedding_init_scale / std::sqrt(static_cast<double>(stands_for));
    double middle = 0;
    if (table.initial == Table::Begin::kAroundOne) bound = 0.5, middle = 1;
    float* values = embeddings.data() + table.begin;
    for (int64_t i = 0; i < table.rows * table.width; ++i) {
      values[i] = static_cast<float>(middle + rng.Uniform(-bound, bound));
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

DlrmWorkspace::DlrmWorkspace(const DlrmLayout& layout, int64_t rows, bool training, Precision precision)
    : precision(precision),
      gemm(precision),
      max_rows(rows),
      features(rows * layout.feature_width()),
      side(rows * layout.side_width()) {
  if (layout.spec().interaction != Interaction::kCat)
    interacted = FloatBuffer(rows * layout.interaction_outputs());
  for (size_t i = 0; i + 1 < layout.bottom().size(); ++i) bottom.emplace_back(rows * layout.bottom()[i].out);
  for (size_t i = 0; i + 1 < layout.top().size(); ++i) top.emplace_back(rows * layout.top()[i].out);
  for (const CrossLayer& layer : layout.cross()) {
    cross.emplace_back(rows * layer.width);
    cross_z.emplace_back(rows * layer.width);
    cross_hidden.emplace_back(rows * layer.rank);
  }
  if (!training) return;
  if (!cross.empty()) {
    cross_delta = FloatBuffer(rows * layout.feature_width());
    cross_hidden_delta = FloatBuffer(rows * layout.spec().cross_rank);
  }
  dense_gradients = FloatBuffer(layout.dense_parameters());
  delta = FloatBuffer(rows * WidestLayer(layout));
  next_delta = FloatBuffer(rows * WidestLayer(layout));
}

int64_t DlrmWorkspace::Bytes(const DlrmLayout& layout, int64_t rows, bool training) {
  const int64_t rank = layout.spec().cross_rank;
  int64_t a_row = layout.feature_width() + layout.side_width() +
                  layout.spec().cross_layers * (2 * layout.feature_width() + rank);
  if (training && layout.spec().cross_layers > 0) a_row += layout.feature_width() + rank;
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
  const int64_t feature_stride = layout.feature_width();
  const int64_t dense_columns = layout.inputs().dense_columns;
  const float* parameters = weights.dense.data();
  StageClock clock;

  const float* const columns = batch.dense.data() + begin * dense_columns;
  const float* x = columns;
  int64_t x_stride = dense_columns;
  for (size_t i = 0; i < layout.bottom().size(); ++i) {
    const LinearLayer& layer = layout.bottom()[i];
    const bool last = i + 1 == layout.bottom().size();
    float* y = last ? workspace.features.data() : workspace.bottom[i].data();
    const int64_t y_stride = last ? feature_stride : layer.out;
    LinearForward(workspace.gemm, layer, parameters, rows, x, x_stride, y, y_stride,
                  PackedBottom(workspace, i));
    x = y;
    x_stride = y_stride;
  }
  clock.Add(workspace.seconds.bottom);

  if (layout.spec().dense_input == DenseInput::kDirect) {
    for (int64_t row = 0; row < rows; ++row) {
      std::copy_n(columns + row * dense_columns, dense_columns, &workspace.features[row * feature_stride]);
    }
  }
  for (const Table& table : layout.tables()) LookUp(layout, weights, table, batch, begin, end, workspace);
  if (layout.side_width() > 0) {
    AssembleFeatures(workspace.gemm, layout.plan(), parameters, rows, workspace.side.data(),
                     workspace.features.data());
  }
  clock.Add(workspace.seconds.embedding);

  x = workspace.features.data();
  if (layout.spec().interaction != Interaction::kCat) {
    DotInteractionForward(layout.dot(), rows, workspace.features.data(), workspace.interacted.data(),
                          workspace.precision);
    x = workspace.interacted.data();
  }
  for (size_t i = 0; i < layout.cross().size(); ++i) {
    CrossForward(workspace.gemm, layout.cross()[i], parameters, rows, CrossValuesOf(workspace, i),
                 workspace.cross[i].data());
    x = workspace.cross[i].data();
  }
  clock.Add(workspace.seconds.interaction);

  for (size_t i = 0; i < layout.top().size(); ++i) {
    const LinearLayer& layer = layout.top()[i];
    const bool last = i + 1 == layout.top().size();
    float* y = last ? logits : workspace.top[i].data();
    LinearForward(workspace.gemm, layer, parameters, rows, x, layer.in, y, layer.out,
                  PackedTop(workspace, i));
    if (!last && dropout.rate > 0) Drop(dropout, i, begin, rows, layer.out, y);
    x = y;
  }
  if (layout.spec().factorization)
    FactorizationForward(layout.factorization(), rows, workspace.features.data(), logits);
  if (layout.spec().wide)
    WideForward(layout.wide(), parameters, rows, columns, workspace.side.data(), logits);
  clock.Add(workspace.seconds.top);
}

void DlrmBackward(const DlrmLayout& layout, const DlrmWeights& weights, const Batch& batch, int64_t begin,
                  int64_t end, const DropoutStep& dropout, const float* dlogits, DlrmWorkspace& workspace,
                  float* feature_gradients, float* side_gradients) {
  const int64_t rows = end - begin;
  const int64_t feature_stride = layout.feature_width();
  const float* parameters = weights.dense.data();
  float* gradients = workspace.dense_gradients.data();
  const bool dot = layout.spec().interaction != Interaction::kCat;
  const bool cat = !dot && layout.cross().empty();
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
                     : dot ? workspace.interacted.data()
                           : workspace.cross.back().data();
    const float* y = last ? nullptr : workspace.top[i].data();
    const float scale = last ? 1.0f : static_cast<float>(1 / (1 - dropout.rate));
    float* out = i == 0 && cat ? dfeatures : dx;
    LinearBackward(workspace.gemm, layer, parameters, rows, x, layer.in, y, layer.out, dy, layer.out, scale,
                   gradients, out, layer.in, PackedTop(workspace, i));
    std::swap(dy, dx);
  }
  if (dot) {
    DotInteractionBackward(layout.dot(), rows, workspace.features.data(), dy, dfeatures, workspace.precision);
  }
  if (!layout.cross().empty()) {
    // Every layer adds its gradient by x0; the first one's input is x0 itself.
    std::fill_n(dfeatures, rows * feature_stride, 0.0f);
    for (size_t i = layout.cross().size(); i-- > 0;) {
      CrossBackward(workspace.gemm, layout.cross()[i], parameters, rows, CrossValuesOf(workspace, i), dy,
                    workspace.cross_delta.data(), workspace.cross_hidden_delta.data(), gradients, dx,
                    dfeatures);
      std::swap(dy, dx);
    }
    for (int64_t i = 0; i < rows * feature_stride; ++i) dfeatures[i] += dy[i];
  }
  if (layout.spec().factorization)
    FactorizationBackward(layout.factorization(), rows, workspace.features.data(), dlogits, dfeatures);
  float* dside = side_gradients == nullptr ? nullptr : side_gradients + begin * layout.side_width();
  if (layout.spec().wide) {
    WideBackward(layout.wide(), rows, batch.dense.data() + begin * layout.inputs().dense_columns, dlogits,
                 gradients, dside);
  }
  if (layout.side_width() > 0) {
    DisassembleFeatures(workspace.gemm, layout.plan(), parameters, rows, workspace.side.data(), dfeatures,
                        dside, gradients);
  }
  if (layout.spec().embedding.pooling == Pooling::kMean) {
    for (const Table& table : layout.tables()) {
      float* const gradient = table.side ? dside : dfeatures;
      if (gradient == nullptr) continue;  // without side gradients there is no table on that side
      ScaleToMean(batch.tables[table.column], begin, end, table.width, gradient + table.offset,
                  table.side ? layout.side_width() : feature_stride);
    }
  }

  // Feature 0 of dT is the gradient by the bottom network's output; it is masked in place.
  float* dlayer = dfeatures;
  int64_t dlayer_stride = feature_stride;
  for (size_t i = layout.bottom().size(); i-- > 0;) {
    const LinearLayer& layer = layout.bottom()[i];
    const bool last = i + 1 == layout.bottom().size();
    const float* x = i > 0 ? workspace.bottom[i - 1].data() : batch.dense.data() + begin * layer.in;
    const float* y = last ? workspace.features.data() : workspace.bottom[i].data();
    LinearBackward(workspace.gemm, layer, parameters, rows, x, layer.in, y, last ? feature_stride : layer.out,
                   dlayer, dlayer_stride, 1.0f, gradients, i > 0 ? dx : nullptr, layer.in,
                   PackedBottom(workspace, i));
    dlayer = dx;
    dlayer_stride = layer.in;
    std::swap(dy, dx);
  }
  clock.Add(workspace.seconds.backward);
}

}  // namespace sda::trainer
