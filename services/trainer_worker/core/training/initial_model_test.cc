// Training that goes on from a model, on data with other vocabularies.
#include "services/trainer_worker/core/training/initial_model.h"

#include <fstream>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/sha256.h"
#include "common/testing/status_matchers.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/serving/exported_model.h"
#include "services/trainer_worker/core/testing/training_fixture.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::ReadFile;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using trainer::testing::Recorder;
using trainer::testing::TestDataset;
using trainer::testing::TrainingTest;

// The same rule, other rows, more values and all of them in another order.
const TestDataset kGrown{.table_rows = {20, 55}, .seed = 2, .reversed = true};

class InitialModelTest : public TrainingTest {
 protected:
  // A model of the first dataset, trained to the end.
  void SetUp() override { Begin({}, {}); }

  void Begin(Architecture architecture, const EmbeddingSpec& embedding) {
    architecture_ = architecture;
    embedding_ = embedding;
    TrainingJob job = MakeJob("first", first_);
    job.options.keep = Keep::kLast;
    Recorder recorder;
    SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
    model_ = result.model_folder;
    first_auc_ = result.metrics.at("auc");
  }

  // Datasets of different names do not overwrite one another.
  TrainingJob MakeJob(const std::string& name, const TestDataset& dataset) {
    TrainingJob job = Job(name, dataset);
    job.dataset_folder = folder_ / (name + "-dataset");
    job.manifest = dataset.Write(job.dataset_folder);
    job.model.embedding = embedding_;
    ApplyArchitecture(architecture_, job.model);
    return job;
  }

  TrainingJob Continued(const std::string& name = "next", const TestDataset& dataset = kGrown) {
    TrainingJob job = MakeJob(name, dataset);
    job.initial_model = {.folder = model_, .sha256 = Sha256Hex(ReadFile(model_ + "/weights.bin"))};
    return job;
  }

  absl::Status Refusal(const TrainingJob& job) {
    Recorder recorder;
    return Train(job, recorder, {}).status();
  }

  const TestDataset first_{};
  Architecture architecture_ = Architecture::kDlrm;
  EmbeddingSpec embedding_;
  std::string model_;
  double first_auc_ = 0;
};

// Row by row: known values have the model's rows, new ones those of the seed, the networks are the model's.
void ExpectRowsByValue(const TrainingJob& job, const std::string& model, const TestDataset& old_data,
                       const TestDataset& new_data) {
  SDA_ASSERT_OK_AND_ASSIGN(const ModelDescription described, ReadModelDescription(model));
  const DlrmLayout old_layout(described.spec, ShapeOf(described.manifest));
  DlrmWeights old_weights(old_layout);
  SDA_ASSERT_OK(ReadModelWeights(model, old_weights));
  const DlrmLayout layout(job.model, ShapeOf(job.manifest));
  DlrmWeights fresh(layout), weights(layout);
  fresh.Initialize(layout, job.seed);
  weights.Initialize(layout, job.seed);
  SDA_ASSERT_OK(StartFromModel(job.initial_model, job.manifest, job.dataset_folder, layout, weights));
  for (size_t i = 0; i < weights.dense.span().size(); ++i) ASSERT_EQ(weights.dense[i], old_weights.dense[i]);
  ASSERT_EQ(layout.tables().size(), old_layout.tables().size());
  int64_t known = 0, unknown = 0;
  for (size_t t = 0; t < layout.tables().size(); ++t) {
    const auto column = static_cast<size_t>(layout.tables()[t].column);
    const auto table = static_cast<int64_t>(t);
    for (int64_t id = 0; id < layout.tables()[t].rows; ++id) {
      const int64_t value = new_data.ValueOf(column, id);
      const bool is_known = value < old_data.table_rows[column];
      const float* row = weights.row(layout, table, id);
      const float* expected =
          is_known ? old_weights.row(old_layout, table, value) : fresh.row(layout, table, id);
      for (int64_t i = 0; i < layout.tables()[t].width; ++i) ASSERT_EQ(row[i], expected[i]) << t << " " << id;
      (is_known ? known : unknown) += 1;
    }
  }
  EXPECT_EQ(known, static_cast<int64_t>(layout.tables().size()) / 2 * 52);
  EXPECT_EQ(unknown, static_cast<int64_t>(layout.tables().size()) / 2 * (8 + 15));
}

TEST_F(InitialModelTest, RowsAreTakenOverByValue) {
  ExpectRowsByValue(Continued(), model_, first_, kGrown);
}

TEST_F(InitialModelTest, TheWidePartAsWell) {
  Begin(Architecture::kWideDeep, {});
  ExpectRowsByValue(Continued(), model_, first_, kGrown);
}

TEST_F(InitialModelTest, TrainingBeginsWhereTheModelEnded) {
  TrainingJob job = Continued();
  job.options.epochs = 0.05;
  Recorder continued, fresh;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult with, Train(job, continued, {}));
  EXPECT_GT(with.metrics.at("auc"), 0.65) << "the first model reached " << first_auc_;
  job.initial_model = {};
  job.output_folder = folder_ / "fresh/attempt-1";
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult without, Train(job, fresh, {}));
  EXPECT_GT(with.metrics.at("auc"), without.metrics.at("auc") + 0.05);
}

TEST_F(InitialModelTest, ResumingGivesTheSameBytes) {
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult whole, Train(Continued("whole"), recorder, {}));
  Recorder stopped;
  stopped.on_measurement = [&](const Measurement& m) {
    stopped.accepted = m.checkpoint_path;
    return stopped.measurements.size() < 3;
  };
  SDA_ASSERT_OK(Train(Continued("parts"), stopped, {}));
  TrainingJob second = Continued("parts");
  second.output_folder = folder_ / "parts/attempt-2";
  second.resume_checkpoint = stopped.accepted;
  Recorder resumed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult rest, Train(second, resumed, {}));
  EXPECT_GT(resumed.start, 0);
  EXPECT_EQ(Weights(rest), Weights(whole));
  // The checkpoint belongs to the continued training alone.
  second.initial_model = {};
  second.output_folder = folder_ / "parts/attempt-3";
  Recorder other;
  SDA_ASSERT_OK(Train(second, other, {}));
  EXPECT_EQ(other.start, 0);
  EXPECT_EQ(other.resume_status.code(), StatusCode::kFailedPrecondition);
}

TEST_F(InitialModelTest, OtherShapesAreRefusedByField) {
  const auto refusal = [&](const auto& change) {
    TrainingJob job = Continued();
    change(job);
    return Refusal(job);
  };
  EXPECT_THAT(refusal([](TrainingJob& job) { job.model.embedding_dim = 8; }),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("model.embedding_dim: is 8"), HasSubstr("has 4"))));
  EXPECT_THAT(refusal([](TrainingJob& job) {
                job.model.top_layers = {16, 8};
              }),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("model.top_layers: is [16, 8]"), HasSubstr("has [16]"))));
  EXPECT_THAT(refusal([](TrainingJob& job) { job.model.bottom_layers = {}; }),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("model.bottom_layers")));
  EXPECT_THAT(refusal([](TrainingJob& job) { job.model.interaction = Interaction::kCat; }),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("model.interaction")));
  EXPECT_THAT(refusal([](TrainingJob& job) { job.model.embedding.hash_rows = 10; }),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("model.hash_rows")));
  EXPECT_TRUE(refusal([](TrainingJob& job) { job.model.dropout = 0.3; }).ok());
}

TEST_F(InitialModelTest, OtherColumnsAreRefused) {
  TestDataset fewer = kGrown;
  fewer.table_rows = {20};
  EXPECT_THAT(
      Refusal(Continued("fewer", fewer)),
      StatusIs(StatusCode::kInvalidArgument,
               AllOf(HasSubstr("dataset_manifest_uri"), HasSubstr("nothing at place 4"), HasSubstr("C2"))));
  TestDataset more_dense = kGrown;
  more_dense.dense_columns = 4;
  EXPECT_THAT(Refusal(Continued("more", more_dense)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("column D4 (dense) at place 3")));
}

TEST_F(InitialModelTest, CompressedTablesNeedTheSameVocabulary) {
  Begin(Architecture::kDlrm, {.hash_rows = 8});
  EXPECT_THAT(Refusal(Continued()), StatusIs(StatusCode::kInvalidArgument,
                                             AllOf(HasSubstr("model.hash_rows"), HasSubstr("table C1"))));
  SDA_EXPECT_OK(Refusal(Continued("same", first_)));
}

TEST_F(InitialModelTest, AnotherModelThanOrderedIsRefused) {
  TrainingJob job = Continued();
  job.initial_model.sha256 = std::string(64, '0');
  EXPECT_THAT(Refusal(job), StatusIs(StatusCode::kFailedPrecondition,
                                     AllOf(HasSubstr("weights.bin"), HasSubstr("wanted 0000"))));
  job.initial_model.folder = folder_ / "nothing";
  EXPECT_THAT(Refusal(job), StatusIs(StatusCode::kNotFound, HasSubstr("nothing")));
}

TEST_F(InitialModelTest, MemoryEstimateCountsTheModel) {
  TrainingJob job = Continued();
  const int64_t with = EstimateMemoryBytes(job);
  job.initial_model = {};
  EXPECT_EQ(with - EstimateMemoryBytes(job), static_cast<int64_t>(ReadFile(model_ + "/weights.bin").size()));
}

}  // namespace
}  // namespace sda::trainer
