#include "services/trainer_worker/core/data/dataset_reader.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/testing/test_dataset.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using trainer::testing::TestDataset;

TEST(ShapeOfTest, CountsColumnsByRole) {
  const sda::testing::TempDir folder;
  const InputShape shape = ShapeOf(TestDataset().Write(folder.path()));
  EXPECT_EQ(shape.dense_columns, 3);
  EXPECT_THAT(shape.table_rows, ElementsAre(12, 40));
  EXPECT_THAT(shape.table_names, ElementsAre("C1", "C2"));
}

TEST(SplitReaderTest, AnyOrderOfRowsAcrossShardsGivesThoseRows) {
  const sda::testing::TempDir folder;
  const DatasetManifest manifest = TestDataset().Write(folder.path());
  ASSERT_EQ(manifest.splits.at("train").shards.size(), 3u);
  SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, folder.path(), "train"));
  EXPECT_EQ(train->rows(), 3000);

  BatchBuffer all_buffer(*train, 3000), some_buffer(*train, 5);
  SDA_ASSERT_OK_AND_ASSIGN(const Batch all, all_buffer.FillRange(0, 3000));
  const std::vector<uint32_t> rows = {2999, 0, 1200, 1199, 1200};
  SDA_ASSERT_OK_AND_ASSIGN(const Batch some, some_buffer.Fill(rows));
  ASSERT_EQ(some.rows, 5);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(some.labels[i], all.labels[rows[i]]);
    for (int c = 0; c < 3; ++c) EXPECT_EQ(some.dense[i * 3 + c], all.dense[rows[i] * 3 + c]);
    for (int t = 0; t < 2; ++t) EXPECT_EQ(some.tables[t].ids[i], all.tables[t].ids[rows[i]]);
  }
}

TEST(SplitReaderTest, OnlyDenseAndOnlyCategoricalColumns) {
  for (const TestDataset& dataset : {TestDataset{.table_rows = {}}, TestDataset{.dense_columns = 0}}) {
    const sda::testing::TempDir folder;
    const DatasetManifest manifest = dataset.Write(folder.path());
    SDA_ASSERT_OK_AND_ASSIGN(const auto test, SplitReader::Open(manifest, folder.path(), "test"));
    BatchBuffer buffer(*test, 10);
    SDA_ASSERT_OK_AND_ASSIGN(const Batch batch, buffer.FillRange(5, 15));
    EXPECT_EQ(batch.dense.size(), 10u * dataset.dense_columns);
    EXPECT_EQ(batch.tables.size(), dataset.table_rows.size());
  }
}

TEST(SplitReaderTest, IdsOutsideTheirTableAreNamed) {
  for (int32_t id : {12, -1}) {
    const sda::testing::TempDir folder;
    const DatasetManifest manifest = TestDataset{.bad_id_row = 7, .bad_id = id}.Write(folder.path());
    SDA_ASSERT_OK_AND_ASSIGN(const auto train, SplitReader::Open(manifest, folder.path(), "train"));
    BatchBuffer buffer(*train, 10);
    EXPECT_THAT(
        buffer.FillRange(2, 12),
        StatusIs(StatusCode::kOutOfRange, AllOf(HasSubstr("train/shard-00000.arrow: row 7: table C1: id "),
                                                HasSubstr(std::to_string(id)), HasSubstr("[0, 12)"))));
    EXPECT_TRUE(buffer.FillRange(8, 18).ok());
  }
}

TEST(SplitReaderTest, MissingSplitsAndShardsAreNamed) {
  const sda::testing::TempDir folder;
  const DatasetManifest manifest = TestDataset().Write(folder.path());
  EXPECT_THAT(SplitReader::Open(manifest, folder.path(), "holdout"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("holdout")));
  std::filesystem::remove(folder / "train/shard-00001.arrow");
  EXPECT_THAT(SplitReader::Open(manifest, folder.path(), "train"),
              StatusIs(StatusCode::kNotFound, HasSubstr("shard-00001.arrow")));
}

TEST(SplitReaderTest, ShardsThatDoNotMatchTheManifestAreRefused) {
  const sda::testing::TempDir folder;
  const DatasetManifest manifest = TestDataset().Write(folder.path());
  const std::string shard = folder / "train/shard-00001.arrow";
  const auto open = [&] { return SplitReader::Open(manifest, folder.path(), "train"); };

  trainer::testing::WriteOddShard(shard, {{"label", 'f'}}, 1199);
  EXPECT_THAT(open(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("1199 rows, not 1200")));
  trainer::testing::WriteOddShard(shard, {{"label", 'f'}, {"D1", 'f'}, {"D2", 'i'}}, 1200);
  EXPECT_THAT(open(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("\"D2\" is of type int32")));
  trainer::testing::WriteOddShard(shard, {{"label", 'f'}, {"D1", 'f'}, {"D2", 'f'}, {"D3", 'f'}, {"C1", 'i'}},
                                  1200);
  EXPECT_THAT(open(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("no column \"C2\"")));
  std::ofstream(shard) << "not an Arrow file";
  EXPECT_THAT(open(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("shard-00001.arrow")));
}

}  // namespace
}  // namespace sda::trainer
