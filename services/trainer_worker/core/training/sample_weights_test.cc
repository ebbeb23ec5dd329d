// Weights of rows: in the loss, in the gradients, in the metrics.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/classification_metrics.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/serving/exported_model.h"
#include "services/trainer_worker/core/testing/test_dataset.h"
#include "services/trainer_worker/core/testing/training_fixture.h"
#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using trainer::testing::Recorder;
using trainer::testing::TestDataset;
using trainer::testing::TrainingTest;

const TestDataset kWeighted{.weighted = true};

// The weights of a model after one step of SGD on these rows.
std::vector<float> AfterOneStep(const std::vector<int>& rows, const std::vector<float>& weights, int threads,
                                double& loss) {
  const std::vector<float> all_dense = {0.5f, -1, 2, 0.25f, -0.75f, 1.5f}, all_labels = {1, 0, 1};
  const std::vector<int32_t> all_ids = {3, 1, 3};
  std::vector<float> dense, labels;
  std::vector<int32_t> ids;
  for (const int row : rows) {
    dense.insert(dense.end(), {all_dense[2 * row], all_dense[2 * row + 1]});
    labels.push_back(all_labels[row]);
    ids.push_back(all_ids[row]);
  }
  const DlrmLayout layout({.embedding_dim = 4, .bottom_layers = {5}, .top_layers = {6}},
                          {.dense_columns = 2, .table_rows = {5}, .table_names = {"C1"}});
  DlrmWeights model(layout);
  model.Initialize(layout, 9);
  const OptimizerOptions options{.dense = {.algorithm = Algorithm::kSgd, .learning_rate = 0.5},
                                 .sparse = {.algorithm = Algorithm::kSgd, .learning_rate = 0.5},
                                 .schedule = {}};
  OptimizerState state(layout, options);
  ThreadTeam team(threads);
  TrainStep step(layout, model, state, options, {.positive_weight = 3}, 16, team);
  Batch batch{.rows = static_cast<int64_t>(rows.size()),
              .labels = labels,
              .dense = dense,
              .tables = {{.ids = ids, .offsets = {}}},
              .weights = weights};
  loss = step.Run(batch, 1, 1.0, {});
  std::vector<float> flat(model.dense.span().begin(), model.dense.span().end());
  flat.insert(flat.end(), model.embeddings.span().begin(), model.embeddings.span().end());
  return flat;
}

TEST(WeightedStepTest, AWeightCountsAsSoManyRows) {
  for (const int threads : {1, 2}) {
    double weighted_loss = 0, repeated_loss = 0;
    const auto weighted = AfterOneStep({0, 1, 2, 1}, {2, 0, 1, 1}, threads, weighted_loss);
    const auto repeated = AfterOneStep({0, 0, 2, 1}, {}, threads, repeated_loss);
    EXPECT_NEAR(weighted_loss, repeated_loss, 1e-6);
    ASSERT_EQ(weighted.size(), repeated.size());
    for (size_t i = 0; i < weighted.size(); ++i) EXPECT_NEAR(weighted[i], repeated[i], 1e-6) << i;
  }
}

TEST(WeightedReaderTest, WeightsComeWithTheirRows) {
  const sda::testing::TempDir folder;
  const DatasetManifest manifest = kWeighted.Write(folder.path());
  SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, folder.path(), "train"));
  EXPECT_TRUE(train->weighted());
  BatchBuffer all_buffer(*train, 3000), some_buffer(*train, 3);
  SDA_ASSERT_OK_AND_ASSIGN(const Batch all, all_buffer.FillRange(0, 3000));
  const std::vector<uint32_t> rows = {2999, 0, 1200};
  SDA_ASSERT_OK_AND_ASSIGN(const Batch some, some_buffer.Fill(rows));
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(some.weights[i], all.weights[rows[i]]);
  EXPECT_NE(all.weights[0], all.weights[1]);
}

TEST(WeightedReaderTest, BadWeightsAreNamed) {
  for (const float weight : {-1.0f, std::numeric_limits<float>::quiet_NaN(), INFINITY}) {
    const sda::testing::TempDir folder;
    const DatasetManifest manifest =
        TestDataset{.weighted = true, .bad_weight_row = 7, .bad_weight = weight}.Write(folder.path());
    SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, folder.path(), "train"));
    BatchBuffer buffer(*train, 10);
    EXPECT_THAT(buffer.FillRange(2, 12),
                StatusIs(StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr("shard-00000.arrow"), HasSubstr("row 7: its weight is"))));
  }
}

using WeightedTrainingTest = TrainingTest;

TEST_F(WeightedTrainingTest, MetricsAreWeightedAndResumingGivesTheSameBytes) {
  const TrainingJob job = Job("whole", kWeighted);
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult whole, Train(job, recorder, {}));
  EXPECT_GT(whole.metrics.at("auc"), 0.7);

  Recorder stopped;
  stopped.on_measurement = [&](const Measurement& m) {
    stopped.accepted = m.checkpoint_path;
    return stopped.measurements.size() < 3;
  };
  SDA_ASSERT_OK(Train(Job("parts", kWeighted), stopped, {}));
  TrainingJob second = Job("parts", kWeighted);
  second.output_folder = folder_ / "parts/attempt-2";
  second.resume_checkpoint = stopped.accepted;
  Recorder resumed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult rest, Train(second, resumed, {}));
  EXPECT_GT(resumed.start, 0);
  EXPECT_EQ(Weights(rest), Weights(whole));

  EvaluationJob evaluation{.model_folder = whole.model_folder,
                           .manifest = job.manifest,
                           .dataset_folder = job.dataset_folder,
                           .split = "validation",
                           .batch_size = 64,
                           .threads = 2,
                           .progress = {}};
  SDA_ASSERT_OK_AND_ASSIGN(const auto measured, EvaluateModel(evaluation, {}));
  SDA_ASSERT_OK_AND_ASSIGN(const auto split,
                           SplitReader::Open(job.manifest, job.dataset_folder, "validation"));
  BatchBuffer buffer(*split, split->rows());
  SDA_ASSERT_OK_AND_ASSIGN(const Batch batch, buffer.FillRange(0, split->rows()));
  const DlrmLayout layout(job.model, split->shape());
  DlrmWeights weights(layout);
  SDA_ASSERT_OK(ReadModelWeights(whole.model_folder, weights));
  DlrmWorkspace workspace(layout, batch.rows, false);
  std::vector<float> logits(batch.rows);
  DlrmForward(layout, weights, batch, 0, batch.rows, {}, workspace, logits.data());
  const ClassificationMetrics exact = ComputeMetrics(logits, batch.labels, batch.weights);
  EXPECT_NEAR(measured.at("auc"), exact.auc, 1e-5);
  EXPECT_NEAR(measured.at("logloss"), exact.logloss, 1e-6);
  EXPECT_NEAR(measured.at("calibration"), exact.calibration, 1e-5);
  EXPECT_GT(std::abs(exact.logloss - ComputeMetrics(logits, batch.labels).logloss), 1e-4);

  evaluation.auc_method = AucMethod::kHistogram;
  SDA_ASSERT_OK_AND_ASSIGN(const auto bounded, EvaluateModel(evaluation, {}));
  EXPECT_LE(std::abs(bounded.at("auc") - exact.auc), bounded.at("auc_error_bound") + 1e-5);
  EXPECT_LT(bounded.at("auc_error_bound"), 1e-4);
  EXPECT_NEAR(bounded.at("logloss"), exact.logloss, 1e-6);
}

}  // namespace
}  // namespace sda::trainer
