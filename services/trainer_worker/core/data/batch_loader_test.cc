#include "services/trainer_worker/core/data/batch_loader.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/testing/test_dataset.h"

namespace sda::trainer {
namespace {

using trainer::testing::TestDataset;

constexpr int64_t kBatch = 30;
constexpr int64_t kStepsPerEpoch = 3;

class BatchLoaderTest : public ::testing::Test {
 protected:
  std::unique_ptr<SplitReader> Open(const TestDataset& dataset) {
    const auto manifest = dataset.Write(folder_ / "dataset");
    auto reader = SplitReader::Open(manifest, folder_ / "dataset", "train");
    EXPECT_TRUE(reader.ok()) << reader.status();
    return std::move(*reader);
  }

  sda::testing::TempDir folder_;
};

TEST_F(BatchLoaderTest, GivesWhatTheOrderSaysFromAnyStepOn) {
  const auto reader = Open({.split_rows = {{"train", 100}, {"validation", 10}}});
  for (int64_t first : {1, 4, 5}) {
    BatchLoader loader(*reader, {100, true, 7}, kBatch, kStepsPerEpoch, 8);
    loader.Start(first);
    RowOrder order(100, true, 7);
    BatchBuffer buffer(*reader, kBatch);
    for (int64_t step = first; step <= 8; ++step) {
      SDA_ASSERT_OK_AND_ASSIGN(const Batch got, loader.Next());
      const int64_t epoch = (step - 1) / kStepsPerEpoch, place = (step - 1) % kStepsPerEpoch * kBatch;
      SDA_ASSERT_OK_AND_ASSIGN(const Batch want, buffer.Fill(order.Take(epoch, place, place + kBatch)));
      ASSERT_EQ(got.rows, kBatch);
      EXPECT_TRUE(std::equal(got.labels.begin(), got.labels.end(), want.labels.begin(), want.labels.end()));
      EXPECT_TRUE(std::equal(got.dense.begin(), got.dense.end(), want.dense.begin(), want.dense.end()));
      for (size_t t = 0; t < want.tables.size(); ++t) {
        EXPECT_TRUE(
            std::equal(got.tables[t].ids.begin(), got.tables[t].ids.end(), want.tables[t].ids.begin()));
      }
    }
  }
}

TEST_F(BatchLoaderTest, EndsBeforeAllIsRead) {
  const auto reader = Open({.split_rows = {{"train", 100}, {"validation", 10}}});
  BatchLoader unused(*reader, {100, false, 7}, kBatch, kStepsPerEpoch, 1000);
  BatchLoader loader(*reader, {100, false, 7}, kBatch, kStepsPerEpoch, 1000);
  loader.Start(1);
  SDA_ASSERT_OK(loader.Next().status());
}

TEST_F(BatchLoaderTest, AnErrorComesInItsTurn) {
  const auto reader =
      Open({.split_rows = {{"train", 100}, {"validation", 10}}, .bad_id_row = 70, .bad_id = 1 << 20});
  BatchLoader loader(*reader, {100, false, 7}, kBatch, kStepsPerEpoch, 100);
  loader.Start(1);
  SDA_ASSERT_OK(loader.Next().status());
  SDA_ASSERT_OK(loader.Next().status());
  EXPECT_EQ(loader.Next().status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace sda::trainer
