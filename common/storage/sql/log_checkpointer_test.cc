#include "common/storage/sql/log_checkpointer.h"

#include <filesystem>
#include <string>
#include <thread>

#include <absl/synchronization/notification.h>
#include <gtest/gtest.h>

#include "common/storage/sql/database.h"
#include "common/testing/temp_dir.h"

namespace sda::sql {
namespace {

namespace fs = std::filesystem;

constexpr int kRowsAWrite = 256;  // of a page each
constexpr uintmax_t kPageBytes = 4096;
constexpr int kLogPages = 1024;

class LogCheckpointerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::Open(path_, {"test", {{1, {"CREATE TABLE things (name TEXT)"}, {}}}},
                                 {.log_pages = kLogPages});
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  void WritePages(int pages) {
    for (int i = 0; i < pages / kRowsAWrite; ++i) {
      const absl::Status written = database_->Write([&](Transaction& t) -> absl::Status {
        for (int row = 0; row < kRowsAWrite; ++row) {
          SDA_RETURN_IF_ERROR(
              t.Execute("INSERT INTO things (name) VALUES (:name)", {std::string(3900, 'x')}).status());
        }
        return absl::OkStatus();
      });
      ASSERT_TRUE(written.ok()) << written;
      rows_ += kRowsAWrite;
    }
  }

  absl::StatusOr<int64_t> Rows() {
    int64_t rows = -1;
    SDA_RETURN_IF_ERROR(database_->Read([&](Transaction& t) -> absl::Status {
      SDA_ASSIGN_OR_RETURN(auto counted, t.Query<int64_t>("SELECT COUNT(*) FROM things"));
      rows = std::get<0>(counted.at(0));
      return absl::OkStatus();
    }));
    return rows;
  }

  uintmax_t LogBytes() const { return fs::file_size(path_ + "-wal"); }

  const sda::testing::TempDir folder_;
  const std::string path_ = folder_ / "test.db";
  std::unique_ptr<Database> database_;
  int64_t rows_ = 0;
};

TEST_F(LogCheckpointerTest, TheLogStaysShortUnderSteadyWrites) {
  // Six times as much as the log may hold before the writer itself steps in.
  WritePages(6 * 4 * kLogPages);
  EXPECT_LT(LogBytes(), 12 * kLogPages * kPageBytes);
  EXPECT_GT(fs::file_size(path_), 12 * kLogPages * kPageBytes) << "moved into the database";
  const auto rows = Rows();
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, rows_);
  database_.reset();
  SetUp();
  EXPECT_EQ(*Rows(), rows_);
}

TEST_F(LogCheckpointerTest, ASnapshotKeepsItsPagesAndTheLogBeginsAnewAfterwards) {
  WritePages(kRowsAWrite);
  absl::Notification reads, may_end;
  int64_t seen_before = -1, seen_after = -1;
  std::thread reader([&] {
    const absl::Status read = database_->Read([&](Transaction& t) -> absl::Status {
      SDA_ASSIGN_OR_RETURN(auto before, t.Query<int64_t>("SELECT COUNT(*) FROM things"));
      seen_before = std::get<0>(before.at(0));
      reads.Notify();
      may_end.WaitForNotification();
      SDA_ASSIGN_OR_RETURN(auto after, t.Query<int64_t>("SELECT COUNT(*) FROM things"));
      seen_after = std::get<0>(after.at(0));
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
  });
  reads.WaitForNotification();
  WritePages(5 * kLogPages);
  EXPECT_GE(LogBytes(), 5 * kLogPages * kPageBytes) << "the snapshot needs the log as it is";
  may_end.Notify();
  reader.join();
  EXPECT_EQ(seen_before, kRowsAWrite);
  EXPECT_EQ(seen_after, kRowsAWrite);
  // Now it begins anew, and its file then takes further pages without growing; how soon is up to the
  // scheduler.
  bool began_anew = false;
  for (int i = 0; i < 50 && !began_anew; ++i) {
    const uintmax_t before = LogBytes();
    WritePages(2 * kRowsAWrite);
    began_anew = LogBytes() == before;
  }
  EXPECT_TRUE(began_anew);
  EXPECT_EQ(*Rows(), rows_);
}

}  // namespace
}  // namespace sda::sql
