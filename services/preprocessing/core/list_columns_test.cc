// Columns whose cells hold several values, from the log to the shards.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

using testing::ColumnNamed;
using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::ReadBatch;
using testing::ReadColumn;
using testing::ReadVocabulary;
using testing::TempFolder;

// Row i has i % 4 genres, "g<(i·j) % 13>", two of four without any by different spellings.
std::string Cell(int i) {
  std::string cell;
  for (int j = 1; j <= i % 4; ++j) cell += (j > 1 ? "|" : "") + ("g" + std::to_string(i * j % 13));
  if (i % 8 == 0) cell = "NULL";
  if (i % 8 == 5) cell += "||";
  return cell;
}

std::vector<std::string> Values(int i) {
  std::vector<std::string> values;
  if (i % 8 == 0) return values;
  for (int j = 1; j <= i % 4; ++j) values.push_back("g" + std::to_string(i * j % 13));
  return values;
}

class ListColumnsTest : public ::testing::Test {
 protected:
  DatasetSpec Spec(int rows = 2000) {
    std::string text = "click,genres,number\n";
    for (int i = 0; i < rows; ++i)
      text += std::to_string(i % 3 == 0) + "," + Cell(i) + "," + std::to_string(i) + ".5\n";
    DatasetSpec spec{.data_uris = {folder_.Write("log.csv", text)}, .label = "click"};
    spec.columns = {{.name = "genres", .list_separator = "|"}, {.name = "number", .log = false}};
    spec.shard_rows = 300;
    spec.frequency_threshold = 1;
    return spec;
  }

  absl::StatusOr<DatasetManifest> Create(const DatasetSpec& spec, int threads) {
    dataset_ = folder_.path() + "/dataset-" + std::to_string(++datasets_);
    FolderOutput output(dataset_);
    return CreateDataset(spec, "datasets/d", {.threads = threads}, output);
  }

  // The lists of a split in the order of its rows.
  std::vector<std::vector<int32_t>> ReadLists(const DatasetManifest& manifest, const std::string& split) {
    std::vector<std::vector<int32_t>> lists;
    for (const ManifestShard& shard : manifest.splits.at(split).shards) {
      const auto batch = ReadBatch(dataset_ + "/" + shard.path);
      EXPECT_TRUE(batch->ValidateFull().ok());
      const auto& column = static_cast<const arrow::ListArray&>(*batch->GetColumnByName("genres"));
      const auto& values = static_cast<const arrow::Int32Array&>(*column.values());
      EXPECT_EQ(column.null_count() + values.null_count(), 0);
      for (int64_t row = 0; row < column.length(); ++row) {
        std::vector<int32_t>& list = lists.emplace_back();
        for (int64_t i = 0; i < column.value_length(row); ++i)
          list.push_back(values.Value(column.value_offset(row) + i));
      }
    }
    return lists;
  }

  TempFolder folder_;
  std::string dataset_;
  int datasets_ = 0;
};

TEST_F(ListColumnsTest, EveryValueBecomesItsIdAndNoValueZero) {
  const auto manifest = Create(Spec(), 3);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const ManifestColumn& column = ColumnNamed(*manifest, "genres");
  EXPECT_EQ(column.role, ColumnRole::kCategorical);
  EXPECT_EQ(column.list_separator, "|");
  std::map<std::string, int32_t> ids;
  for (const std::string& value : ReadVocabulary(dataset_, column))
    ids.emplace(value, static_cast<int32_t>(ids.size()) + 2);
  EXPECT_EQ(ids.size(), 13u);
  EXPECT_EQ(column.distinct_count, 13);

  int64_t rows = 0, missing = 0;
  for (const char* split : {"train", "validation", "test"}) {
    const auto lists = ReadLists(*manifest, split);
    const auto numbers = ReadColumn<float>(dataset_, *manifest, split, "number");
    const DenseTransform& transform = ColumnNamed(*manifest, "number").dense;
    ASSERT_EQ(lists.size(), numbers.size());
    for (size_t i = 0; i < lists.size(); ++i) {
      const int row = static_cast<int>(numbers[i] * transform.scale + transform.mean);
      std::vector<int32_t> expected;
      for (const std::string& value : Values(row)) expected.push_back(ids.at(value));
      if (std::string(split) == "train") missing += expected.empty();
      if (expected.empty()) expected = {0};
      EXPECT_EQ(lists[i], expected) << split << " row " << row;
    }
    rows += static_cast<int64_t>(lists.size());
  }
  EXPECT_EQ(rows, 2000);
  EXPECT_EQ(column.missing_rows, missing);
}

TEST_F(ListColumnsTest, TheBytesDoNotDependOnThreads) {
  const auto one = Create(Spec(), 1);
  const auto four = Create(Spec(), 4);
  ASSERT_TRUE(one.ok() && four.ok());
  EXPECT_EQ(one->digest, four->digest);
}

TEST_F(ListColumnsTest, LongListsKeepTheirFirstValues) {
  DatasetSpec spec = Spec();
  spec.columns[0].list_max_values = 2;
  const auto manifest = Create(spec, 2);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(ColumnNamed(*manifest, "genres").list_max_values, 2);
  size_t longest = 0;
  for (const auto& list : ReadLists(*manifest, "train")) longest = std::max(longest, list.size());
  EXPECT_EQ(longest, 2u);
}

TEST_F(ListColumnsTest, WrongChoicesAreNamed) {
  const auto message = [&](const ColumnChoice& choice) {
    DatasetSpec spec = Spec(10);
    spec.columns = {choice};
    return std::string(Create(spec, 1).status().message());
  };
  EXPECT_THAT(message({.name = "genres", .role = Role::kDense, .list_separator = "|"}),
              HasSubstr("columns[0].list_separator: goes with a categorical role only"));
  EXPECT_THAT(message({.name = "genres", .list_max_values = 3}), HasSubstr("columns[0].list_max_values"));
  EXPECT_THAT(message({.name = "genres", .list_separator = "|", .list_max_values = -1}),
              HasSubstr("columns[0].list_max_values: is -1"));
  EXPECT_THAT(message({.name = "genres", .list_separator = "\xff"}), HasSubstr("list_separator"));
}

}  // namespace
}  // namespace sda::preprocessing
