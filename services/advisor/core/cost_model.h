#ifndef SDA_SERVICES_ADVISOR_CORE_COST_MODEL_H_
#define SDA_SERVICES_ADVISOR_CORE_COST_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

namespace sda::advisor {

// What a configuration costs before it runs: parameters, floating-point operations, bytes. Counts are doubles
// where products of large tables could overflow integers.

// A DLRM as far as its cost goes.
struct ModelShape {
  int64_t dense_columns = 0;
  std::vector<int64_t> table_rows;  // one a categorical column
  int64_t embedding_dim = 16;
  std::vector<int64_t> bottom_layers;  // hidden; embedding_dim follows
  std::vector<int64_t> top_layers;     // hidden; 1 follows
  bool dot = true;                     // else the vectors stand side by side
};

// Values an optimizer keeps beside each weight.
struct OptimizerState {
  double per_weight = 0;
  double per_row = 0;  // of an embedding table
};

// "sgd", "adagrad", "rowwise_adagrad" or "adam".
OptimizerState StateOf(const std::string& algorithm);

// Values that enter the top MLP: the bottom MLP's output and the dot products of all pairs, or all vectors.
int64_t InteractionWidth(const ModelShape& shape);

// Weights and biases of both MLPs.
double DenseParameters(const ModelShape& shape);

double EmbeddingRows(const ModelShape& shape);
double EmbeddingParameters(const ModelShape& shape);

// Of one training step, by sample: forward, and twice that backward.
double TrainingFlopsPerSample(const ModelShape& shape);

// Bytes a trial holds while it trains: weights, gradients of the MLPs, optimizer state, the best weights so
// far, a checkpoint being written, activations of a batch, and what a process needs besides.
double TrainingMemoryBytes(const ModelShape& shape, const OptimizerState& dense, const OptimizerState& sparse,
                           int64_t batch_size);

// Training seconds of `rows` samples on `threads` threads. Where rates were not measured, those of a slow
// server.
struct MachineRates {
  double matmul_gflops = 0;         // one thread
  double memory_gb_per_second = 0;  // one thread
  int64_t threads = 1;
};
double TrainingSeconds(const ModelShape& shape, double rows, const MachineRates& rates);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_COST_MODEL_H_
