#include "services/trainer_worker/core/training/training.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/testing/test_dataset.h"
#include "services/trainer_worker/core/testing/training_fixture.h"
#include "services/trainer_worker/core/training/checkpoint.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::ReadFile;
using sda::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::UnorderedElementsAre;
using trainer::testing::Recorder;
using trainer::testing::TestDataset;
using trainer::testing::TrainingTest;
using End = TrainingResult::End;

TEST_F(TrainingTest, LearnsThePlantedRuleAndDeliversTheBestEvaluation) {
  const TrainingJob job = Job("a");
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.end, End::kFinished);
  EXPECT_EQ(result.step, 90);
  EXPECT_EQ(recorder.start, 0);
  EXPECT_EQ(recorder.progress, 9000);
  EXPECT_EQ(recorder.total_samples, 9000);
  ASSERT_EQ(recorder.measurements.size(), 12u);
  double best = 0;
  int64_t last_step = 0;
  for (const Measurement& m : recorder.measurements) {
    EXPECT_GT(m.step, last_step);
    EXPECT_EQ(m.samples, m.step * 100);
    last_step = m.step;
    best = std::max(best, m.metrics.at("auc"));
  }
  EXPECT_GT(best, 0.78) << "the rule itself reaches about 0.85";
  EXPECT_EQ(result.metrics.at("auc"), best);
  EXPECT_GT(result.metrics.at("train_seconds"), 0);
  EXPECT_NEAR(result.metrics.at("samples_per_second"), 9000 / result.metrics.at("train_seconds"),
              1e-6 * 9000 / result.metrics.at("train_seconds"));
  EXPECT_THAT(result.metrics,
              UnorderedElementsAre(Key("auc"), Key("logloss"), Key("normalized_entropy"), Key("accuracy"),
                                   Key("calibration"), Key("train_seconds"), Key("samples_per_second")));
  for (const char* stage :
       {"data", "embedding", "bottom", "interaction", "top", "backward", "update", "evaluation"}) {
    EXPECT_GT(result.stage_seconds.at(stage), 0) << stage;
  }

  // The exported weights are those that were measured.
  SDA_ASSERT_OK_AND_ASSIGN(const auto validation, EvaluateModel({.model_folder = result.model_folder,
                                                                 .manifest = job.manifest,
                                                                 .dataset_folder = job.dataset_folder,
                                                                 .split = "validation",
                                                                 .progress = {}},
                                                                {}));
  EXPECT_EQ(validation.at("auc"), best);
}

TEST_F(TrainingTest, SameJobGivesTheSameBytesAndAnotherSeedOthers) {
  Recorder recorder;
  TrainingJob job = Job("a");
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult first, Train(job, recorder, {}));
  job.output_folder = folder_ / "b/attempt-1";
  Recorder second_recorder, other_recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult second, Train(job, second_recorder, {}));
  job.output_folder = folder_ / "c/attempt-1";
  job.seed = 4;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult other, Train(job, other_recorder, {}));
  EXPECT_TRUE(Weights(first) == Weights(second));
  EXPECT_FALSE(Weights(first) == Weights(other));
}

TEST_F(TrainingTest, ResumedTrainingEndsInTheSameBytes) {
  for (const Algorithm algorithm :
       {Algorithm::kSgd, Algorithm::kAdagrad, Algorithm::kRowwiseAdagrad, Algorithm::kAdam}) {
    for (const Keep keep : {Keep::kBest, Keep::kLast}) {
      const std::string name = absl::StrCat("x", static_cast<int>(algorithm), static_cast<int>(keep));
      SCOPED_TRACE(name);
      TrainingJob job = Job(name);
      job.optimizer.sparse.algorithm = algorithm;
      job.options.keep = keep;
      Recorder whole;
      SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult uninterrupted, Train(job, whole, {}));

      // The worker is lost in the middle of an epoch.
      job.output_folder = folder_ / (name + "/attempt-2");
      std::stop_source stop;
      Recorder first;
      first.on_measurement = [&](const Measurement&) {
        if (first.measurements.size() == 6) stop.request_stop();
        return true;
      };
      SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult cancelled, Train(job, first, stop.get_token()));
      EXPECT_EQ(cancelled.end, End::kCancelled);
      EXPECT_TRUE(cancelled.model_folder.empty());

      // The optimizer accepted the checkpoint before the last one: the steps since are lost.
      job.resume_checkpoint = first.measurements[4].checkpoint_path;
      job.output_folder = folder_ / (name + "/attempt-3");
      Recorder second;
      SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult resumed, Train(job, second, {}));
      EXPECT_EQ(second.start, first.measurements[4].step);
      SDA_EXPECT_OK(second.resume_status);
      EXPECT_TRUE(Weights(resumed) == Weights(uninterrupted));
      ASSERT_EQ(second.measurements.size(), 7u);
      EXPECT_EQ(second.measurements[0].metrics.at("auc"), whole.measurements[5].metrics.at("auc"));
      EXPECT_EQ(resumed.metrics.at("auc"), uninterrupted.metrics.at("auc"));
      EXPECT_GT(second.measurements[0].train_seconds, first.measurements[4].train_seconds);
    }
  }
}

TEST_F(TrainingTest, ACheckpointThatCannotBeUsedMeansAFreshStart) {
  TrainingJob job = Job("a");
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult fresh, Train(job, recorder, {}));
  const std::string kept = job.output_folder + "/" + Checkpoints(job.output_folder).back();
  std::string damaged = ReadFile(kept);
  damaged[damaged.size() / 2] ^= 1;
  std::ofstream(folder_ / "damaged.ckpt", std::ios::binary) << damaged;

  job.output_folder = folder_ / "b/attempt-1";
  for (const std::string& path : {folder_ / "damaged.ckpt", folder_ / "gone.ckpt"}) {
    job.resume_checkpoint = path;
    Recorder again;
    SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, again, {}));
    EXPECT_EQ(again.start, 0);
    EXPECT_FALSE(again.resume_status.ok());
    EXPECT_TRUE(Weights(result) == Weights(fresh)) << path;
  }

  // A checkpoint of other settings.
  job.resume_checkpoint = kept;
  job.options.gradients.l2_dense = 0.125;
  Recorder other;
  SDA_ASSERT_OK(Train(job, other, {}));
  EXPECT_THAT(other.resume_status, StatusIs(StatusCode::kFailedPrecondition, HasSubstr("another training")));
}

TEST_F(TrainingTest, KeepsTheAcceptedCheckpointAndAFewNewerOnes) {
  TrainingJob job = Job("a");
  Recorder recorder;
  recorder.on_measurement = [&](const Measurement& m) {
    // The optimizer is away from the third evaluation on.
    if (recorder.measurements.size() <= 2) recorder.accepted = m.checkpoint_path;
    return true;
  };
  SDA_ASSERT_OK(Train(job, recorder, {}));
  std::vector<std::string> expected = {recorder.accepted};
  // No checkpoint is made at the end.
  for (size_t i : {8, 9, 10}) expected.push_back(recorder.measurements[i].checkpoint_path);
  for (std::string& path : expected) path = std::filesystem::path(path).filename();
  EXPECT_THAT(Checkpoints(job.output_folder), ::testing::UnorderedElementsAreArray(expected));

  // As a worker leaves them that is killed while it writes.
  std::filesystem::create_directories(folder_ / "a/attempt-1/model.tmp.4711");
  std::ofstream(folder_ / "a/attempt-1/checkpoint-9.ckpt.tmp.4711") << "half";
  RemoveCheckpoints(folder_ / "a");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a/attempt-1/model.tmp.4711"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a/attempt-1/checkpoint-9.ckpt.tmp.4711"));
  EXPECT_THAT(Checkpoints(job.output_folder), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(job.output_folder + "/model/model.json"));
}

TEST_F(TrainingTest, CheckpointIntervalZeroWritesNone) {
  TrainingJob job = Job("a");
  job.options.checkpoint_interval = 0;
  Recorder recorder;
  SDA_ASSERT_OK(Train(job, recorder, {}));
  EXPECT_THAT(Checkpoints(job.output_folder), IsEmpty());
  for (const Measurement& m : recorder.measurements) EXPECT_TRUE(m.checkpoint_path.empty());
}

TEST_F(TrainingTest, StopsAtTheTarget) {
  TrainingJob job = Job("a");
  job.options.target_auc = 0.65;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.end, End::kTargetReached);
  EXPECT_LT(result.step, 90);
  EXPECT_GE(result.metrics.at("auc"), 0.65);
  for (size_t i = 0; i + 1 < recorder.measurements.size(); ++i)
    EXPECT_LT(recorder.measurements[i].metrics.at("auc"), 0.65);
}

TEST_F(TrainingTest, StopsWhenTheObserverSaysSoAndKeepsWhatThereIs) {
  Recorder recorder;
  recorder.on_measurement = [](const Measurement& m) { return m.step < 20; };
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(Job("a"), recorder, {}));
  EXPECT_EQ(result.end, End::kStopped);
  EXPECT_EQ(recorder.measurements.size(), 3u);
  EXPECT_TRUE(std::filesystem::exists(result.model_folder + "/model.json"));
}

TEST_F(TrainingTest, PatienceEndsATrainingThatNoLongerImproves) {
  TrainingJob job = Job("a", {.random_labels = true});
  job.options.epochs = 50;
  job.options.patience = 2;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.end, End::kFinished);
  ASSERT_LT(recorder.measurements.size(), 200u);
  // The last two were no better than the best before them.
  const size_t n = recorder.measurements.size();
  for (size_t i = n - 2; i < n; ++i)
    EXPECT_LE(recorder.measurements[i].metrics.at("auc"), result.metrics.at("auc"));
}

TEST_F(TrainingTest, FractionsOfAnEpoch) {
  TrainingJob job = Job("a");
  job.options.epochs = 0.5;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.step, 15);
  EXPECT_EQ(recorder.measurements.size(), 2u);
}

TEST_F(TrainingTest, BatchLargerThanTheSplitTakesAllOfIt) {
  TrainingJob job = Job("a");
  job.options.batch_size = 1 << 20;
  job.options.evaluations_per_epoch = 1;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.step, 3);
  EXPECT_EQ(recorder.measurements.back().samples, 9000);
}

TEST_F(TrainingTest, DivergenceIsAResultWithReasonAndStep) {
  TrainingJob job = Job("a");
  job.optimizer.dense = {.algorithm = Algorithm::kSgd, .learning_rate = 1e12};
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.end, End::kDiverged);
  EXPECT_EQ(result.reason, "LOSS_NOT_FINITE");
  EXPECT_THAT(result.message, HasSubstr(absl::StrCat("at step ", result.step)));
  EXPECT_LT(result.step, 10);
  EXPECT_FALSE(std::filesystem::exists(job.output_folder + "/model"));
}

TEST_F(TrainingTest, AModelWhoseUnitsHaveDiedIsStuck) {
  // The learning rate kills every hidden unit of the top network in the first steps; Adam's step is bounded,
  // so the loss stays finite.
  TrainingJob job = Job("a");
  job.model.top_layers = {4};
  job.optimizer.dense = {.algorithm = Algorithm::kAdam, .learning_rate = 2, .epsilon = 1e-8};
  job.optimizer.sparse.learning_rate = 1e-6;
  job.optimizer.schedule = {};
  job.model.dropout = 0;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.end, End::kDiverged);
  EXPECT_EQ(result.reason, "AUC_STUCK");
  EXPECT_THAT(result.message, HasSubstr(absl::StrCat("from step ", result.step, " to ")));
  EXPECT_LT(result.step, 90);
}

TEST_F(TrainingTest, BrokenDataEndsInAnErrorThatNamesIt) {
  Recorder recorder;
  EXPECT_THAT(Train(Job("a", {.bad_id_row = 50, .bad_id = 99}), recorder, {}),
              StatusIs(StatusCode::kOutOfRange, HasSubstr("C1")));
  EXPECT_THAT(Train(Job("b", {.split_rows = {{"train", 100}, {"validation", 0}}}), recorder, {}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("validation split has 0 rows")));
}

TEST_F(TrainingTest, Bf16LearnsAsWellAndResumesInTheSameBytes) {
  TrainingJob job = Job("fp32");
  Recorder plain;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult fp32, Train(job, plain, {}));
  job.options.precision = Precision::kBf16;
  job.output_folder = folder_ / "bf16/attempt-1";
  Recorder whole;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult bf16, Train(job, whole, {}));
  EXPECT_NEAR(bf16.metrics.at("auc"), fp32.metrics.at("auc"), 0.01);
  const bool has_bf16 = UsablePrecision(Precision::kBf16) == Precision::kBf16;
  EXPECT_EQ(Weights(bf16) == Weights(fp32), !has_bf16);
  EXPECT_THAT(ReadFile(bf16.model_folder + "/model.json"), HasSubstr(has_bf16 ? "\"bf16\"" : "\"fp32\""));

  job.resume_checkpoint = absl::StrCat(job.output_folder, "/", Checkpoints(job.output_folder).front());
  job.output_folder = folder_ / "bf16/attempt-2";
  Recorder second;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult resumed, Train(job, second, {}));
  EXPECT_GT(second.start, 0) << second.resume_status;
  EXPECT_TRUE(Weights(resumed) == Weights(bf16));
}

TEST_F(TrainingTest, OnlyDenseAndOnlyCategoricalColumnsLearn) {
  for (const TestDataset& dataset : {TestDataset{.table_rows = {}}, TestDataset{.dense_columns = 0}}) {
    TrainingJob job = Job("a", dataset);
    Recorder recorder;
    SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
    EXPECT_GT(result.metrics.at("auc"), 0.65);
  }
}

struct ModelCase {
  const char* name;
  Architecture architecture;
  EmbeddingSpec embedding;
  Algorithm dense, sparse;
};

class ModelTrainingTest : public TrainingTest, public ::testing::WithParamInterface<ModelCase> {
 protected:
  TrainingJob ModelJob(const std::string& name) {
    TrainingJob job = Job(name);
    job.model.embedding = GetParam().embedding;
    ApplyArchitecture(GetParam().architecture, job.model);
    if (GetParam().architecture != Architecture::kDlrm) job.model.dense_input = DenseInput::kDirect;
    job.optimizer.dense = {.algorithm = GetParam().dense, .learning_rate = 0.02, .epsilon = 1e-6};
    job.optimizer.sparse = {.algorithm = GetParam().sparse, .learning_rate = 0.1, .epsilon = 1e-6};
    return job;
  }
};

// Trained in one go, and stopped and resumed: the same bytes, which learn, and serve as they were evaluated.
TEST_P(ModelTrainingTest, LearnsResumesAndServes) {
  const TrainingJob job = ModelJob("whole");
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult whole, Train(job, recorder, {}));
  EXPECT_GT(whole.metrics.at("auc"), 0.7);

  TrainingJob first = ModelJob("parts");
  Recorder stopped;
  stopped.on_measurement = [&](const Measurement& m) {
    stopped.accepted = m.checkpoint_path;
    return stopped.measurements.size() < 3;
  };
  SDA_ASSERT_OK(Train(first, stopped, {}));
  TrainingJob second = ModelJob("parts");
  second.output_folder = folder_ / "parts/attempt-2";
  second.resume_checkpoint = stopped.accepted;
  Recorder resumed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult rest, Train(second, resumed, {}));
  SDA_EXPECT_OK(resumed.resume_status);
  EXPECT_GT(resumed.start, 0);
  EXPECT_EQ(Weights(rest), Weights(whole));

  EvaluationJob evaluation{.model_folder = whole.model_folder,
                           .manifest = job.manifest,
                           .dataset_folder = job.dataset_folder,
                           .split = "validation",
                           .batch_size = 64,
                           .threads = 2,
                           .progress = {}};
  SDA_ASSERT_OK_AND_ASSIGN(const auto again, EvaluateModel(evaluation, {}));
  EXPECT_NEAR(again.at("auc"), whole.metrics.at("auc"), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Models, ModelTrainingTest,
    ::testing::Values(
        ModelCase{"wide_deep_lamb", Architecture::kWideDeep, {}, Algorithm::kLamb, Algorithm::kAdam},
        ModelCase{"deepfm", Architecture::kDeepFm, {}, Algorithm::kAdagrad, Algorithm::kRowwiseAdagrad},
        ModelCase{"dcnv2", Architecture::kDcnV2, {}, Algorithm::kAdam, Algorithm::kAdagrad},
        ModelCase{"dlrm_intel_lamb", Architecture::kDlrm, {}, Algorithm::kIntelLamb, Algorithm::kSgd},
        ModelCase{"dlrm_mixed",
                  Architecture::kDlrm,
                  {.mixed_temperature = 0.5, .compression_threshold = 0},
                  Algorithm::kAdagrad,
                  Algorithm::kLamb},
        ModelCase{"dlrm_quotient",
                  Architecture::kDlrm,
                  {.quotient_collisions = 4, .compression_threshold = 20},
                  Algorithm::kAdagrad,
                  Algorithm::kRowwiseAdagrad}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(TrainingTest, MetricsOfGroupsOnRequest) {
  TrainingJob job = Job("a");
  Recorder without;
  SDA_ASSERT_OK(Train(job, without, {}));
  EXPECT_EQ(without.measurements.back().metrics.count("map"), 0u);
  job.options.group_by = "C1";
  Recorder with;
  SDA_ASSERT_OK(Train(job, with, {}));
  const auto& metrics = with.measurements.back().metrics;
  for (const char* name : {"grouped_auc", "map", "ndcg"}) {
    ASSERT_EQ(metrics.count(name), 1u) << name;
    EXPECT_GT(metrics.at(name), 0.5) << name;
    EXPECT_LE(metrics.at(name), 1) << name;
  }
  EXPECT_EQ(metrics.at("auc"), without.measurements.back().metrics.at("auc"));
  job.options.group_by = "D1";
  EXPECT_THAT(Train(job, with, {}), StatusIs(StatusCode::kInvalidArgument, HasSubstr("training.group_by")));
}

TEST_F(TrainingTest, AModelThatDoesNotFitTheDataIsRefused) {
  TrainingJob job = Job("a");
  job.model.embedding.widths = {4};
  Recorder recorder;
  EXPECT_THAT(Train(job, recorder, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("model.embedding_dims: has 1 widths")));
}

TEST_F(TrainingTest, TrainsWithoutShuffling) {
  TrainingJob job = Job("a");
  job.options.shuffle = false;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_GT(result.metrics.at("auc"), 0.75);
}

TEST_F(TrainingTest, MemoryEstimateGrowsWithWhatNeedsMemory) {
  TrainingJob job = Job("a", {.table_rows = {1'000'000}});
  const int64_t table = 1'000'000 * 4 * 4;
  job.options.keep = Keep::kLast;
  const int64_t last = EstimateMemoryBytes(job);
  job.options.keep = Keep::kBest;
  const int64_t best = EstimateMemoryBytes(job);
  job.optimizer.sparse.algorithm = Algorithm::kAdam;
  const int64_t adam = EstimateMemoryBytes(job);
  EXPECT_GE(last, table + 4'000'000);  // one h a row
  EXPECT_NEAR(best - last, table, 0.1 * static_cast<double>(table));
  EXPECT_NEAR(adam - best, 2 * table - 4'000'000, 0.1 * static_cast<double>(table));
}

}  // namespace
}  // namespace sda::trainer
