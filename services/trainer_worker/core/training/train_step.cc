#include "services/trainer_worker/core/training/train_step.h"

#include <chrono>
#include <cmath>

#include "services/trainer_worker/core/optimizers/update_rules.h"

namespace sda::trainer {
namespace {

int64_t EmbeddingFloats(const DlrmLayout& layout) {
  return layout.embedding_rows() * layout.dim();
}

void Fill(FloatBuffer& buffer, const UpdateOptions& options) {
  if (options.algorithm == Algorithm::kAdam || options.initial_accumulator == 0) return;
  for (float& value : buffer.span()) value = static_cast<float>(options.initial_accumulator);
}

}  // namespace

OptimizerState::OptimizerState(const DlrmLayout& layout, const OptimizerOptions& options)
    : dense(StateFloats(options.dense.algorithm, layout.dense_parameters(), 1)),
      sparse(StateFloats(options.sparse.algorithm, EmbeddingFloats(layout), layout.dim())) {
  Fill(dense, options.dense);
  Fill(sparse, options.sparse);
}

int64_t OptimizerState::Bytes(const DlrmLayout& layout, const OptimizerOptions& options) {
  return (StateFloats(options.dense.algorithm, layout.dense_parameters(), 1) +
          StateFloats(options.sparse.algorithm, EmbeddingFloats(layout), layout.dim())) *
         static_cast<int64_t>(sizeof(float));
}

TrainStep::TrainStep(const DlrmLayout& layout, DlrmWeights& weights, OptimizerState& state,
                     const OptimizerOptions& options, const GradientOptions& gradients, int64_t max_batch,
                     ThreadTeam& team)
    : layout_(layout),
      weights_(weights),
      state_(state),
      options_(options),
      gradient_options_(gradients),
      team_(team),
      groups_(team.size()),
      losses_(team.size()),
      logits_(max_batch),
      dlogits_(max_batch),
      feature_gradients_(max_batch * layout.features() * layout.dim()) {
  const int64_t slice = max_batch / team.size() + 1;
  for (int part = 0; part < team.size(); ++part) {
    workspaces_.push_back(std::make_unique<DlrmWorkspace>(layout, slice, /*training=*/true));
    row_gradients_.emplace_back(layout.dim());
  }
}

int64_t TrainStep::Bytes(const DlrmLayout& layout, int64_t max_batch, int threads) {
  const int64_t per_row = layout.features() * layout.dim() + 2;
  return threads * DlrmWorkspace::Bytes(layout, max_batch / threads + 1, /*training=*/true) +
         max_batch * per_row * static_cast<int64_t>(sizeof(float));
}

double TrainStep::Run(const Batch& batch, int64_t step, double factor, const DropoutStep& dropout) {
  team_.Run([&](int part) { ForwardBackward(batch, dropout, part); });
  team_.Run([&](int part) { ReduceDense(part); });
  if (gradient_options_.gradient_clip > 0) ClipDense();
  team_.Run([&](int part) { UpdateDense(batch, step, factor, part); });
  double loss = 0;
  for (double part : losses_) loss += part;
  return loss / static_cast<double>(batch.rows);
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
  losses_[part] = LossForwardBackward(layout_.spec().loss, end - begin, &logits_[begin], labels,
                                      gradient_options_.positive_weight,
                                      1.0 / static_cast<double>(batch.rows), &dlogits_[begin]);
  DlrmBackward(layout_, weights_, batch, begin, end, dropout, &dlogits_[begin], workspace,
               feature_gradients_.data());
}

void TrainStep::ReduceDense(int part) {
  const auto [begin, end] = team_.Range(layout_.dense_parameters(), part);
  float* sum = workspaces_[0]->dense_gradients.data();
  for (int other = 1; other < team_.size(); ++other) {
    const float* gradients = workspaces_[other]->dense_gradients.data();
    for (int64_t i = begin; i < end; ++i) sum[i] += gradients[i];
  }
  if (gradient_options_.l2_dense == 0) return;
  const auto l2 = static_cast<float>(gradient_options_.l2_dense);
  for (const auto* network : {&layout_.bottom(), &layout_.top()}) {
    for (const LinearLayer& layer : *network) {
      const int64_t from = std::max(begin, layer.weights);
      const int64_t to = std::min(end, layer.weights + layer.in * layer.out);
      for (int64_t i = from; i < to; ++i) sum[i] += l2 * weights_.dense[i];
    }
  }
}

void TrainStep::ClipDense() {
  double squares = 0;
  std::span<float> gradients = workspaces_[0]->dense_gradients.span();
  for (float value : gradients) squares += static_cast<double>(value) * value;
  const double norm = std::sqrt(squares);
  if (!(norm > gradient_options_.gradient_clip)) return;
  const auto scale = static_cast<float>(gradient_options_.gradient_clip / norm);
  for (float& value : gradients) value *= scale;
}

void TrainStep::UpdateDense(const Batch& batch, int64_t step, double factor, int part) {
  const auto clock_begin = std::chrono::steady_clock::now();
  const int64_t size = layout_.dense_parameters();
  const auto [begin, end] = team_.Range(size, part);
  float* first = state_.dense.size() > 0 ? state_.dense.data() + begin : nullptr;
  float* second = options_.dense.algorithm == Algorithm::kAdam ? state_.dense.data() + size + begin : nullptr;
  ApplyRule(StepRule(options_.dense, step, factor), end - begin,
            workspaces_[0]->dense_gradients.data() + begin, weights_.dense.data() + begin, first, second);
  for (int64_t table = part; table < layout_.inputs().tables(); table += team_.size()) {
    UpdateTable(batch, table, step, factor, part);
  }
  workspaces_[part]->seconds.update +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - clock_begin).count();
}

void TrainStep::UpdateTable(const Batch& batch, int64_t table, int64_t step, double factor, int part) {
  const int64_t dim = layout_.dim();
  const StepRule rule(options_.sparse, step, factor);
  const auto l2 = static_cast<float>(gradient_options_.l2_sparse);
  RowGroups& groups = groups_[part];
  float* gradient = row_gradients_[part].data();
  groups.Build(batch.tables[table], batch.rows);
  for (size_t group = 0; group < groups.size(); ++group) {
    SumSampleGradients(feature_gradients_.data() + (table + 1) * dim, layout_.features() * dim, dim,
                       groups.samples(group), gradient);
    const int64_t row = layout_.table_begin(table) + groups.row(group);
    float* weights = weights_.embeddings.data() + row * dim;
    if (l2 != 0) {
      for (int64_t i = 0; i < dim; ++i) gradient[i] += l2 * weights[i];
    }
    float* first = nullptr;
    float* second = nullptr;
    if (options_.sparse.algorithm == Algorithm::kRowwiseAdagrad) {
      first = state_.sparse.data() + row;
    } else if (options_.sparse.algorithm != Algorithm::kSgd) {
      first = state_.sparse.data() + row * dim;
      if (options_.sparse.algorithm == Algorithm::kAdam) second = first + EmbeddingFloats(layout_);
    }
    ApplyRule(rule, dim, gradient, weights, first, second);
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
