#include "services/trainer_worker/core/data/row_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::trainer {
namespace {

constexpr int64_t kWindowRows = RowOrder::kBlockRows * RowOrder::kWindowBlocks;

std::vector<uint32_t> Epoch(RowOrder& order, int64_t epoch, int64_t rows, int64_t batch) {
  std::vector<uint32_t> all;
  for (int64_t begin = 0; begin < rows; begin += batch) {
    const auto part = order.Take(epoch, begin, std::min(begin + batch, rows));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(RowOrderTest, EveryRowComesOnceAnEpoch) {
  for (int64_t rows : {int64_t{1}, int64_t{2}, int64_t{1000}, RowOrder::kBlockRows, kWindowRows,
                       kWindowRows + 1, 3 * kWindowRows + 17}) {
    RowOrder order(rows, true, 5);
    for (int64_t epoch : {0, 1}) {
      std::vector<uint32_t> taken = Epoch(order, epoch, rows, 777);
      std::sort(taken.begin(), taken.end());
      std::vector<uint32_t> expected(rows);
      std::iota(expected.begin(), expected.end(), 0u);
      EXPECT_TRUE(taken == expected) << rows << " rows, epoch " << epoch;
    }
  }
}

TEST(RowOrderTest, FollowsFromSeedAndEpochWhateverWasTakenBefore) {
  const int64_t rows = 2 * kWindowRows + 100;
  RowOrder whole(rows, true, 5), jumps(rows, true, 5), other(rows, true, 6);
  const std::vector<uint32_t> second = Epoch(whole, 2, rows, 1000);
  jumps.Take(0, 10, 20);
  for (int64_t begin : {kWindowRows - 3, int64_t{0}, rows - 7}) {
    const auto part = jumps.Take(2, begin, begin + 7);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), second.begin() + begin)) << "at " << begin;
  }
  EXPECT_NE(Epoch(whole, 1, rows, 1000), second);
  EXPECT_NE(Epoch(other, 2, rows, 1000), second);
}

TEST(RowOrderTest, SmallSplitsAreFullyShuffled) {
  const int64_t rows = 20000;
  RowOrder order(rows, true, 1);
  const std::vector<uint32_t> taken = Epoch(order, 0, rows, rows);
  // Correlation of place and row is within 4/√n of 0.
  double sum = 0;
  for (int64_t i = 0; i < rows; ++i) sum += (i - rows / 2.0) * (taken[i] - rows / 2.0);
  EXPECT_LT(std::abs(sum / (rows * (rows * static_cast<double>(rows)) / 12)), 4 / std::sqrt(rows));
}

TEST(RowOrderTest, LargeSplitsReadAFewBlocksAtATime) {
  const int64_t rows = 10 * kWindowRows;
  RowOrder order(rows, true, 1);
  const auto batch = order.Take(0, 0, 10000);
  std::vector<bool> blocks(rows / RowOrder::kBlockRows + 1);
  for (uint32_t row : batch) blocks[row / RowOrder::kBlockRows] = true;
  // A window's blocks lie across two blocks of the file each, as the ring begins anywhere.
  EXPECT_LE(std::count(blocks.begin(), blocks.end(), true), 2 * RowOrder::kWindowBlocks);
}

TEST(RowOrderTest, FileOrderWithoutShuffling) {
  RowOrder order(10, false, 5);
  EXPECT_THAT(order.Take(3, 4, 8), testing::ElementsAre(4, 5, 6, 7));
}

}  // namespace
}  // namespace sda::trainer
