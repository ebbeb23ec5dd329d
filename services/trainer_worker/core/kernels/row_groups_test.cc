#include "services/trainer_worker/core/kernels/row_groups.h"

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"

namespace sda::trainer {
namespace {

TEST(RowGroupsTest, ShardsTogetherHaveEachRowOnce) {
  // Bags of 0 to 4 ids, repetitions included.
  constexpr int64_t kSamples = 200;
  Rng rng(11);
  std::vector<int32_t> ids, offsets = {0};
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    for (uint64_t i = rng.Below(5); i > 0; --i) ids.push_back(static_cast<int32_t>(rng.Below(40)));
    offsets.push_back(static_cast<int32_t>(ids.size()));
  }
  const TableIds table{.ids = ids, .offsets = offsets};
  std::map<int32_t, std::vector<int32_t>> want;
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    for (int32_t i = offsets[sample]; i < offsets[sample + 1]; ++i)
      want[ids[i]].push_back(static_cast<int32_t>(sample));
  }
  for (const int64_t shards : {1, 2, 5}) {
    std::map<int32_t, std::vector<int32_t>> got;
    RowGroups groups;
    for (int64_t shard = 0; shard < shards; ++shard) {
      groups.Build(table, kSamples, shard, shards);
      for (size_t group = 0; group < groups.size(); ++group) {
        EXPECT_FALSE(got.contains(groups.row(group))) << "row " << groups.row(group);
        got[groups.row(group)].assign(groups.samples(group).begin(), groups.samples(group).end());
      }
    }
    EXPECT_EQ(got, want) << shards << " shards";
  }
}

// Also of rows next to each other, and of the largest ids.
TEST(RowGroupsTest, ShardsAreOfAboutTheSameSize) {
  constexpr int32_t kRows = 3000;
  for (const int32_t first : {0, std::numeric_limits<int32_t>::max() - kRows}) {
    for (const int64_t shards : {2, 3, 16}) {
      std::vector<int64_t> rows(shards);
      for (int32_t row = first; row < first + kRows; ++row) ++rows[ShardOf(row, shards)];
      const double even = static_cast<double>(kRows) / static_cast<double>(shards);
      for (int64_t count : rows) EXPECT_NEAR(static_cast<double>(count), even, 0.05 * even);
    }
  }
}

}  // namespace
}  // namespace sda::trainer
