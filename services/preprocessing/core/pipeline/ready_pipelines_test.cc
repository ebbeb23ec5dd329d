#include "services/preprocessing/core/pipeline/ready_pipelines.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

using testing::ColumnNamed;
using testing::FolderOutput;
using testing::ReadColumn;
using testing::ReadFile;
using testing::TempFolder;

constexpr size_t kInts = 13;
constexpr size_t kCats = 26;
using Row = std::array<int32_t, 1 + kInts + kCats>;

// The rows of facebookresearch/dlrm's data_utils.py, by hand: missing is 0, hashes modulo `modulus` if any,
// ids by first appearance over all rows, negative counts 0.
std::vector<Row> DlrmRows(const std::string& file, uint64_t modulus) {
  std::vector<Row> rows;
  std::vector<std::map<uint64_t, int32_t>> ids(kCats);
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == '\t')
        fields.emplace_back();
      else
        fields.back().push_back(c);
    }
    Row row{};
    row[0] = std::stoi(fields[0]);
    for (size_t i = 1; i <= kInts; ++i) row[i] = fields[i].empty() ? 0 : std::max(std::stoi(fields[i]), 0);
    for (size_t c = 0; c < kCats; ++c) {
      const std::string& hex = fields[1 + kInts + c];
      uint64_t hash = hex.empty() ? 0 : std::stoull(hex, nullptr, 16);
      if (modulus > 0) hash %= modulus;
      row[1 + kInts + c] = ids[c].emplace(hash, static_cast<int32_t>(ids[c].size())).first->second;
    }
    rows.push_back(row);
  }
  return rows;
}

class ReadyPipelineTest : public ::testing::Test {
 protected:
  DatasetManifest Create(const std::string& name, std::vector<std::string> data,
                         std::vector<std::string> test = {}) {
    DatasetSpec spec;
    spec.data_uris = std::move(data);
    spec.test_uris = std::move(test);
    spec.pipeline = ReadPipeline(FindReadyPipeline(name)->yaml).pipeline;
    spec.shard_rows = 4096;
    FolderOutput output(folder());
    auto manifest = CreateDataset(spec, "datasets/d", {.threads = 3}, output);
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.ok() ? *manifest : DatasetManifest{};
  }

  std::string folder() const { return folder_.path() + "/d"; }

  std::string MlperfBytes(const DatasetManifest& manifest, const std::string& split) const {
    std::string bytes;
    for (const ManifestExport& file : manifest.exports) {
      if (file.kind == "mlperf" && file.split == split) bytes += ReadFile(folder() + "/" + file.path);
    }
    return bytes;
  }

  static std::string Bytes(std::vector<Row>::const_iterator begin, std::vector<Row>::const_iterator end) {
    std::string bytes(static_cast<size_t>(end - begin) * sizeof(Row), '\0');
    for (size_t i = 0; begin != end; ++begin, ++i)
      std::memcpy(bytes.data() + i * sizeof(Row), begin->data(), sizeof(Row));
    return bytes;
  }

  static int64_t TableRows(const DatasetManifest& manifest) {
    int64_t sum = 0;
    for (const ManifestColumn& column : manifest.columns) sum += column.table_rows;
    return sum;
  }

  TempFolder folder_;
};

TEST_F(ReadyPipelineTest, CriteoDlrmGivesTheRowsOfDlrm) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_kaggle_dac/criteo_kaggle_all.tsv");
  const DatasetManifest manifest = Create("criteo_dlrm", {file});
  const std::vector<Row> rows = DlrmRows(file, 0);
  ASSERT_EQ(rows.size(), 14'949u);
  static_assert(sizeof(Row) == 160);
  const int64_t last = 14'949 / 7;
  const auto begin = rows.end() - last;
  const auto middle = begin + (last + 1) / 2;
  EXPECT_TRUE(MlperfBytes(manifest, "train") == Bytes(rows.begin(), begin));
  EXPECT_TRUE(MlperfBytes(manifest, "test") == Bytes(begin, middle));
  EXPECT_TRUE(MlperfBytes(manifest, "validation") == Bytes(middle, rows.end()));
  // As the data's own description states, the empty string counted as a value.
  EXPECT_EQ(TableRows(manifest), 60'641);
  EXPECT_EQ(ColumnNamed(manifest, "C3").table_rows, 8'205);
  EXPECT_EQ(ColumnNamed(manifest, "C12").table_rows, 7'805);
  EXPECT_EQ(ReadColumn<int32_t>(folder(), manifest, "train", "C3")[1], rows[1][1 + kInts + 2]);
}

TEST_F(ReadyPipelineTest, MlperfGivesTheRowsOfTheTerabyteLog) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_1tb_day0_head/day_0_head1000.tsv");
  const DatasetManifest manifest = Create("mlperf", {file});
  const std::vector<Row> rows = DlrmRows(file, 40'000'000);
  const std::string train = MlperfBytes(manifest, "train");
  const auto begin = rows.end() - static_cast<int64_t>(rows.size()) / 24;
  EXPECT_TRUE(train == Bytes(rows.begin(), begin));
  // Of the 5,537 hashes, the empty string counted as one, two are the same modulo 40,000,000.
  EXPECT_EQ(TableRows(manifest), 5'536);
}

// Row 0 of the terabyte log as published, here among copies with both labels.
TEST_F(ReadyPipelineTest, MlperfGivesThePublishedRow) {
  const std::string fields =
      "\t31\t70\t47\t47\t\t5\t0\t0\t44\t1\t\t10\t47\t6f341f8a\t000877b3\tae0e09c7\t5e9ea730\t1315f676"
      "\t6fcd6dcb\t66dfe839\t59903d33\t2e4e821f\t61aa5d8e\tb0464cac\t12716184\ta77a4a56\tafed79a4\tb867d0bc"
      "\t83f41762\t1f7fc70b\td9f758ff\t1889c49d\td2611cf6\tac6f605a\tcfa55246\t1bbb04d6\t64332f55\tff654802"
      "\ted10571d\n";
  std::string text;
  for (int i = 0; i < 48; ++i) text += (i % 2 == 0 ? "0" : "1") + fields;
  const TempFolder days;
  const DatasetManifest manifest = Create("mlperf", {days.Write("day_0", text)});
  Row expected = {0, 31, 70, 47, 47, 0, 5, 0, 0, 44, 1, 0, 10, 47};
  EXPECT_TRUE(MlperfBytes(manifest, "train").substr(0, sizeof(Row)) ==
              std::string(reinterpret_cast<const char*>(expected.data()), sizeof(Row)));
}

TEST_F(ReadyPipelineTest, MlperfHalvesTheTestDay) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_1tb_day0_head/day_0_head1000.tsv");
  const std::string text = ReadFile(file);
  size_t cut = 0;
  for (int line = 0; line < 899; ++line) cut = text.find('\n', cut) + 1;
  const TempFolder days;
  const DatasetManifest manifest =
      Create("mlperf", {days.Write("day_0", text.substr(0, cut))}, {days.Write("day_23", text.substr(cut))});
  EXPECT_EQ(manifest.splits.at("train").rows, 899);
  EXPECT_EQ(manifest.splits.at("test").rows, 51);
  EXPECT_EQ(manifest.splits.at("validation").rows, 50);
}

TEST_F(ReadyPipelineTest, Movielens) {
  SDA_REAL_DATA_OR_SKIP(file, "movielens_1m_sample/ratings_sample100k.dat");
  const DatasetManifest manifest = Create("movielens", {file});
  int64_t rows = 0;
  int64_t positives = 0;
  for (const auto& [name, split] : manifest.splits) {
    rows += split.rows;
    positives += split.positive_rows;
  }
  EXPECT_EQ(rows, 100'000);
  EXPECT_NEAR(static_cast<double>(positives) / 100'000, 0.575, 0.0005);
  // One of each of 5,958 users, but those with a single rating.
  EXPECT_LE(manifest.splits.at("test").rows, 5'958);
  EXPECT_GT(manifest.splits.at("test").rows, 5'000);
}

TEST_F(ReadyPipelineTest, Adult) {
  SDA_REAL_DATA_OR_SKIP(train, "adult/adult.data");
  SDA_REAL_DATA_OR_SKIP(test, "adult/adult.test");
  const DatasetManifest manifest = Create("adult", {train}, {test});
  EXPECT_EQ(manifest.splits.at("test").rows, 16'281);
  EXPECT_EQ(manifest.splits.at("train").rows + manifest.splits.at("validation").rows, 32'561);
  EXPECT_EQ(ColumnNamed(manifest, "age_bucket").table_rows, 11);
  EXPECT_NEAR(*ColumnNamed(manifest, "c0").raw_mean, 0, 1e-6);
  EXPECT_NEAR(*ColumnNamed(manifest, "c0").raw_stddev, 1, 1e-6);
}

}  // namespace
}  // namespace sda::preprocessing
