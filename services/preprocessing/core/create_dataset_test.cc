#include "services/preprocessing/core/create_dataset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/row_hash.h"
#include "common/base/sha256.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

using testing::FolderOutput;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReadColumn;
using testing::ReadFile;
using testing::ReadVocabulary;
using testing::TempFolder;

class CreateDatasetTest : public ::testing::Test {
 protected:
  absl::StatusOr<DatasetManifest> Create(const DatasetSpec& spec, int threads = 2) {
    dataset_ = folder_.path() + "/dataset-" + std::to_string(++datasets_);
    output_ = std::make_unique<FolderOutput>(dataset_);
    return CreateDataset(spec, "datasets/d", {.threads = threads}, *output_);
  }

  DatasetManifest CreateOrDie(const DatasetSpec& spec, int threads = 2) {
    auto manifest = Create(spec, threads);
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.ok() ? *manifest : DatasetManifest{};
  }

  // The error, which must leave nothing behind.
  std::string Message(const DatasetSpec& spec) {
    const auto manifest = Create(spec);
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument) << manifest.status();
    EXPECT_THAT(output_->Files(), IsEmpty());
    reason_ = GetErrorReason(manifest.status());
    return std::string(manifest.status().message());
  }

  std::string Write(const std::string& name, const std::string& text) { return folder_.Write(name, text); }

  TempFolder folder_;
  std::string dataset_;  // folder of the last dataset
  std::unique_ptr<FolderOutput> output_;
  std::string reason_;
  int datasets_ = 0;
};

// A log with a user, a time, numbers and text; row i is clicked where i % 3 == 0.
std::string Log(int rows, int first = 0) {
  std::string text = "click,user_id,when,amount,word\n";
  for (int i = first; i < first + rows; ++i) {
    text += std::to_string(i % 3 == 0) + "," + std::to_string(i * 7919 % 500) + "," +
            std::to_string(1'000'000 + i) + "," + (i % 10 == 0 ? "" : std::to_string(i % 97) + ".5") + "," +
            (i % 11 == 0 ? "?" : "w" + std::to_string(i * i % 61)) + "\n";
  }
  return text;
}

TEST_F(CreateDatasetTest, EveryValueFollowsItsDefinition) {
  const int rows = 3000;
  DatasetSpec spec{.data_uris = {Write("log.csv", Log(rows))}, .label = "click"};
  spec.columns = {{.name = "when", .role = Role::kIgnored}, {.name = "amount", .log = true}};
  spec.frequency_threshold = 40;
  spec.seed = 5;
  spec.shard_rows = 256;
  const DatasetManifest manifest = CreateOrDie(spec);
  ASSERT_EQ(manifest.columns.size(), 3u);
  EXPECT_EQ(manifest.columns[0].name, "amount");
  EXPECT_EQ(manifest.columns[1].name, "user_id");
  EXPECT_EQ(manifest.columns[2].name, "word");

  // The same with maps and loops.
  std::map<std::string, std::vector<int>> split_rows;
  std::map<std::string, int> counts;
  std::vector<double> logs;
  for (int i = 0; i < rows; ++i) {
    const auto row = static_cast<uint64_t>(i);
    const std::string split = ToUnit(HashRow(5, RandomStream::kTestSplit, row)) < 0.2         ? "test"
                              : ToUnit(HashRow(5, RandomStream::kValidationSplit, row)) < 0.1 ? "validation"
                                                                                              : "train";
    split_rows[split].push_back(i);
    if (split != "train") continue;
    logs.push_back(std::log1p(i % 10 == 0 ? 0.0 : i % 97 + 0.5));  // missing counts as 0 under the logarithm
    if (i % 11 != 0) ++counts["w" + std::to_string(i * i % 61)];
  }
  const double mean = std::accumulate(logs.begin(), logs.end(), 0.0) / static_cast<double>(logs.size());
  double variance = 0;
  for (const double log : logs) variance += (log - mean) * (log - mean) / static_cast<double>(logs.size());
  const DenseTransform& transform = manifest.columns[0].dense;
  EXPECT_TRUE(transform.log);
  EXPECT_EQ(transform.fill_value, 0);
  EXPECT_NEAR(transform.mean, mean, 1e-9);
  EXPECT_NEAR(transform.scale, std::sqrt(variance), 1e-9);

  std::vector<std::pair<int, std::string>> order;
  for (const auto& [value, count] : counts) {
    if (count >= 40) order.emplace_back(-count, value);
  }
  std::sort(order.begin(), order.end());
  std::map<std::string, int> ids;
  std::vector<std::string> vocabulary;
  for (const auto& [count, value] : order) {
    ids[value] = static_cast<int>(vocabulary.size()) + 2;
    vocabulary.push_back(value);
  }
  EXPECT_FALSE(vocabulary.empty());
  EXPECT_EQ(ReadVocabulary(dataset_, manifest.columns[2]), vocabulary);
  EXPECT_EQ(manifest.columns[2].table_rows, static_cast<int64_t>(vocabulary.size()) + 2);
  EXPECT_EQ(manifest.columns[2].distinct_count, static_cast<int64_t>(counts.size()));

  for (const auto& [split, numbers] : split_rows) {
    const auto labels = ReadColumn<float>(dataset_, manifest, split, "label");
    const auto amounts = ReadColumn<float>(dataset_, manifest, split, "amount");
    const auto words = ReadColumn<int32_t>(dataset_, manifest, split, "word");
    ASSERT_EQ(labels.size(), numbers.size()) << split;
    EXPECT_EQ(manifest.splits.at(split).rows, static_cast<int64_t>(numbers.size()));
    int64_t positives = 0;
    for (size_t k = 0; k < numbers.size(); ++k) {
      const int i = numbers[k];
      ASSERT_EQ(labels[k], i % 3 == 0 ? 1.0f : 0.0f) << split << " " << i;
      positives += i % 3 == 0;
      const double raw = i % 10 == 0 ? 0.0 : i % 97 + 0.5;
      ASSERT_NEAR(amounts[k], (std::log1p(raw) - mean) / std::sqrt(variance), 1e-6) << split << " " << i;
      const auto found = ids.find("w" + std::to_string(i * i % 61));
      ASSERT_EQ(words[k], i % 11 == 0 ? 0 : found == ids.end() ? 1 : found->second) << split << " " << i;
    }
    EXPECT_EQ(manifest.splits.at(split).positive_rows, positives);
  }
}

TEST_F(CreateDatasetTest, ManifestShardsAndHashesAgreeWithTheFiles) {
  DatasetSpec spec{.data_uris = {Write("log.csv", Log(1000))}, .label = "click"};
  spec.shard_rows = 100;
  const DatasetManifest manifest = CreateOrDie(spec);
  const auto read = ManifestFromJson(ReadFile(dataset_ + "/manifest.json"), "manifest.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, manifest);
  EXPECT_EQ(manifest.digest, ComputeDatasetDigest(manifest));
  std::set<std::string> named = {"manifest.json"};
  int64_t rows = 0;
  for (const auto& [name, split] : manifest.splits) {
    for (size_t i = 0; i < split.shards.size(); ++i) {
      const ManifestShard& shard = split.shards[i];
      const std::string bytes = ReadFile(dataset_ + "/" + shard.path);
      EXPECT_EQ(static_cast<int64_t>(bytes.size()), shard.bytes);
      EXPECT_EQ(Sha256Hex(bytes), shard.sha256);
      if (i + 1 < split.shards.size()) {
        EXPECT_EQ(shard.rows, 100);
      }
      EXPECT_EQ(testing::ReadBatch(dataset_ + "/" + shard.path)->num_rows(), shard.rows);
      named.insert(shard.path);
      rows += shard.rows;
    }
  }
  EXPECT_EQ(rows, 1000);
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role != ColumnRole::kCategorical) continue;
    EXPECT_EQ(Sha256Hex(ReadFile(dataset_ + "/" + column.vocabulary_path)), column.vocabulary_sha256);
    named.insert(column.vocabulary_path);
  }
  const auto files = output_->Files();
  EXPECT_EQ(std::set<std::string>(files.begin(), files.end()), named);
}

TEST_F(CreateDatasetTest, DigestIsTheSameForAnyThreadsAndFileCut) {
  std::mt19937 random(11);
  std::string rows;
  std::vector<std::string> lines;
  for (int i = 0; i < 20'000; ++i) {
    lines.push_back(std::to_string(random() % 2) + "\t" +
                    std::to_string(static_cast<double>(random()) / 1e5) + "\t" +
                    std::to_string(random() % 3000) + "\tv" + std::to_string(random() % 5000) + "\n");
    rows += lines.back();
  }
  DatasetSpec spec{.data_uris = {Write("whole/all.tsv", rows)}, .label = "0"};
  spec.shard_rows = 3000;
  const std::string digest = CreateOrDie(spec, 1).digest;
  EXPECT_EQ(CreateOrDie(spec, 2).digest, digest);
  EXPECT_EQ(CreateOrDie(spec, 8).digest, digest);

  size_t next = 0;
  for (size_t file = 1; file <= 50; ++file) {
    std::string part;
    for (const size_t end = file == 50 ? lines.size() : file * 400 - random() % 399; next < end; ++next)
      part += lines[next];
    Write("parts/" + std::to_string(100 + file) + ".tsv", part);
  }
  spec.data_uris = {folder_.path() + "/parts"};
  EXPECT_EQ(CreateOrDie(spec, 3).digest, digest);

  spec.seed = 1;
  EXPECT_NE(CreateOrDie(spec, 3).digest, digest);
}

TEST_F(CreateDatasetTest, TheResolvedOptionsMakeAnEqualDataset) {
  const DatasetSpec spec{.data_uris = {Write("log.csv", Log(1000))}, .label = "click"};
  const DatasetManifest manifest = CreateOrDie(spec);
  EXPECT_THAT(manifest.options_json, HasSubstr(R"("delimiter":",","header":"HEADER_YES")"));
  EXPECT_THAT(manifest.options_json, HasSubstr(R"({"name":"amount","role":"ROLE_DENSE","reason":")"));
  EXPECT_THAT(manifest.options_json, HasSubstr(R"("fraction":0.2,"validation_share":0.1)"));
}

TEST_F(CreateDatasetTest, FittedStateComesFromTrainingRowsAlone) {
  DatasetSpec spec{.data_uris = {Write("train.csv", Log(1000))}, .label = "click"};
  spec.test_uris = {Write("test.csv", Log(500, 1000))};
  const DatasetManifest first = CreateOrDie(spec);
  // Other values in the test rows: the same vocabularies and transforms.
  std::string other = "click,user_id,when,amount,word\n";
  for (int i = 0; i < 500; ++i) other += "1,999999,5,1e9,unseen\n";
  spec.test_uris = {Write("test.csv", other)};
  const DatasetManifest second = CreateOrDie(spec);
  EXPECT_EQ(first.columns, second.columns);
  EXPECT_EQ(first.splits.at("train"), second.splits.at("train"));
  EXPECT_EQ(second.splits.at("test").rows, 500);
  for (const int32_t id : ReadColumn<int32_t>(dataset_, second, "test", "word")) EXPECT_EQ(id, 1);
}

TEST_F(CreateDatasetTest, RowsOfAKeyStayTogether) {
  DatasetSpec spec{.data_uris = {Write("log.csv", Log(5000))}, .label = "click"};
  spec.split = {.kind = SplitSpec::Kind::kHash, .column = "user_id", .test_share = 0.3};
  spec.frequency_threshold = 1;
  const DatasetManifest manifest = CreateOrDie(spec);
  const auto& test = manifest.splits.at("test");
  EXPECT_NEAR(static_cast<double>(test.rows), 1500, 250);
  // Users of the test part are unknown to the vocabulary of the others.
  for (const int32_t id : ReadColumn<int32_t>(dataset_, manifest, "test", "user_id")) EXPECT_EQ(id, 1);
}

TEST_F(CreateDatasetTest, TheLatestRowsAreTheTestPart) {
  DatasetSpec spec{.data_uris = {Write("log.csv", Log(1000))}, .label = "click"};
  spec.split = {.kind = SplitSpec::Kind::kTime, .column = "when", .test_share = 0.25};
  const DatasetManifest manifest = CreateOrDie(spec);
  EXPECT_EQ(manifest.splits.at("test").rows, 250);
  const auto labels = ReadColumn<float>(dataset_, manifest, "test", "label");
  for (size_t k = 0; k < labels.size(); ++k) EXPECT_EQ(labels[k], (750 + k) % 3 == 0 ? 1.0f : 0.0f);
  for (const ManifestColumn& column : manifest.columns) EXPECT_NE(column.name, "when");
}

TEST_F(CreateDatasetTest, RowsOfOneTimeAreNotTornApart) {
  std::string text = "y,t,x\n";
  for (int i = 0; i < 100; ++i)
    text += std::to_string(i % 2) + "," + (i < 70 ? "1" : "2014-01-01") + "," + std::to_string(i) + "\n";
  DatasetSpec spec{.data_uris = {Write("log.csv", text)}, .label = "y"};
  spec.split = {.kind = SplitSpec::Kind::kTime, .column = "t", .test_share = 0.3};
  EXPECT_EQ(CreateOrDie(spec).splits.at("test").rows, 30);
  spec.split.test_share = 0.2;
  EXPECT_EQ(CreateOrDie(spec).splits.at("test").rows, 0);
}

TEST_F(CreateDatasetTest, PositiveValuesMapLabels) {
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += std::to_string(i) + ".5, x, " + (i % 4 == 0 ? ">50K" : i % 4 == 1 ? ">50K." : "<=50K") + "\n";
  DatasetSpec spec{.data_uris = {Write("a.data", text)}, .label = "-1"};
  spec.positive_values = {">50K", ">50K."};
  const DatasetManifest manifest = CreateOrDie(spec);
  const auto& splits = manifest.splits;
  EXPECT_EQ(splits.at("train").positive_rows + splits.at("validation").positive_rows +
                splits.at("test").positive_rows,
            150);
  spec.positive_values = {"yes"};
  EXPECT_THAT(Message(spec), HasSubstr("training rows has label \"yes\""));
}

TEST_F(CreateDatasetTest, BadDataIsNamedByFileLineAndColumn) {
  auto spec_of = [&](const std::string& text, const std::string& label = "y") {
    return DatasetSpec{.data_uris = {Write("bad.csv", text)}, .label = label};
  };
  const std::string file = folder_.path() + "/bad.csv";
  std::string good = "y,x,word\n";
  for (int i = 0; i < 20'000; ++i) good += std::to_string(i % 2) + "," + std::to_string(i) + ".5,w\n";

  EXPECT_EQ(Message(spec_of(good + "1,2\n")), file + ":20002: has 2 fields; must have 3");
  EXPECT_EQ(reason_, "RAGGED_ROW");
  EXPECT_THAT(Message(spec_of(good + "\n\n2,1,w\n")),
              HasSubstr(file + ":20004: column \"y\": label \"2\" is neither 0 nor 1"));
  EXPECT_EQ(reason_, "BAD_LABEL");
  EXPECT_EQ(Message(spec_of(good + ",1,w\n")), file + ":20002: column \"y\": the label is missing");
  EXPECT_THAT(Message(spec_of(good + "1,abc,w\n")),
              HasSubstr(file + ":20002: column \"x\": \"abc\" is not a number"));
  EXPECT_EQ(reason_, "BAD_NUMBER");
  EXPECT_THAT(Message(spec_of(good + "1,nan,w\n")), HasSubstr("\"nan\" is not a number"));
  EXPECT_THAT(Message(spec_of(good + "1,1e300,w\n")), HasSubstr("is not a number (of at most 1e+150)"));
  EXPECT_THAT(Message(spec_of(good + "1,2,\xff\n")),
              HasSubstr(":20002: column \"word\": \"\\xff\" is not valid UTF-8"));
  EXPECT_EQ(reason_, "BAD_TEXT");
  EXPECT_THAT(Message(spec_of(good + "1,2,a\"b\n")),
              HasSubstr(":20002: column \"word\": has a quote inside"));
  EXPECT_THAT(Message(spec_of(good, "clicked")),
              HasSubstr("label: there is no column \"clicked\"; columns are y, x, word"));
  EXPECT_THAT(Message(spec_of("y,x\n")), HasSubstr("no rows"));
  EXPECT_THAT(Message({.data_uris = {folder_.path() + "/none.csv"}, .label = "y"}),
              HasSubstr("none.csv: does not exist"));
}

TEST_F(CreateDatasetTest, OfSeveralErrorsTheFirstInTheDataIsNamed) {
  std::string text = "y,x\n";
  for (int i = 0; i < 200'000; ++i) text += (i % 50'000 == 49'999 ? "7," : "1,") + std::to_string(i) + "\n";
  const DatasetSpec spec{.data_uris = {Write("bad.csv", text)}, .label = "y"};
  for (const int threads : {1, 2, 7}) {
    EXPECT_THAT(std::string(Create(spec, threads).status().message()), HasSubstr("bad.csv:50001: "));
  }
}

TEST_F(CreateDatasetTest, BadSpecsAreRefusedFieldByField) {
  DatasetSpec spec;
  spec.split.test_share = std::nan("");
  spec.shard_rows = 0;
  spec.format.delimiter = "\n";
  const std::string message = Message(spec);
  EXPECT_THAT(message, HasSubstr("data_uris: is empty"));
  EXPECT_THAT(message, HasSubstr("label: is empty"));
  EXPECT_THAT(message, HasSubstr("split.test_share: is nan"));
  EXPECT_THAT(message, HasSubstr("shard_rows: is 0"));
  EXPECT_THAT(message, HasSubstr("format.delimiter: is \"\\n\""));
}

TEST_F(CreateDatasetTest, NothingIsLeftWhenWritingFails) {
  const DatasetSpec spec{.data_uris = {Write("log.csv", Log(1000))}, .label = "click"};
  for (const char* path : {"vocabularies/word.arrow", "train/shard-00000.arrow", "manifest.json"}) {
    FolderOutput output(folder_.path() + "/full");
    output.fail_at = path;
    const auto manifest = CreateDataset(spec, "datasets/d", {.threads = 2}, output);
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kResourceExhausted) << path;
    EXPECT_THAT(output.Files(), IsEmpty()) << path;
  }
}

TEST_F(CreateDatasetTest, CancellingLeavesNothing) {
  std::string text = "y,x,word\n";
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i % 2) + "," + std::to_string(i) + ".5,w\n";
  const DatasetSpec spec{.data_uris = {Write("log.csv", text)}, .label = "y"};
  for (const char* stage : {"fit", "encode"}) {
    std::stop_source stop;
    RunSettings settings{.threads = 2, .stop = stop.get_token()};
    settings.on_progress = [&](const Progress& progress) {
      if (progress.stage == stage) stop.request_stop();
    };
    FolderOutput output(folder_.path() + "/cancelled");
    const auto manifest = CreateDataset(spec, "datasets/d", settings, output);
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kCancelled) << stage;
    EXPECT_EQ(GetErrorReason(manifest.status()), "JOB_CANCELLED");
    EXPECT_THAT(output.Files(), IsEmpty()) << stage;
  }
}

TEST_F(CreateDatasetTest, ProgressCountsUpToAllRows) {
  const DatasetSpec spec{.data_uris = {Write("log.csv", Log(20'000))}, .label = "click"};
  std::map<std::string, Progress> last;
  RunSettings settings{.threads = 2};
  settings.on_progress = [&](const Progress& progress) {
    EXPECT_GE(progress.rows, last[progress.stage].rows);
    last[progress.stage] = progress;
  };
  FolderOutput output(folder_.path() + "/d");
  ASSERT_TRUE(CreateDataset(spec, "datasets/d", settings, output).ok());
  EXPECT_EQ(last.at("fit").rows, 20'000);
  EXPECT_EQ(last.at("encode").rows, 20'000);
  EXPECT_EQ(last.at("encode").rows_total, 20'000);
  EXPECT_EQ(last.at("encode").bytes, last.at("encode").bytes_total);
}

TEST_F(CreateDatasetTest, AColumnWithoutValuesOrWithOneValueIsHarmless) {
  std::string text = "y,empty,same,x\n";
  for (int i = 0; i < 100; ++i) text += std::to_string(i % 2) + ",,7,a\n";
  DatasetSpec spec{.data_uris = {Write("log.csv", text)}, .label = "y"};
  spec.columns = {{.name = "empty", .role = Role::kDense},
                  {.name = "same", .role = Role::kDense},
                  {.name = "x", .role = Role::kCategorical}};
  const DatasetManifest manifest = CreateOrDie(spec);
  EXPECT_EQ(manifest.columns[0].raw_min, std::nullopt);
  EXPECT_EQ(manifest.columns[0].dense,
            (DenseTransform{.fill_value = 0, .log = false, .mean = 0, .scale = 1}));
  EXPECT_EQ(manifest.columns[1].dense,
            (DenseTransform{.fill_value = 7, .log = false, .mean = 7, .scale = 1}));
  for (const float value : ReadColumn<float>(dataset_, manifest, "train", "same")) EXPECT_EQ(value, 0);
}

}  // namespace
}  // namespace sda::preprocessing
