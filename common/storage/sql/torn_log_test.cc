#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/storage/sql/database.h"
#include "common/testing/temp_dir.h"

// A crash in the middle of a write: the log ends anywhere, or in garbage.
namespace sda::sql {
namespace {

namespace fs = std::filesystem;

const Schema& TestSchema() {
  static const auto* const schema =
      new Schema{"test", {{1, {"CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT)"}, {}}}};
  return *schema;
}

absl::StatusOr<int64_t> Count(Database& database) {
  int64_t count = -1;
  SDA_RETURN_IF_ERROR(database.Read([&](Transaction& t) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(auto rows, t.Query<int64_t>("SELECT COUNT(*) FROM things"));
    count = std::get<0>(rows.at(0));
    return absl::OkStatus();
  }));
  return count;
}

class TornLogTest : public ::testing::Test {
 protected:
  // Twelve acknowledged writes; the files as they lay on disk then, and how long the log was after each.
  void SetUp() override {
    auto database = Database::Open(folder_ / "live.db", TestSchema());
    ASSERT_TRUE(database.ok()) << database.status();
    for (int i = 0; i < 12; ++i) {
      ASSERT_TRUE((*database)
                      ->Write([&](Transaction& t) {
                        return t
                            .Execute("INSERT INTO things (id, name) VALUES (:id, :name)",
                                     {i, std::string(3000, 'x')})
                            .status();
                      })
                      .ok());
      log_sizes_.push_back(fs::file_size(folder_ / "live.db-wal"));
    }
    for (const char* end : {"", "-wal"})
      fs::copy_file(folder_ / ("live.db" + std::string(end)), folder_ / ("crash.db" + std::string(end)));
  }

  // A copy of the crashed files under a name of its own.
  std::string Crashed(const std::string& name) {
    for (const char* end : {"", "-wal"})
      fs::copy_file(folder_ / ("crash.db" + std::string(end)), folder_ / (name + end));
    return folder_ / name;
  }

  sda::testing::TempDir folder_;
  std::vector<uintmax_t> log_sizes_;
};

TEST_F(TornLogTest, CutAnywhereItHoldsExactlyTheWritesThatWereWhole) {
  for (size_t kept = 0; kept <= log_sizes_.size(); ++kept) {
    // In the middle of the write after the last kept one; at the end of all, the whole log.
    const uintmax_t before = kept == 0 ? log_sizes_[0] / 2 : log_sizes_[kept - 1];
    const uintmax_t cut = kept == log_sizes_.size() ? before : (before + log_sizes_[kept]) / 2;
    const std::string path = Crashed("cut-" + std::to_string(kept) + ".db");
    fs::resize_file(path + "-wal", kept == 0 ? log_sizes_[0] - 100 : cut);
    auto database = Database::Open(path, TestSchema());
    ASSERT_TRUE(database.ok()) << database.status();
    const auto count = Count(**database);
    ASSERT_TRUE(count.ok()) << count.status();
    EXPECT_EQ(*count, static_cast<int64_t>(kept));
  }
}

TEST_F(TornLogTest, GarbageInTheLastWriteIsDroppedWithIt) {
  const std::string path = Crashed("garbage.db");
  {
    std::fstream log(path + "-wal", std::ios::in | std::ios::out | std::ios::binary);
    log.seekp(static_cast<std::streamoff>(log_sizes_.back() - 200));
    log << std::string(100, '\x5a');
  }
  auto database = Database::Open(path, TestSchema());
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(*Count(**database), static_cast<int64_t>(log_sizes_.size()) - 1);
}

TEST_F(TornLogTest, ADamagedFileIsNamedAsSuch) {
  const std::string path = folder_ / "damaged.db";
  {
    auto database = Database::Open(path, TestSchema());
    ASSERT_TRUE(database.ok());
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);  // the first page's tree, behind the header
    file << std::string(2000, '\xff');
  }
  const absl::Status opened = Database::Open(path, TestSchema()).status();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss) << opened;
  EXPECT_EQ(GetErrorReason(opened), "DATABASE_DAMAGED");
}

}  // namespace
}  // namespace sda::sql
