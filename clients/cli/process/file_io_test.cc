#include "clients/cli/process/file_io.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace sda::cli {
namespace {

class FileIoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sda_file_io_XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(FileIoTest, WritesReplaceAndLeaveNothingElse) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(WriteFileAtomically(path, "one").ok());
  ASSERT_TRUE(WriteFileAtomically(path, "two").ok());
  EXPECT_EQ(*ReadFile(path), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FileIoTest, FailedWriteLeavesNothing) {
  const std::string path = folder_ + "/folder";
  std::filesystem::create_directories(path + "/inside");  // cannot be replaced by a file
  EXPECT_FALSE(WriteFileAtomically(path, "text").ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  EXPECT_EQ(WriteFileAtomically(folder_ + "/none/file", "x").code(), absl::StatusCode::kNotFound);
}

TEST_F(FileIoTest, AFullDiskIsSaid) {
  const absl::Status status = FileError("cannot write", "/x", ENOSPC);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "cannot write /x: No space left on device");
}

TEST_F(FileIoTest, LastWordsSayWhyAServerEnded) {
  const std::string log = folder_ + "/log";
  EXPECT_EQ(LastWords(log), "");
  std::ofstream(log) << "{\"message\": \"first\"}\n{\"message\": \"second\"}\n";
  EXPECT_EQ(LastWords(log), "{\"message\": \"second\"}");
  std::ofstream(log, std::ios::app) << "terminate called\n{\"message\": \"third\"}\n\n";
  EXPECT_EQ(LastWords(log), "terminate called");
  std::ofstream(log, std::ios::app)
      << "{\"message\": \"cannot serve\", \"error\": \"port taken\"}\n{\"message\": \"bye\"}\n";
  EXPECT_EQ(LastWords(log), "port taken");
}

}  // namespace
}  // namespace sda::cli
