// Columns with bags of ids, from the mapped shards to predictions of raw rows.
#include <cmath>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/kernels/loss.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/serving/predictor.h"
#include "services/trainer_worker/core/testing/test_dataset.h"
#include "services/trainer_worker/core/testing/training_fixture.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using trainer::testing::Recorder;
using trainer::testing::TestDataset;
using trainer::testing::TrainingTest;

const TestDataset kDataset{.list_tables = {0}};

std::vector<int32_t> BagOf(const TableIds& table, int64_t row) {
  return {table.ids.begin() + table.offsets[row], table.ids.begin() + table.offsets[row + 1]};
}

TEST(ListReaderTest, AnyOrderOfRowsAcrossShardsGivesThoseBags) {
  const sda::testing::TempDir folder;
  const DatasetManifest manifest = kDataset.Write(folder.path());
  SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, folder.path(), "train"));
  EXPECT_TRUE(train->shape().is_list(0));
  EXPECT_FALSE(train->shape().is_list(1));
  EXPECT_NEAR(train->shape().list_values, 2.5, 0.7);

  BatchBuffer all_buffer(*train, 3000), some_buffer(*train, 5);
  SDA_ASSERT_OK_AND_ASSIGN(const Batch all, all_buffer.FillRange(0, 3000));
  SDA_ASSERT_OK(CheckBatch(all, train->shape()));
  EXPECT_NEAR(static_cast<double>(all.tables[0].ids.size()) / 3000, 2.5, 0.1);
  EXPECT_TRUE(all.tables[1].one_hot());
  const std::vector<uint32_t> rows = {2999, 0, 1200, 1199, 1200};
  for (int repetition = 0; repetition < 2; ++repetition) {
    SDA_ASSERT_OK_AND_ASSIGN(const Batch some, some_buffer.Fill(rows));
    SDA_ASSERT_OK(CheckBatch(some, train->shape()));
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(BagOf(some.tables[0], static_cast<int64_t>(i)), BagOf(all.tables[0], rows[i]));
      EXPECT_EQ(some.tables[1].ids[i], all.tables[1].ids[rows[i]]);
    }
  }
}

TEST(ListReaderTest, IdsOutsideTheirTableNameTheRow) {
  for (int32_t id : {12, -1}) {
    const sda::testing::TempDir folder;
    const DatasetManifest manifest =
        TestDataset{.list_tables = {0}, .bad_id_row = 7, .bad_id = id}.Write(folder.path());
    SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, folder.path(), "train"));
    BatchBuffer buffer(*train, 10);
    EXPECT_THAT(
        buffer.FillRange(2, 12),
        StatusIs(StatusCode::kOutOfRange, AllOf(HasSubstr("train/shard-00000.arrow: row 7: table C1: id "),
                                                HasSubstr(absl::StrCat(id)), HasSubstr("[0, 12)"))));
  }
}

TEST(ListReaderTest, AShardWithoutListsIsRefused) {
  const sda::testing::TempDir folder;
  DatasetManifest manifest = TestDataset().Write(folder.path());
  manifest.columns.back().list_separator = "|";
  EXPECT_THAT(SplitReader::Open(manifest, folder.path(), "train"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("column \"C2\" is of type int32")));
}

class ListTrainingTest : public TrainingTest, public ::testing::WithParamInterface<Pooling> {
 protected:
  TrainingJob ListJob(const std::string& name, int threads = 2) {
    TrainingJob job = Job(name, kDataset);
    job.model.embedding.pooling = GetParam();
    job.threads = threads;
    return job;
  }
};

TEST_P(ListTrainingTest, LearnsResumesAndServesRawRows) {
  const TrainingJob job = ListJob("whole");
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult whole, Train(job, recorder, {}));
  EXPECT_GT(whole.metrics.at("auc"), 0.7);
  Recorder other;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult again, Train(ListJob("again"), other, {}));
  EXPECT_EQ(Weights(again), Weights(whole));

  Recorder stopped;
  stopped.on_measurement = [&](const Measurement& m) {
    stopped.accepted = m.checkpoint_path;
    return stopped.measurements.size() < 3;
  };
  SDA_ASSERT_OK(Train(ListJob("parts"), stopped, {}));
  TrainingJob second = ListJob("parts");
  second.output_folder = folder_ / "parts/attempt-2";
  second.resume_checkpoint = stopped.accepted;
  Recorder resumed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult rest, Train(second, resumed, {}));
  EXPECT_GT(resumed.start, 0);
  EXPECT_EQ(Weights(rest), Weights(whole));

  SDA_ASSERT_OK_AND_ASSIGN(const auto measured, EvaluateModel({.model_folder = whole.model_folder,
                                                               .manifest = job.manifest,
                                                               .dataset_folder = job.dataset_folder,
                                                               .split = "validation",
                                                               .batch_size = 64,
                                                               .threads = 2,
                                                               .progress = {}},
                                                              {}));
  EXPECT_NEAR(measured.at("auc"), whole.metrics.at("auc"), 1e-6);

  // Raw cells, against the ids that they stand for.
  SDA_ASSERT_OK_AND_ASSIGN(const auto predictor, Predictor::Load(whole.model_folder));
  SDA_ASSERT_OK_AND_ASSIGN(const auto p,
                           predictor->Predict({{"C1", {"C1-2|C1-5|C1-2", "", "C1-3|never seen||?", "?"}},
                                               {"C2", {"C2-9", "C2-9", "C2-9", "C2-9"}}}));
  const std::vector<int32_t> bags = {2, 5, 2, 0, 3, 1, 0}, offsets = {0, 3, 4, 6, 7}, plain = {9, 9, 9, 9};
  std::vector<float> dense;
  for (int row = 0; row < 4; ++row) {
    for (const double raw : {0.5, std::log1p(0.5), 0.5})  // the fill values, as the columns transform them
      dense.push_back(static_cast<float>((raw - 0.25) / 2));
  }
  const DlrmLayout layout(job.model, ShapeOf(job.manifest));
  DlrmWeights weights(layout);
  SDA_ASSERT_OK(ReadModelWeights(whole.model_folder, weights));
  DlrmWorkspace workspace(layout, 4, false);
  std::vector<float> logits(4);
  DlrmForward(layout, weights,
              {.rows = 4,
               .labels = {},
               .dense = dense,
               .tables = {{.ids = bags, .offsets = offsets}, {.ids = plain, .offsets = {}}}},
              0, 4, {}, workspace, logits.data());
  for (int row = 0; row < 4; ++row) EXPECT_FLOAT_EQ(p[row], static_cast<float>(Sigmoid(logits[row]))) << row;
  EXPECT_EQ(p[1], p[3]);
  EXPECT_NE(p[0], p[1]);
}

TEST_P(ListTrainingTest, ThreadsChangeOnlyRounding) {
  Recorder first, second;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult two, Train(ListJob("two"), first, {}));
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult three, Train(ListJob("three", 3), second, {}));
  EXPECT_NEAR(two.metrics.at("auc"), three.metrics.at("auc"), 0.01);
}

INSTANTIATE_TEST_SUITE_P(Poolings, ListTrainingTest, ::testing::Values(Pooling::kSum, Pooling::kMean),
                         [](const auto& info) { return info.param == Pooling::kSum ? "sum" : "mean"; });

using ListsTest = TrainingTest;

TEST_F(ListsTest, GroupsNeedOneValueARow) {
  TrainingJob job = Job("a", kDataset);
  job.options.group_by = "C1";
  Recorder recorder;
  EXPECT_THAT(Train(job, recorder, {}),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("training.group_by"), HasSubstr("cells hold lists"))));
}

TEST_F(ListsTest, MemoryEstimateCountsTheIdsOfBags) {
  TrainingJob plain = Job("a", TestDataset());
  TrainingJob lists = Job("a", kDataset);
  plain.options.batch_size = lists.options.batch_size = 3000;
  EXPECT_GT(EstimateMemoryBytes(lists), EstimateMemoryBytes(plain));
}

}  // namespace
}  // namespace sda::trainer
