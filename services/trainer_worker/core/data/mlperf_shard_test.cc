// Files in MLPerf's binary format, read where they lie.
#include "services/trainer_worker/core/data/mlperf_shard.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "common/testing/status_matchers.h"
#include "services/trainer_worker/core/data/batch_loader.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/row_order.h"
#include "services/trainer_worker/core/kernels/loss.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/serving/predictor.h"
#include "services/trainer_worker/core/testing/training_fixture.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using trainer::testing::Recorder;

using Row = std::vector<int32_t>;

constexpr int64_t kRange = 50;  // ids modulo this
constexpr int64_t kTableRows = 50;

// Label, dense values and ids; ids here are small enough to be floats.
using Inputs = std::vector<float>;

// What the bytes of a row say, by the format's definition: little-endian integers, the logarithm of 1 + x,
// ids modulo the range.
Inputs InputsOfBytes(const std::string& file, int64_t row) {
  Inputs inputs;
  for (int64_t i = 0; i < 40; ++i) {
    uint32_t value = 0;
    for (int64_t b = 0; b < 4; ++b)
      value |= uint32_t{static_cast<unsigned char>(file.at(static_cast<size_t>(160 * row + 4 * i + b)))}
               << (8 * b);
    if (i == 0)
      inputs.push_back(static_cast<float>(value));
    else if (i <= 13)
      inputs.push_back(static_cast<float>(std::log1p(static_cast<double>(value))));
    else
      inputs.push_back(static_cast<float>(value % kRange));
  }
  return inputs;
}

Inputs InputsOfBatch(const Batch& batch, size_t i) {
  Inputs inputs = {batch.labels[i]};
  for (size_t c = 0; c < 13; ++c) inputs.push_back(batch.dense[i * 13 + c]);
  for (size_t t = 0; t < 26; ++t) inputs.push_back(static_cast<float>(batch.tables[t].ids[i]));
  return inputs;
}

// Where the fixture's splits lie in its file.
struct Place {
  std::string split;
  int64_t begin, end;
};
const std::vector<Place> kPlaces = {{"train", 0, 600}, {"validation", 600, 750}, {"test", 750, 900}};

class MlperfShardTest : public trainer::testing::TrainingTest {
 protected:
  void SetUp() override {
    Rng rng(4);
    for (int i = 0; i < 900; ++i) {
      Row row(40);
      for (int c = 1; c <= 13; ++c)
        row[c] = static_cast<int32_t>(rng.Below(c == 5 && i % 9 == 0 ? 3'000'000 : 20));
      for (int t = 14; t < 40; ++t) row[t] = static_cast<int32_t>(rng.Below(t == 14 ? 1'000'000 : 50));
      row[0] = row[1] > 9 ? 1 : 0;
      rows_.push_back(row);
    }
  }

  void Write(const std::string& extra = "") {
    std::ofstream file(path_, std::ios::binary);
    for (const Row& row : rows_)
      file.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * 4));
    file << extra;
  }

  // The first 600 rows to train on, then 150 each.
  DatasetManifest Manifest() const {
    DatasetManifest manifest;
    manifest.name = "datasets/binary";
    manifest.label_column = "label";
    manifest.shard_format = ShardFormat::kMlperfBinary;
    manifest.max_ind_range = kRange;
    manifest.options_json = manifest.provenance_json = "{}";
    for (int c = 1; c <= 13; ++c) {
      ManifestColumn column;
      column.name = absl::StrCat("I", c);
      column.dense = {.log = true};
      manifest.columns.push_back(column);
    }
    for (int c = 1; c <= 26; ++c) {
      ManifestColumn column;
      column.name = absl::StrCat("C", c);
      column.role = ColumnRole::kCategorical;
      column.table_rows = kTableRows;
      manifest.columns.push_back(column);
    }
    const auto split = [&](int64_t begin, int64_t rows) {
      ManifestSplit made{.rows = rows, .positive_rows = 0, .shards = {}};
      for (int64_t row = begin; row < begin + rows; ++row) made.positive_rows += rows_[row][0];
      // In two parts, as files would be.
      for (const int64_t part : {int64_t{0}, rows / 3}) {
        const int64_t size = part == 0 ? rows / 3 : rows - rows / 3;
        made.shards.push_back(
            {.path = path_, .rows = size, .bytes = 160 * size, .sha256 = "", .first_row = begin + part});
      }
      return made;
    };
    manifest.splits["train"] = split(0, 600);
    manifest.splits["validation"] = split(600, 150);
    manifest.splits["test"] = split(750, 150);
    manifest.digest = ComputeDatasetDigest(manifest);
    return manifest;
  }

  absl::Status ReadTrain() {
    auto train = SplitReader::Open(Manifest(), folder_.path(), "train");
    if (!train.ok()) return train.status();
    return BatchBuffer(**train, 600).FillRange(0, 600).status();
  }

  // The same rows as Arrow shards, one a split.
  DatasetManifest WriteArrow(const std::string& folder) const {
    DatasetManifest manifest = Manifest();
    manifest.shard_format = ShardFormat::kArrow;
    manifest.max_ind_range = 0;
    const std::string bytes = sda::testing::ReadFile(path_);
    for (const auto& [name, begin, end] : kPlaces) {
      std::vector<std::pair<std::string, trainer::testing::ShardColumn>> columns;
      for (int c = 0; c < 40; ++c) {
        std::vector<float> values;
        for (int64_t row = begin; row < end; ++row) values.push_back(InputsOfBytes(bytes, row)[c]);
        if (c == 0)
          columns.emplace_back("label", values);
        else if (c <= 13)
          columns.emplace_back(absl::StrCat("I", c), values);
        else
          columns.emplace_back(absl::StrCat("C", c - 13), std::vector<int32_t>(values.begin(), values.end()));
      }
      const std::string path = name + ".arrow";
      trainer::testing::WriteShard(folder + "/" + path, columns);
      manifest.splits[name].shards = {{.path = path, .rows = end - begin, .bytes = 0, .sha256 = ""}};
    }
    manifest.digest = ComputeDatasetDigest(manifest);
    return manifest;
  }

  // Long enough for the plain rule of the labels.
  TrainingJob RuleJob(const std::string& name) {
    TrainingJob job = Job(name);
    job.manifest = Manifest();
    job.options.epochs = 60;
    job.options.evaluations_per_epoch = 1;
    job.options.keep = Keep::kLast;
    job.model.dropout = 0;
    job.optimizer.sparse.learning_rate = 0.01;
    return job;
  }

  std::vector<Row> rows_;
  const std::string path_ = folder_ / "day.bin";
};

TEST(MlperfFormatTest, SizesOfThePublishedFiles) {
  EXPECT_EQ(4'195'197'692 * kMlperfRowBytes, 671'231'630'720);
  EXPECT_EQ(89'137'319 * kMlperfRowBytes, 14'261'971'040);
  EXPECT_EQ(89'137'318 * kMlperfRowBytes, 14'261'970'880);
}

TEST_F(MlperfShardTest, RowsAreReadAsTheyLie) {
  Write();
  SDA_ASSERT_OK_AND_ASSIGN(const auto validation, SplitReader::Open(Manifest(), "/nowhere", "validation"));
  ASSERT_EQ(validation->rows(), 150);
  BatchBuffer buffer(*validation, 3);
  const std::vector<uint32_t> wanted = {149, 0, 50};
  SDA_ASSERT_OK_AND_ASSIGN(const Batch batch, buffer.Fill(wanted));
  SDA_ASSERT_OK(CheckBatch(batch, validation->shape()));
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Row& row = rows_[600 + wanted[i]];
    EXPECT_EQ(batch.labels[i], static_cast<float>(row[0]));
    for (size_t c = 0; c < 13; ++c) {
      const auto expected = static_cast<float>(std::log1p(static_cast<double>(row[1 + c])));
      EXPECT_EQ(batch.dense[i * 13 + c], expected) << row[1 + c];
    }
    for (size_t t = 0; t < 26; ++t) EXPECT_EQ(batch.tables[t].ids[i], row[14 + t] % kRange);
  }
}

TEST_F(MlperfShardTest, EveryRowOfEverySplitIsThatOfTheFile) {
  Write();
  const std::string bytes = sda::testing::ReadFile(path_);
  std::set<Inputs> distinct;
  for (const auto& [name, begin, end] : kPlaces) {
    SDA_ASSERT_OK_AND_ASSIGN(const auto split, SplitReader::Open(Manifest(), "", name));
    ASSERT_EQ(split->rows(), end - begin);
    BatchBuffer buffer(*split, 64);  // batches cross the border of the shards
    for (int64_t first = 0; first < split->rows(); first += 64) {
      SDA_ASSERT_OK_AND_ASSIGN(const Batch batch,
                               buffer.FillRange(first, std::min(first + 64, split->rows())));
      for (int64_t i = 0; i < batch.rows; ++i) {
        const Inputs inputs = InputsOfBatch(batch, static_cast<size_t>(i));
        ASSERT_EQ(inputs, InputsOfBytes(bytes, begin + first + i)) << name << " row " << first + i;
        EXPECT_EQ(inputs[0] == 1, inputs[1] > std::log1p(9.5)) << "the rule of the labels";
        distinct.insert(inputs);
      }
    }
  }
  EXPECT_EQ(distinct.size(), 900) << "rows that are alike could be taken for each other";
}

TEST_F(MlperfShardTest, AShuffledEpochHasEachTrainingRowOnceAndNoOther) {
  Write();
  const std::string bytes = sda::testing::ReadFile(path_);
  std::multiset<Inputs> expected;
  for (int64_t row = 0; row < 600; ++row) expected.insert(InputsOfBytes(bytes, row));
  SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(Manifest(), "", "train"));
  constexpr int kBatch = 100, kSteps = 6;
  BatchLoader loader(*train, RowOrder(600, /*shuffle=*/true, 7), kBatch, kSteps, 2 * kSteps);
  loader.Start(1);
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::multiset<Inputs> seen;
    for (int step = 0; step < kSteps; ++step) {
      SDA_ASSERT_OK_AND_ASSIGN(const Batch batch, loader.Next());
      for (size_t i = 0; i < kBatch; ++i) seen.insert(InputsOfBatch(batch, i));
    }
    EXPECT_TRUE(seen == expected) << "epoch " << epoch;
  }
}

TEST_F(MlperfShardTest, TrainsAndEvaluatesAsOnArrowShardsOfTheSameRows) {
  Write();
  TrainingJob job = RuleJob("binary");
  job.options.epochs = 3;
  TrainingJob arrow = job;
  arrow.output_folder = folder_ / "arrow/attempt-1";
  arrow.dataset_folder = folder_ / "arrow-dataset";
  arrow.manifest = WriteArrow(arrow.dataset_folder);
  Recorder recorder, arrow_recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult binary_result, Train(job, recorder, {}));
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult arrow_result, Train(arrow, arrow_recorder, {}));
  EXPECT_EQ(Weights(binary_result), Weights(arrow_result));
  ASSERT_EQ(recorder.measurements.size(), 3);
  ASSERT_EQ(arrow_recorder.measurements.size(), 3);
  for (size_t i = 0; i < 3; ++i) {
    auto metrics = recorder.measurements[i].metrics, arrow_metrics = arrow_recorder.measurements[i].metrics;
    for (const char* of_time : {"train_seconds", "samples_per_second"}) {
      EXPECT_EQ(metrics.erase(of_time), 1);
      EXPECT_EQ(arrow_metrics.erase(of_time), 1);
    }
    EXPECT_EQ(metrics, arrow_metrics);
  }
}

// With the fixture's own ids, which say nothing of the label, 26 tables of 50 rows learn 600 rows by heart
// and rows not seen fare badly. Where all ids are alike only the dense values are left to learn from.
TEST_F(MlperfShardTest, LearnsTheRuleOfADenseColumnForRowsNotSeen) {
  for (Row& row : rows_) std::fill(row.begin() + 14, row.end(), 0);
  Write();
  const TrainingJob job = RuleJob("rule");
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_GT(result.metrics.at("auc"), 0.95);
  for (const auto& [name, begin, end] : kPlaces) {
    const EvaluationJob evaluation{.model_folder = result.model_folder,
                                   .manifest = job.manifest,
                                   .dataset_folder = job.dataset_folder,
                                   .split = name,
                                   .progress = {}};
    SDA_ASSERT_OK_AND_ASSIGN(const auto measured, EvaluateModel(evaluation, {}));
    EXPECT_GT(measured.at("auc"), 0.95) << name;
  }
}

TEST_F(MlperfShardTest, BadFilesAreNamed) {
  EXPECT_THAT(ReadTrain(), StatusIs(StatusCode::kNotFound, HasSubstr("day.bin")));
  Write("abc");
  EXPECT_THAT(ReadTrain(),
              StatusIs(StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("day.bin: has 144003 bytes"), HasSubstr("multiple of 160"))));
  const DatasetManifest manifest = Manifest();
  rows_.resize(500);
  Write();
  EXPECT_THAT(SplitReader::Open(manifest, "", "train"),
              StatusIs(StatusCode::kFailedPrecondition, AllOf(HasSubstr("has 500 rows"), HasSubstr("600"))));
}

TEST_F(MlperfShardTest, BadRowsAreNamedByTheirPlaceInTheFile) {
  const auto refusal = [&](size_t column, int32_t value) {
    const int32_t good = std::exchange(rows_[333][column], value);
    Write();
    const absl::Status status = ReadTrain();
    rows_[333][column] = good;
    return status;
  };
  EXPECT_THAT(refusal(0, 2), StatusIs(StatusCode::kFailedPrecondition,
                                      HasSubstr("day.bin: row 333: label is 2; must be 0 or 1")));
  EXPECT_THAT(refusal(5, -3), StatusIs(StatusCode::kFailedPrecondition,
                                       HasSubstr("day.bin: row 333: column I5: is -3; must be at least 0")));
  for (const int32_t id : {-1, -50}) {
    EXPECT_THAT(refusal(16, id),
                StatusIs(StatusCode::kOutOfRange, HasSubstr(absl::StrCat("day.bin: row 333: table C3: id ",
                                                                         id, "; must be in [0, 50)"))));
  }
  SDA_EXPECT_OK(refusal(16, 2147483647));  // modulo 50 it is within the table
}

TEST_F(MlperfShardTest, IdsBeyondTheirTableAreNamed) {
  Write();
  DatasetManifest manifest = Manifest();
  manifest.max_ind_range = 0;  // column C1 has ids up to a million
  SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, "", "train"));
  BatchBuffer buffer(*train, 600);
  EXPECT_THAT(buffer.FillRange(0, 600), StatusIs(StatusCode::kOutOfRange, AllOf(HasSubstr("day.bin: row "),
                                                                                HasSubstr("table C1: id "))));
}

TEST_F(MlperfShardTest, TrainsResumesEvaluatesAndServes) {
  Write();
  TrainingJob job = RuleJob("whole");
  job.options.epochs = 20;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult whole, Train(job, recorder, {}));
  job.output_folder = folder_ / "parts/attempt-1";
  Recorder stopped;
  stopped.on_measurement = [&](const Measurement& m) {
    stopped.accepted = m.checkpoint_path;
    return stopped.measurements.size() < 3;
  };
  SDA_ASSERT_OK(Train(job, stopped, {}));
  job.output_folder = folder_ / "parts/attempt-2";
  job.resume_checkpoint = stopped.accepted;
  Recorder resumed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult rest, Train(job, resumed, {}));
  EXPECT_GT(resumed.start, 0);
  EXPECT_EQ(Weights(rest), Weights(whole));

  EvaluationJob evaluation{.model_folder = whole.model_folder,
                           .manifest = job.manifest,
                           .dataset_folder = job.dataset_folder,
                           .split = "validation",
                           .progress = {}};
  SDA_ASSERT_OK_AND_ASSIGN(const auto measured, EvaluateModel(evaluation, {}));
  EXPECT_NEAR(measured.at("auc"), whole.metrics.at("auc"), 1e-6);
  // So few rows are learned by heart, through ids that say nothing: that evaluation reads the rows that
  // training read, not that the rule was learned.
  evaluation.split = "train";
  SDA_ASSERT_OK_AND_ASSIGN(const auto learned, EvaluateModel(evaluation, {}));
  EXPECT_GT(learned.at("auc"), 0.95) << "validation: " << whole.metrics.at("auc");
  evaluation.split = "validation";
  evaluation.manifest.max_ind_range = 49;
  EXPECT_THAT(EvaluateModel(evaluation, {}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("max_ind_range is 49, not 50")));

  // Raw rows: integers as they stand in the file.
  SDA_ASSERT_OK_AND_ASSIGN(const auto predictor, Predictor::Load(whole.model_folder));
  std::vector<RawColumn> columns;
  std::vector<std::string> names, cells;
  for (int c = 0; c < 39; ++c) {
    names.push_back(c < 13 ? absl::StrCat("I", c + 1) : absl::StrCat("C", c - 12));
    cells.push_back(absl::StrCat(rows_[700][1 + c]));
  }
  for (int c = 0; c < 39; ++c) columns.push_back({names[c], {cells[c]}});
  SDA_ASSERT_OK_AND_ASSIGN(const auto p, predictor->Predict(columns));
  SDA_ASSERT_OK_AND_ASSIGN(const auto split, SplitReader::Open(job.manifest, "", "validation"));
  BatchBuffer buffer(*split, 1);
  SDA_ASSERT_OK_AND_ASSIGN(const Batch batch, buffer.FillRange(100, 101));
  const DlrmLayout layout(job.model, split->shape());
  DlrmWeights weights(layout);
  SDA_ASSERT_OK(ReadModelWeights(whole.model_folder, weights));
  DlrmWorkspace workspace(layout, 1, false);
  float logit = 0;
  DlrmForward(layout, weights, batch, 0, 1, {}, workspace, &logit);
  EXPECT_FLOAT_EQ(p[0], static_cast<float>(Sigmoid(logit)));
  EXPECT_THAT(predictor->Predict({{"C3", {"1", "-4"}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("columns[C3].values[1]")));
}

}  // namespace
}  // namespace sda::trainer
