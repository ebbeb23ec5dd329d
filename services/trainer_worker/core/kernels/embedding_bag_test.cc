#include "services/trainer_worker/core/kernels/embedding_bag.h"

#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/row_groups.h"

namespace sda::trainer {
namespace {

using testing::ElementsAre;

const std::vector<float> kTable = {1, 2, 10, 20, 100, 200, 1000, 2000};  // [4, 2]

TEST(EmbeddingBagTest, OneIdASample) {
  const std::vector<int32_t> ids = {3, 0, 3};
  std::vector<float> out(2 * 3, -1.0f);
  EmbeddingBagForward(kTable.data(), 2, {.ids = ids, .offsets = {}}, 1, 3, out.data(), 3);
  EXPECT_THAT(out, ElementsAre(1, 2, -1, 1000, 2000, -1));
}

TEST(EmbeddingBagTest, BagsSumWithDuplicatesAndMayBeEmpty) {
  const std::vector<int32_t> ids = {0, 1, 1, 2}, offsets = {0, 3, 3, 4};
  std::vector<float> out(6, -1.0f);
  EmbeddingBagForward(kTable.data(), 2, {ids, offsets}, 0, 3, out.data(), 2);
  EXPECT_THAT(out, ElementsAre(21, 42, 0, 0, 100, 200));
}

TEST(RowGroupsTest, GroupsByRowInOrderOfOccurrence) {
  const std::vector<int32_t> ids = {5, 2, 5, 0, 2, 5};
  RowGroups groups;
  groups.Build({.ids = ids, .offsets = {}}, 6);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups.row(0), 0);
  EXPECT_THAT(groups.samples(0), ElementsAre(3));
  EXPECT_EQ(groups.row(1), 2);
  EXPECT_THAT(groups.samples(1), ElementsAre(1, 4));
  EXPECT_EQ(groups.row(2), 5);
  EXPECT_THAT(groups.samples(2), ElementsAre(0, 2, 5));
}

TEST(RowGroupsTest, BagsCountEachOccurrence) {
  const std::vector<int32_t> ids = {1, 1, 7}, offsets = {0, 2, 2, 3};
  RowGroups groups;
  groups.Build({ids, offsets}, 3);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups.samples(0), ElementsAre(0, 0));
  EXPECT_THAT(groups.samples(1), ElementsAre(2));
}

TEST(RowGroupsTest, NothingToGroup) {
  RowGroups groups;
  groups.Build({}, 0);
  EXPECT_EQ(groups.size(), 0u);
}

TEST(RowGroupsTest, AgreesWithAMapOverManySizesOfIds) {
  RowGroups groups;  // reused, as training does
  for (int bits = 0; bits < 31; ++bits) {
    Rng rng(bits);
    std::vector<int32_t> ids(300);
    std::map<int32_t, std::vector<int32_t>> expected;
    for (int32_t i = 0; i < 300; ++i) {
      ids[i] = static_cast<int32_t>(rng.Below(uint64_t{1} << bits));
      expected[ids[i]].push_back(i);
    }
    groups.Build({.ids = ids, .offsets = {}}, 300);
    ASSERT_EQ(groups.size(), expected.size());
    size_t group = 0;
    for (const auto& [row, samples] : expected) {
      EXPECT_EQ(groups.row(group), row);
      EXPECT_THAT(groups.samples(group), testing::ElementsAreArray(samples));
      ++group;
    }
  }
}

TEST(SumSampleGradientsTest, AddsEachOccurrence) {
  const std::vector<float> gradient = {1, 2, 9, 10, 20, 9, 100, 200, 9};
  const std::vector<int32_t> samples = {2, 0, 0};
  float sum[2];
  SumSampleGradients(gradient.data(), 3, 2, samples, sum);
  EXPECT_THAT(sum, ElementsAre(102, 204));
}

}  // namespace
}  // namespace sda::trainer
