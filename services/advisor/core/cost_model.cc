#include "services/advisor/core/cost_model.h"

#include <numeric>

namespace sda::advisor {
namespace {

constexpr double kBytes = sizeof(float);

// Rates assumed where none were measured: a thread of a shared cloud machine.
constexpr double kAssumedGflops = 20;
constexpr double kAssumedGbPerSecond = 5;

// Share of the matrix-product rate that whole training steps reach on narrow MLPs: much of a step goes into
// interaction, activations and updates.
constexpr double kMatmulEfficiency = 0.3;

// Embedding rows are gathered and scattered, at random: a fraction of the streaming rate.
constexpr double kGatherEfficiency = 0.25;

// What a process with its libraries and buffers holds whatever the model.
constexpr double kProcessBytes = 256.0 * 1024 * 1024;

double LayerWeights(const std::vector<int64_t>& widths) {
  double weights = 0;
  for (size_t i = 1; i < widths.size(); ++i)
    weights += static_cast<double>(widths[i - 1]) * static_cast<double>(widths[i]);
  return weights;
}

double Sum(const std::vector<int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::vector<int64_t> BottomWidths(const ModelShape& shape) {
  // Without dense columns the bottom MLP is one learned vector.
  if (shape.dense_columns == 0) return {0, shape.embedding_dim};
  std::vector<int64_t> widths = {shape.dense_columns};
  widths.insert(widths.end(), shape.bottom_layers.begin(), shape.bottom_layers.end());
  widths.push_back(shape.embedding_dim);
  return widths;
}

std::vector<int64_t> TopWidths(const ModelShape& shape) {
  std::vector<int64_t> widths = {InteractionWidth(shape)};
  widths.insert(widths.end(), shape.top_layers.begin(), shape.top_layers.end());
  widths.push_back(1);
  return widths;
}

// One a table, and the bottom MLP's output.
int64_t Vectors(const ModelShape& shape) {
  return static_cast<int64_t>(shape.table_rows.size()) + 1;
}

}  // namespace

OptimizerState StateOf(const std::string& algorithm) {
  if (algorithm == "sgd") return {0, 0};
  if (algorithm == "adagrad") return {1, 0};
  if (algorithm == "rowwise_adagrad") return {0, 1};
  return {2, 0};
}

int64_t InteractionWidth(const ModelShape& shape) {
  const int64_t vectors = Vectors(shape);
  if (!shape.dot) return vectors * shape.embedding_dim;
  return shape.embedding_dim + vectors * (vectors - 1) / 2;
}

double DenseParameters(const ModelShape& shape) {
  const std::vector<int64_t> bottom = BottomWidths(shape), top = TopWidths(shape);
  const double biases =
      Sum(bottom) - static_cast<double>(bottom.front()) + Sum(top) - static_cast<double>(top.front());
  return LayerWeights(bottom) + LayerWeights(top) + biases;
}

double EmbeddingRows(const ModelShape& shape) {
  return Sum(shape.table_rows);
}

double EmbeddingParameters(const ModelShape& shape) {
  return EmbeddingRows(shape) * static_cast<double>(shape.embedding_dim);
}

double TrainingFlopsPerSample(const ModelShape& shape) {
  const double vectors = static_cast<double>(Vectors(shape));
  const double products =
      shape.dot ? vectors * (vectors - 1) / 2 * static_cast<double>(shape.embedding_dim) : 0;
  const double forward = 2 * (LayerWeights(BottomWidths(shape)) + LayerWeights(TopWidths(shape)) + products);
  return 3 * forward;
}

double TrainingMemoryBytes(const ModelShape& shape, const OptimizerState& dense, const OptimizerState& sparse,
                           int64_t batch_size) {
  const double mlp = DenseParameters(shape) * (4 + dense.per_weight);  // weights, gradients, best, checkpoint
  const double tables =
      EmbeddingParameters(shape) * (3 + sparse.per_weight) + EmbeddingRows(shape) * sparse.per_row;
  const double activations = static_cast<double>(batch_size) * 2 *
                             (Sum(BottomWidths(shape)) + Sum(TopWidths(shape)) +
                              static_cast<double>(Vectors(shape) * shape.embedding_dim));
  return kBytes * (mlp + tables + activations) + kProcessBytes;
}

double TrainingSeconds(const ModelShape& shape, double rows, const MachineRates& rates) {
  const double gflops = rates.matmul_gflops > 0 ? rates.matmul_gflops : kAssumedGflops;
  const double gb = rates.memory_gb_per_second > 0 ? rates.memory_gb_per_second : kAssumedGbPerSecond;
  // A row of each table is read forward, and read and written with its optimizer state backward.
  const double bytes =
      5 * kBytes * static_cast<double>(shape.table_rows.size()) * static_cast<double>(shape.embedding_dim);
  const double seconds = TrainingFlopsPerSample(shape) / (gflops * 1e9 * kMatmulEfficiency) +
                         bytes / (gb * 1e9 * kGatherEfficiency);
  return rows * seconds / static_cast<double>(rates.threads);
}

}  // namespace sda::advisor
