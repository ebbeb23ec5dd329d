#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TESTING_TRAINING_FIXTURE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TESTING_TRAINING_FIXTURE_H_

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/testing/test_dataset.h"
#include "services/trainer_worker/core/training/training.h"

// What tests of whole trainings share.
namespace sda::trainer::testing {

// Remembers what it was told; answers as told.
class Recorder final : public TrainingObserver {
 public:
  void OnStart(int64_t step, const absl::Status& resumed) override {
    start = step;
    resume_status = resumed;
  }
  bool OnMeasurement(const Measurement& measurement) override {
    measurements.push_back(measurement);
    if (on_measurement) return on_measurement(measurement);
    return true;
  }
  void OnProgress(int64_t samples, int64_t total) override {
    EXPECT_GE(samples, progress);
    progress = samples;
    total_samples = total;
  }
  std::string AcceptedCheckpoint() override { return accepted; }

  int64_t start = -1;
  absl::Status resume_status;
  std::vector<Measurement> measurements;
  int64_t progress = 0, total_samples = 0;
  std::string accepted;
  std::function<bool(const Measurement&)> on_measurement;
};

class TrainingTest : public ::testing::Test {
 protected:
  // Three epochs of 3000 rows, four evaluations each.
  TrainingJob Job(const std::string& name, const TestDataset& dataset = {}) {
    TrainingJob job;
    job.dataset_folder = folder_ / "dataset";
    job.manifest = dataset.Write(job.dataset_folder);
    job.model = {.embedding_dim = 4, .bottom_layers = {8}, .top_layers = {16}, .dropout = 0.1};
    job.options.batch_size = 100;
    job.options.epochs = 3;
    job.options.evaluations_per_epoch = 4;
    job.optimizer.dense = {.algorithm = Algorithm::kAdam, .learning_rate = 0.01, .epsilon = 1e-8};
    job.optimizer.sparse = {.algorithm = Algorithm::kRowwiseAdagrad, .learning_rate = 0.1};
    job.optimizer.schedule = {.warmup_fraction = 0.1, .decay = Decay::kLinear};
    job.seed = 3;
    job.threads = 2;
    job.output_folder = folder_ / (name + "/attempt-1");
    job.spec_json = R"({"seed": 3})";
    return job;
  }

  static std::string Weights(const TrainingResult& result) {
    return sda::testing::ReadFile(result.model_folder + "/weights.bin");
  }

  static std::vector<std::string> Checkpoints(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".ckpt") names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  sda::testing::TempDir folder_;
};

}  // namespace sda::trainer::testing

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TESTING_TRAINING_FIXTURE_H_
