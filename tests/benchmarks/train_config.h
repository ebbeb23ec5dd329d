#ifndef SDA_TESTS_BENCHMARKS_TRAIN_CONFIG_H_
#define SDA_TESTS_BENCHMARKS_TRAIN_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/model/model_spec.h"

namespace sda::bench {

// A model, the shape of its inputs and the batches it trains on.
struct TrainConfig {
  std::string name;
  trainer::ModelSpec model;
  trainer::InputShape inputs;
  int64_t batch = 0;
  int64_t lookups = 1;  // a table and sample; 1: no offsets
};

// "kaggle", "kaggle128", "mlperf_small", "sc20_small", or the path of a JSON file:
//   {"embedding_dim": 16, "dense_columns": 13, "bottom": [512, 256, 64], "top": [512, 256],
//    "tables": [1460, 583], "lookups": 1, "batch": 2048}
// with hidden layers only (those to embedding_dim and to the logit are implied). NOT_FOUND and
// INVALID_ARGUMENT say what is wrong.
absl::StatusOr<TrainConfig> FindTrainConfig(const std::string& name);

// Batches of random dense values, uniform ids and labels, in memory, as a data loader that costs nothing
// would give them.
class RandomBatches {
 public:
  RandomBatches(const TrainConfig& config, int count, uint64_t seed);

  const trainer::Batch& operator[](int64_t step) const { return batches_[step % batches_.size()]; }

 private:
  struct Memory {
    std::vector<float> dense, labels;
    std::vector<std::vector<int32_t>> ids;
  };
  std::vector<int32_t> offsets_;
  std::vector<Memory> memory_;
  std::vector<trainer::Batch> batches_;
};

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_TRAIN_CONFIG_H_
