#include "services/trainer_worker/core/data/batch.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::trainer {
namespace {

using testing::HasSubstr;

const InputShape kShape{.dense_columns = 2, .table_rows = {4, 3}, .table_names = {"C1", "C2"}};

struct Fixture {
  std::vector<float> labels = {0, 1}, dense = {1, 2, 3, 4};
  std::vector<int32_t> first = {0, 3}, second = {0, 2, 1}, offsets = {0, 2, 3};

  absl::Status Check() const {
    return CheckBatch({.rows = 2,
                       .labels = labels,
                       .dense = dense,
                       .tables = {{.ids = first, .offsets = {}}, {.ids = second, .offsets = offsets}}},
                      kShape);
  }
};

TEST(CheckBatchTest, AcceptsOneHotAndBags) {
  EXPECT_TRUE(Fixture().Check().ok());
}

TEST(CheckBatchTest, IdsOutsideATableAreNamed) {
  for (int32_t id : {4, -1, 2147483647}) {
    Fixture f;
    f.first[1] = id;
    const absl::Status status = f.Check();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(
        std::string(status.message()),
        testing::AllOf(HasSubstr("table C1"), HasSubstr("id " + std::to_string(id)), HasSubstr("[0, 4)")));
  }
}

TEST(CheckBatchTest, WrongSizesAreNamed) {
  Fixture dense;
  dense.dense.pop_back();
  EXPECT_THAT(std::string(dense.Check().message()), HasSubstr("dense"));
  Fixture labels;
  labels.labels.pop_back();
  EXPECT_THAT(std::string(labels.Check().message()), HasSubstr("labels"));
  Fixture ids;
  ids.first.pop_back();
  EXPECT_THAT(std::string(ids.Check().message()), HasSubstr("table C1"));
}

TEST(CheckBatchTest, OffsetsMustCoverTheIdsInOrder) {
  for (const std::vector<int32_t>& offsets :
       std::vector<std::vector<int32_t>>{{0, 3}, {1, 2, 3}, {0, 2, 2}, {0, 4, 3}, {0, -1, 3}}) {
    Fixture f;
    f.offsets = offsets;
    EXPECT_THAT(std::string(f.Check().message()), HasSubstr("table C2: offsets"));
  }
}

}  // namespace
}  // namespace sda::trainer
