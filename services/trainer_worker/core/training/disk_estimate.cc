#include "services/trainer_worker/core/training/disk_estimate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/training/checkpoint.h"

namespace sda::trainer {
namespace {

// Headers, model.json, dataset.json and the graph of model.onnx.
constexpr int64_t kSmallFilesBytes = int64_t{4} << 20;

int64_t VocabularyBytes(const TrainingJob& job) {
  int64_t bytes = 0;
  for (const ManifestColumn& column : job.manifest.columns) {
    if (column.role != ColumnRole::kCategorical) continue;
    std::error_code error;
    const auto size =
        std::filesystem::file_size(std::filesystem::path(job.dataset_folder) / column.vocabulary_path, error);
    if (!error) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

// Written over the whole training, at most; the last evaluation writes none.
int64_t Checkpoints(const TrainingOptions& options) {
  if (options.checkpoint_interval == 0) return 0;
  const double evaluations = std::ceil(options.epochs * options.evaluations_per_epoch);
  return std::max<int64_t>(0, static_cast<int64_t>(evaluations) - 1) / options.checkpoint_interval;
}

}  // namespace

int64_t EstimateDiskBytes(const TrainingJob& job) {
  const DlrmLayout layout(job.model, ShapeOf(job.manifest));
  const int64_t weights =
      (layout.dense_parameters() + layout.embedding_floats()) * static_cast<int64_t>(sizeof(float));
  const int64_t checkpoint =
      weights * (job.options.keep == Keep::kBest ? 2 : 1) + OptimizerState::Bytes(layout, job.optimizer);
  return weights + VocabularyBytes(job) + kSmallFilesBytes +
         std::min<int64_t>(Checkpoints(job.options), kMostCheckpoints) * checkpoint;
}

}  // namespace sda::trainer
