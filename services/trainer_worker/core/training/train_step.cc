#include "services/trainer_worker/core/training/train_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "services/trainer_worker/core/kernels/elementwise.h"
#include "services/trainer_worker/core/optimizers/update_rules.h"

namespace sda::trainer {
namespace {

// The part of a tensor within [begin, end); from >= to where there is none.
std::pair<int64_t, int64_t> Intersection(const DenseTensor& tensor, int64_t begin, int64_t end) {
  return {std::max(begin, tensor.begin), std::min(end, tensor.begin + tensor.size())};
}

// Dense parameters that a thread updates at a time.
constexpr int64_t kChunkFloats = 16 << 10;
// Parts of a table's rows are cut so that each thread has so many units to take: few, as each part looks at
// all ids of the table; enough that threads end at about the same time.
constexpr int64_t kUnitsAThread = 4;

// Fewer threads pack weights on their own: what a thread packs it finds in its second-level cache.
constexpr int kLeastSharingThreads = 4;

// Rows whose memory is fetched before they are updated.
constexpr size_t kGroupsAhead = 8;

void PrefetchRow(const float* row, int64_t width) {
  constexpr int64_t kLineFloats = 16;
  for (int64_t i = 0; i < width; i += kLineFloats) __builtin_prefetch(row + i, /*rw=*/1);
}

// Adds the time of its life to a stage.
class StageTime {
 public:
  explicit StageTime(double& stage) : stage_(stage) {}
  ~StageTime() { stage_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  StageTime(const StageTime&) = delete;
  StageTime& operator=(const StageTime&) = delete;

 private:
  double& stage_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

int64_t WidestTable(const DlrmLayout& layout) {
  int64_t widest = 1;
  for (const Table& table : layout.tables()) widest = std::max(widest, table.width);
  return widest;
}

void Fill(FloatBuffer& buffer, const UpdateOptions& options) {
  const bool adagrad =
      options.algorithm == Algorithm::kAdagrad || options.algorithm == Algorithm::kRowwiseAdagrad;
  if (!adagrad || options.initial_accumulator == 0) return;
  for (float& value : buffer.span()) value = static_cast<float>(options.initial_accumulator);
}

}  // namespace

OptimizerState::OptimizerState(const DlrmLayout& layout, const OptimizerOptions& options)
    : dense(StateFloats(options.dense, layout.dense_parameters(), 0)),
      sparse(StateFloats(options.sparse, layout.embedding_floats(), layout.embedding_rows())) {
  Fill(dense, options.dense);
  Fill(sparse, options.sparse);
}

int64_t OptimizerState::Bytes(const DlrmLayout& layout, const OptimizerOptions& options) {
  return (StateFloats(options.dense, layout.dense_parameters(), 0) +
          StateFloats(options.sparse, layout.embedding_floats(), layout.embedding_rows())) *
         static_cast<int64_t>(sizeof(float));
}

TrainStep::TrainStep(const DlrmLayout& layout, DlrmWeights& weights, OptimizerState& state,
                     const OptimizerOptions& options, const GradientOptions& gradients, int64_t max_batch,
                     ThreadTeam& team, Precision precision)
    : layout_(layout),
      weights_(weights),
      state_(state),
      options_(options),
      gradient_options_(gradients),
      team_(team),
      ids_(team.size()),
      groups_(team.size()),
      losses_(team.size()),
      chunk_squares_(Chunks()),
      logits_(max_batch),
      dlogits_(max_batch),
      feature_gradients_(max_batch * layout.feature_width()),
      side_gradients_(max_batch * layout.side_width()) {
  const int64_t slice = max_batch / team.size() + 1;
  if (options.dense.algorithm == Algorithm::kLamb || options.dense.algorithm == Algorithm::kIntelLamb)
    lamb_sums_.assign(team.size(), std::vector<LambSums>(layout.tensors().size()));
  if (team.size() >= kLeastSharingThreads) packed_.emplace(layout, Gemm(precision));
  for (int part = 0; part < team.size(); ++part) {
    workspaces_.push_back(std::make_unique<DlrmWorkspace>(layout, slice, /*training=*/true, precision));
    if (packed_) workspaces_.back()->packed = &*packed_;
    row_gradients_.emplace_back(WidestTable(layout));
  }
}

int64_t TrainStep::Bytes(const DlrmLayout& layout, int64_t max_batch, int threads, Precision precision) {
  const int64_t per_row = layout.feature_width() + layout.side_width() + 2;
  return threads * DlrmWorkspace::Bytes(layout, max_batch / threads + 1, /*training=*/true) +
         (threads < kLeastSharingThreads ? 0 : PackedWeights::Bytes(layout, Gemm(precision))) +
         max_batch * per_row * static_cast<int64_t>(sizeof(float));
}

double TrainStep::Run(const Batch& batch, int64_t step, RateOfStep rate, const DropoutStep& dropout) {
  PackWeights();
  team_.Run([&](int part) { ForwardBackward(batch, dropout, part); });
  const bool lamb = !lamb_sums_.empty();
  const bool reduced = lamb || gradient_options_.gradient_clip > 0;
  float factor = 1;
  if (reduced) {
    team_.RunUnits(Chunks(), [&](int part, int64_t chunk) {
      const StageTime time(workspaces_[part]->seconds.update);
      ReduceDense(chunk);
    });
    factor = ClipFactor();
  }
  if (lamb) {
    if (factor != 1) {
      for (float& value : workspaces_[0]->dense_gradients.span()) value *= factor;
    }
    team_.Run([&](int part) { BeginLamb(step, rate, part); });
    team_.Run([&](int part) { FinishLamb(step, rate, part); });
  }
  const StepRule rule(options_.dense, step, rate);
  const int64_t chunks = lamb ? 0 : Chunks();
  team_.RunUnits(chunks + Shards(), [&](int part, int64_t unit) {
    const StageTime time(workspaces_[part]->seconds.update);
    // The largest units first, so that none is left over at the end.
    if (unit < Shards()) {
      UpdateShard(batch, step, rate, unit, part);
    } else {
      UpdateDense(rule, unit - Shards(), reduced, factor);
    }
  });
  double loss = 0;
  for (double part : losses_) loss += part;
  return loss / static_cast<double>(batch.rows);
}

void TrainStep::PackWeights() {
  if (!packed_ || packed_->units() == 0) return;
  team_.RunUnits(packed_->units(), [&](int part, int64_t unit) {
    packed_->Pack(workspaces_[part]->gemm, weights_.dense.data(), unit);
  });
}

void TrainStep::ForwardBackward(const Batch& batch, const DropoutStep& dropout, int part) {
  const auto [begin, end] = team_.Range(batch.rows, part);
  DlrmWorkspace& workspace = *workspaces_[part];
  losses_[part] = 0;
  if (begin == end) {
    for (float& value : workspace.dense_gradients.span()) value = 0;
    return;
  }
  DlrmForward(layout_, weights_, batch, begin, end, dropout, workspace, &logits_[begin]);
  const float* labels = batch.labels.data() + begin;
  losses_[part] =
      LossForwardBackward(layout_.spec().loss, end - begin, &logits_[begin], labels,
                          gradient_options_.positive_weight, 1.0 / static_cast<double>(batch.rows),
                          &dlogits_[begin], batch.weights.empty() ? nullptr : batch.weights.data() + begin);
  DlrmBackward(layout_, weights_, batch, begin, end, dropout, &dlogits_[begin], workspace,
               feature_gradients_.data(), side_gradients_.data());
}

int64_t TrainStep::Chunks() const {
  return (layout_.dense_parameters() + kChunkFloats - 1) / kChunkFloats;
}

std::pair<int64_t, int64_t> TrainStep::ChunkRange(int64_t chunk) const {
  const int64_t begin = chunk * kChunkFloats;
  return {begin, std::min(begin + kChunkFloats, layout_.dense_parameters())};
}

void TrainStep::ReduceDense(int64_t chunk) {
  const auto [begin, end] = ChunkRange(chunk);
  float* sum = workspaces_[0]->dense_gradients.data();
  for (int other = 1; other < team_.size(); ++other) {
    AddTo(end - begin, workspaces_[other]->dense_gradients.data() + begin, sum + begin);
  }
  if (gradient_options_.l2_dense != 0) {
    const auto l2 = static_cast<float>(gradient_options_.l2_dense);
    for (const DenseTensor& tensor : layout_.tensors()) {
      if (tensor.bias()) continue;
      const auto [from, to] = Intersection(tensor, begin, end);
      for (int64_t i = from; i < to; ++i) sum[i] += l2 * weights_.dense[i];
    }
  }
  if (gradient_options_.gradient_clip == 0) return;
  double squares = 0;
  for (int64_t i = begin; i < end; ++i) squares += static_cast<double>(sum[i]) * sum[i];
  chunk_squares_[chunk] = squares;
}

float TrainStep::ClipFactor() {
  if (gradient_options_.gradient_clip == 0) return 1;
  double squares = 0;
  for (double chunk : chunk_squares_) squares += chunk;
  const double norm = std::sqrt(squares);
  if (!(norm > gradient_options_.gradient_clip)) return 1;
  return static_cast<float>(gradient_options_.gradient_clip / norm);
}

void TrainStep::BeginLamb(int64_t step, RateOfStep rate, int part) {
  const int64_t size = layout_.dense_parameters();
  const auto [begin, end] = team_.Range(size, part);
  const StepRule rule(options_.dense, step, rate);
  float* m = state_.dense.data();
  for (size_t t = 0; t < layout_.tensors().size(); ++t) {
    const auto [from, to] = Intersection(layout_.tensors()[t], begin, end);
    lamb_sums_[part][t] = {};
    if (from >= to) continue;
    lamb_sums_[part][t] = LambBegin(rule, to - from, workspaces_[0]->dense_gradients.data() + from,
                                    weights_.dense.data() + from, m + from, m + size + from);
  }
}

void TrainStep::FinishLamb(int64_t step, RateOfStep rate, int part) {
  const int64_t size = layout_.dense_parameters();
  const auto [begin, end] = team_.Range(size, part);
  const StepRule rule(options_.dense, step, rate);
  float* m = state_.dense.data();
  for (size_t t = 0; t < layout_.tensors().size(); ++t) {
    const auto [from, to] = Intersection(layout_.tensors()[t], begin, end);
    if (from >= to) continue;
    LambSums sums;
    for (const auto& part_sums : lamb_sums_) {
      sums.weights += part_sums[t].weights;
      sums.updates += part_sums[t].updates;
    }
    LambFinish(rule, sums, to - from, weights_.dense.data() + from, m + from, m + size + from);
  }
}

void TrainStep::UpdateDense(const StepRule& rule, int64_t chunk, bool reduced, float factor) {
  if (!reduced) ReduceDense(chunk);
  const auto [begin, end] = ChunkRange(chunk);
  float* const gradients = workspaces_[0]->dense_gradients.data() + begin;
  if (factor != 1) {
    for (int64_t i = 0; i < end - begin; ++i) gradients[i] *= factor;
  }
  const int64_t states = StateOf(options_.dense).per_weight;
  float* const first = states > 0 ? state_.dense.data() + begin : nullptr;
  float* const second = states > 1 ? first + layout_.dense_parameters() : nullptr;
  ApplyRule(rule, end - begin, gradients, weights_.dense.data() + begin, first, second);
}

int64_t TrainStep::Shards() const {
  const auto tables = static_cast<int64_t>(layout_.tables().size());
  if (tables == 0 || team_.size() == 1) return tables;
  return tables * ((kUnitsAThread * team_.size() + tables - 1) / tables);
}

void TrainStep::UpdateShard(const Batch& batch, int64_t step, RateOfStep rate, int64_t unit, int part) {
  const auto tables = static_cast<int64_t>(layout_.tables().size());
  if (tables == 0) return;  // and no shard either
  const int64_t shards = std::max<int64_t>(Shards() / tables, 1);
  const Table& table = layout_.tables()[unit / shards];
  const StepRule rule(options_.sparse, step, rate);
  const TableIds rows = RowsOfSlice(table, batch.tables[table.column], 0, batch.rows, ids_[part]);
  if (PlainSparseSgd()) {
    EmbeddingBagSgd(weights_.embeddings.data() + table.begin, table.width, rows, batch.rows,
                    BagGradients(table), BagStride(table), rule.rate, unit % shards, shards);
    return;
  }
  groups_[part].Build(rows, batch.rows, unit % shards, shards);
  UpdateRows(table, rule, groups_[part], row_gradients_[part].data());
}

bool TrainStep::PlainSparseSgd() const {
  return options_.sparse.algorithm == Algorithm::kSgd && options_.sparse.momentum == 0 &&
         gradient_options_.l2_sparse == 0;
}

const float* TrainStep::BagGradients(const Table& table) const {
  return (table.side ? side_gradients_ : feature_gradients_).data() + table.offset;
}

int64_t TrainStep::BagStride(const Table& table) const {
  return table.side ? layout_.side_width() : layout_.feature_width();
}

void TrainStep::UpdateRows(const Table& table, const StepRule& rule, const RowGroups& groups,
                           float* gradient) {
  const int64_t width = table.width;
  const StateShape states = StateOf(options_.sparse);
  const auto l2 = static_cast<float>(gradient_options_.l2_sparse);
  float* const weights = weights_.embeddings.data() + table.begin;
  float* const row_states = states.per_row > 0 ? state_.sparse.data() + table.row_begin : nullptr;
  float* const firsts = states.per_weight > 0 ? state_.sparse.data() + table.begin : nullptr;
  float* const seconds = states.per_weight > 1 ? firsts + layout_.embedding_floats() : nullptr;
  for (size_t group = 0; group < groups.size(); ++group) {
    if (group + kGroupsAhead < groups.size()) {
      const int64_t ahead = groups.row(group + kGroupsAhead);
      PrefetchRow(weights + ahead * width, width);
      if (row_states != nullptr) PrefetchRow(row_states + ahead, 1);
      if (firsts != nullptr) PrefetchRow(firsts + ahead * width, width);
      if (seconds != nullptr) PrefetchRow(seconds + ahead * width, width);
    }
    SumSampleGradients(BagGradients(table), BagStride(table), width, groups.samples(group), gradient);
    const int64_t row = groups.row(group);
    if (l2 != 0) AddScaledTo(width, l2, weights + row * width, gradient);
    float* first = row_states != nullptr ? row_states + row : nullptr;
    if (firsts != nullptr) first = firsts + row * width;
    float* const second = seconds != nullptr ? seconds + row * width : nullptr;
    ApplyRule(rule, width, gradient, weights + row * width, first, second);
  }
}

StageSeconds TrainStep::seconds() const {
  StageSeconds mean;
  for (const auto& workspace : workspaces_) mean += workspace->seconds;
  const double share = 1.0 / static_cast<double>(workspaces_.size());
  for (double* stage :
       {&mean.embedding, &mean.bottom, &mean.interaction, &mean.top, &mean.backward, &mean.update}) {
    *stage *= share;
  }
  return mean;
}

}  // namespace sda::trainer
