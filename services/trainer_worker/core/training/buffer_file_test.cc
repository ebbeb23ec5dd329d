#include "services/trainer_worker/core/training/buffer_file.h"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::HasSubstr;

struct Files {
  Files() {
    std::iota(first.begin(), first.end(), 0.5f);
    SDA_EXPECT_OK(WriteBufferFile(path, "a header", {first, second}));
  }
  std::string Content() const { return sda::testing::ReadFile(path); }

  sda::testing::TempDir folder;
  std::string path = folder / "x.bin";
  std::vector<float> first = std::vector<float>(100), second = {7, 8};
};

TEST(BufferFileTest, RoundTripsHeaderAndBuffers) {
  const Files files;
  SDA_ASSERT_OK_AND_ASSIGN(const std::string header, ReadBufferFileHeader(files.path));
  EXPECT_EQ(header, "a header");
  // Cut otherwise than it was written: the file holds one run of floats.
  std::vector<float> head(2), tail(100);
  SDA_ASSERT_OK(ReadBufferFile(files.path, {head, tail}));
  EXPECT_EQ(head, std::vector<float>(files.first.begin(), files.first.begin() + 2));
  EXPECT_EQ(tail.back(), 8);
}

TEST(BufferFileTest, EveryDamagedByteIsNoticed) {
  const Files files;
  const std::string good = files.Content();
  std::vector<float> floats(102);
  for (size_t i = 0; i < good.size(); i += 11) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    std::ofstream(files.path, std::ios::binary) << bad;
    EXPECT_THAT(ReadBufferFile(files.path, {floats}), StatusIs(StatusCode::kFailedPrecondition))
        << "byte " << i;
  }
}

TEST(BufferFileTest, CutShortAnywhereIsNoticed) {
  const Files files;
  const std::string good = files.Content();
  std::vector<float> floats(102);
  for (size_t size :
       {size_t{0}, size_t{5}, size_t{12}, size_t{20}, size_t{30}, good.size() / 2, good.size() - 1}) {
    std::ofstream(files.path, std::ios::binary) << good.substr(0, size);
    EXPECT_THAT(ReadBufferFile(files.path, {floats}), StatusIs(StatusCode::kFailedPrecondition))
        << size << " bytes";
  }
}

TEST(BufferFileTest, OtherSizesAreRefused) {
  const Files files;
  std::vector<float> floats(101);
  EXPECT_THAT(ReadBufferFile(files.path, {floats}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("holds 102 numbers, not 101")));
}

TEST(BufferFileTest, MissingFilesAndFoldersAreNamed) {
  EXPECT_THAT(ReadBufferFileHeader("/nonexistent/x.bin"),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nonexistent/x.bin")));
  EXPECT_THAT(WriteTextFile("/nonexistent/x.txt", "text"),
              StatusIs(StatusCode::kNotFound, HasSubstr("/nonexistent/x.txt")));
}

TEST(BufferFileTest, WritingReplacesAndLeavesNothingElse) {
  const Files files;
  SDA_ASSERT_OK(WriteBufferFile(files.path, "newer", {files.second}));
  SDA_ASSERT_OK_AND_ASSIGN(const std::string header, ReadBufferFileHeader(files.path));
  EXPECT_EQ(header, "newer");
  SDA_ASSERT_OK(WriteTextFile(files.folder / "t.txt", "text"));
  EXPECT_EQ(sda::testing::ReadFile(files.folder / "t.txt"), "text");
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(files.folder.path()))
    entries += entry.is_regular_file();
  EXPECT_EQ(entries, 2);
}

TEST(BufferFileTest, AFullDiskSaysSoAndLeavesNothing) {
  // /dev/full answers every write with "no space left"; a link stands where the temporary file would be made.
  const Files files;
  const std::string target = files.folder / "full.bin";
  std::filesystem::create_symlink("/dev/full", target + ".tmp." + std::to_string(getpid()));
  EXPECT_THAT(WriteTextFile(target, "text"),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("free space")));
  EXPECT_FALSE(std::filesystem::exists(target));
  EXPECT_FALSE(std::filesystem::is_symlink(target + ".tmp." + std::to_string(getpid())));
}

}  // namespace
}  // namespace sda::trainer
