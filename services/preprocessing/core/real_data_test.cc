#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

// Facts about real logs that were established with other tools.
namespace sda::preprocessing {
namespace {

using testing::ColumnNamed;
using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::ReadColumn;
using testing::ReadFile;
using testing::ReadVocabulary;
using testing::TempFolder;

class RealDataTest : public ::testing::Test {
 protected:
  DatasetManifest Create(const DatasetSpec& spec) {
    FolderOutput output(folder_.path() + "/d");
    auto manifest = CreateDataset(spec, "datasets/d", {.threads = 2}, output);
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return manifest.ok() ? *manifest : DatasetManifest{};
  }

  // Every row a training row, but for the few that validation takes at least; every value in the vocabulary.
  static DatasetSpec AllTrain(const std::string& file, const std::string& label) {
    DatasetSpec spec{.data_uris = {file}, .label = label};
    spec.split = {.test_share = 0, .validation_share = 1e-300};
    spec.frequency_threshold = 1;
    return spec;
  }

  std::string dataset() const { return folder_.path() + "/d"; }

  TempFolder folder_;
};

int64_t VocabularySum(const DatasetManifest& manifest) {
  int64_t sum = 0;
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role == ColumnRole::kCategorical) sum += column.table_rows - 2;
  }
  return sum;
}

TEST_F(RealDataTest, CriteoKaggle) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_kaggle_dac/criteo_kaggle_all.tsv");
  const DatasetManifest manifest = Create(AllTrain(file, "label"));
  EXPECT_EQ(manifest.splits.at("train").rows, 14'949);
  EXPECT_EQ(manifest.splits.at("train").positive_rows, 3'423);
  // 60,641 with the empty string as a value of the columns that have it: 12 of the 26.
  EXPECT_EQ(VocabularySum(manifest), 60'629);
  const int64_t with_missing =
      std::count_if(manifest.columns.begin(), manifest.columns.end(), [](const ManifestColumn& column) {
        return column.role == ColumnRole::kCategorical && column.missing_rows > 0;
      });
  EXPECT_EQ(VocabularySum(manifest) + with_missing, 60'641);
  // The stated sizes count the empty string.
  EXPECT_EQ(ColumnNamed(manifest, "C3").distinct_count + 1, 8'205);
  EXPECT_EQ(ColumnNamed(manifest, "C12").distinct_count + 1, 7'805);
  EXPECT_EQ(ColumnNamed(manifest, "C21").distinct_count + 1, 7'415);
  EXPECT_EQ(ColumnNamed(manifest, "C16").distinct_count + 1, 6'951);
  EXPECT_EQ(ColumnNamed(manifest, "C4").distinct_count + 1, 5'858);
  EXPECT_LT(*ColumnNamed(manifest, "I2").raw_min, 0);
  // Counts with long tails.
  for (const char* name : {"I1", "I2", "I3", "I5", "I6", "I7", "I9"})
    EXPECT_TRUE(ColumnNamed(manifest, name).dense.log) << name;
}

TEST_F(RealDataTest, CriteoKaggleEqualsAPlainReading) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_kaggle_dac/criteo_kaggle_all.tsv");
  DatasetSpec spec{.data_uris = {file}, .label = "label"};
  spec.frequency_threshold = 5;
  spec.split = {.test_share = 0, .validation_share = 1e-300};
  const DatasetManifest manifest = Create(spec);
  std::vector<std::vector<std::string>> rows;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    rows.emplace_back(1);
    for (const char c : line) {
      if (c == '\t') {
        rows.back().emplace_back();
      } else {
        rows.back().back().push_back(c);
      }
    }
    ASSERT_EQ(rows.back().size(), 40u);
  }
  for (int c = 0; c < 13; ++c) {
    const ManifestColumn& column = ColumnNamed(manifest, "I" + std::to_string(c + 1));
    const auto values = ReadColumn<float>(dataset(), manifest, "train", column.name);
    ASSERT_EQ(values.size(), rows.size());
    double sum = 0;
    double squares = 0;
    for (size_t r = 0; r < rows.size(); ++r) {
      const std::string& text = rows[r][static_cast<size_t>(c) + 1];
      const double raw = text.empty() ? column.dense.fill_value : std::stod(text);
      const double logged = column.dense.log ? std::copysign(std::log(1 + std::abs(raw)), raw) : raw;
      ASSERT_NEAR(values[r], (logged - column.dense.mean) / column.dense.scale, 1e-5);
      sum += values[r];
      squares += static_cast<double>(values[r]) * values[r];
    }
    EXPECT_NEAR(sum / static_cast<double>(rows.size()), 0, 1e-5);
    EXPECT_NEAR(squares / static_cast<double>(rows.size()), 1, 1e-4);
  }
  for (int c = 0; c < 26; ++c) {
    const ManifestColumn& column = ColumnNamed(manifest, "C" + std::to_string(c + 1));
    const std::vector<std::string> vocabulary = ReadVocabulary(dataset(), column);
    const auto ids = ReadColumn<int32_t>(dataset(), manifest, "train", column.name);
    std::map<std::string, int> counts;
    for (const auto& row : rows) ++counts[row[static_cast<size_t>(c) + 14]];
    for (size_t i = 0; i < vocabulary.size(); ++i) {
      ASSERT_GE(counts[vocabulary[i]], 5);
      if (i == 0) continue;
      const int before = counts[vocabulary[i - 1]];
      ASSERT_TRUE(before > counts[vocabulary[i]] ||
                  (before == counts[vocabulary[i]] && vocabulary[i - 1] < vocabulary[i]));
    }
    for (size_t r = 0; r < rows.size(); ++r) {
      const std::string& text = rows[r][static_cast<size_t>(c) + 14];
      if (text.empty()) {
        ASSERT_EQ(ids[r], 0);
      } else if (counts[text] < 5) {
        ASSERT_EQ(ids[r], 1);
      } else {
        ASSERT_EQ(vocabulary[static_cast<size_t>(ids[r]) - 2], text);
      }
    }
  }
}

TEST_F(RealDataTest, TerabyteHead) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_1tb_day0_head/day_0_head1000.tsv");
  const DatasetManifest manifest = Create(AllTrain(file, "0"));
  EXPECT_EQ(manifest.splits.at("train").rows, 1000);
  EXPECT_EQ(manifest.splits.at("train").positive_rows, 21);
  EXPECT_EQ(VocabularySum(manifest), 5'527);
}

// A row of the terabyte log whose fields are documented one by one, before the rows of the head.
TEST_F(RealDataTest, TerabyteRow) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_1tb_day0_head/day_0_head1000.tsv");
  const std::vector<double> ints = {31, 70, 47, 47, NAN, 5, 0, 0, 44, 1, NAN, 10, 47};
  const std::vector<std::string> hashes = {
      "6f341f8a", "000877b3", "ae0e09c7", "5e9ea730", "1315f676", "6fcd6dcb", "66dfe839",
      "59903d33", "2e4e821f", "61aa5d8e", "b0464cac", "12716184", "a77a4a56", "afed79a4",
      "b867d0bc", "83f41762", "1f7fc70b", "d9f758ff", "1889c49d", "d2611cf6", "ac6f605a",
      "cfa55246", "1bbb04d6", "64332f55", "ff654802", "ed10571d"};
  std::string row = "0";
  for (const double value : ints)
    row += std::isnan(value) ? "\t" : "\t" + std::to_string(static_cast<int>(value));
  for (const std::string& hash : hashes) row += "\t" + hash;
  const DatasetManifest manifest =
      Create(AllTrain(folder_.Write("row.tsv", row + "\n" + ReadFile(file)), "label"));
  EXPECT_EQ(ReadColumn<float>(dataset(), manifest, "train", "label")[0], 0);
  for (size_t c = 0; c < ints.size(); ++c) {
    const ManifestColumn& column = ColumnNamed(manifest, "I" + std::to_string(c + 1));
    const double raw = std::isnan(ints[c]) ? column.dense.fill_value : ints[c];
    const double logged = column.dense.log ? std::log1p(raw) : raw;
    EXPECT_NEAR(ReadColumn<float>(dataset(), manifest, "train", column.name)[0],
                (logged - column.dense.mean) / column.dense.scale, 1e-5)
        << column.name;
  }
  for (size_t c = 0; c < hashes.size(); ++c) {
    const ManifestColumn& column = ColumnNamed(manifest, "C" + std::to_string(c + 1));
    const int32_t id = ReadColumn<int32_t>(dataset(), manifest, "train", column.name)[0];
    EXPECT_EQ(ReadVocabulary(dataset(), column)[static_cast<size_t>(id) - 2], hashes[c]);
  }
}

TEST_F(RealDataTest, Tencent) {
  SDA_REAL_DATA_OR_SKIP(file, "tencent_click_small/Click_prediction_small.csv");
  const DatasetManifest manifest = Create(AllTrain(file, "click"));
  EXPECT_EQ(manifest.splits.at("train").rows, 39'948);
  EXPECT_EQ(manifest.splits.at("train").positive_rows, 6'728);
  const std::map<std::string, int64_t> stated = {
      {"query_id", 30'748},   {"user_id", 30'114}, {"title_id", 25'321}, {"description_id", 22'381},
      {"keyword_id", 19'803}, {"ad_id", 19'228},   {"url_hash", 6'941},  {"advertiser_id", 6'064}};
  for (const auto& [name, values] : stated)
    EXPECT_EQ(ColumnNamed(manifest, name).distinct_count, values) << name;
}

TEST_F(RealDataTest, Adult) {
  SDA_REAL_DATA_OR_SKIP(train, "adult/adult.data");
  SDA_REAL_DATA_OR_SKIP(test, "adult/adult.test");
  DatasetSpec spec = AllTrain(train, "14");
  spec.test_uris = {test};
  spec.positive_values = {">50K", ">50K."};
  const DatasetManifest manifest = Create(spec);
  EXPECT_EQ(manifest.splits.at("train").rows, 32'561);
  EXPECT_EQ(manifest.splits.at("train").positive_rows, 7'841);
  EXPECT_EQ(manifest.splits.at("test").rows, 16'281);
  EXPECT_EQ(manifest.splits.at("test").positive_rows, 3'846);
  auto missing_share = [&](const char* name) {
    return static_cast<double>(ColumnNamed(manifest, name).missing_rows) / 32'561;
  };
  EXPECT_NEAR(missing_share("c1"), 0.056, 0.001);
  EXPECT_NEAR(missing_share("c6"), 0.057, 0.001);
  EXPECT_NEAR(missing_share("c13"), 0.018, 0.001);
  EXPECT_EQ(ReadVocabulary(dataset(), ColumnNamed(manifest, "c9")),
            (std::vector<std::string>{"Male", "Female"}));
  EXPECT_TRUE(ColumnNamed(manifest, "c10").dense.log);
  EXPECT_FALSE(ColumnNamed(manifest, "c0").dense.log);
}

TEST_F(RealDataTest, Movielens) {
  SDA_REAL_DATA_OR_SKIP(file, "movielens_1m_sample/ratings_sample100k.dat");
  DatasetSpec spec = AllTrain(file, "2");
  spec.positive_values = {"4", "5"};
  const DatasetManifest manifest = Create(spec);
  const ManifestSplit& rows = manifest.splits.at("train");
  EXPECT_EQ(rows.rows, 100'000);
  EXPECT_NEAR(static_cast<double>(rows.positive_rows) / static_cast<double>(rows.rows), 0.575, 0.0005);
  EXPECT_EQ(ColumnNamed(manifest, "c0").distinct_count, 5'958);
  EXPECT_EQ(ColumnNamed(manifest, "c1").distinct_count, 3'312);
}

TEST_F(RealDataTest, LatinOneIsRefusedWithItsPlace) {
  SDA_REAL_DATA_OR_SKIP(file, "movielens_1m_sample/movies.dat");
  FolderOutput output(dataset());
  DatasetSpec spec = AllTrain(file, "0");
  spec.positive_values = {"1"};
  const auto manifest = CreateDataset(spec, "datasets/d", {.threads = 2}, output);
  EXPECT_THAT(std::string(manifest.status().message()), HasSubstr("is not valid UTF-8"));
  EXPECT_THAT(std::string(manifest.status().message()), HasSubstr("column \"c1\""));
}

}  // namespace
}  // namespace sda::preprocessing
