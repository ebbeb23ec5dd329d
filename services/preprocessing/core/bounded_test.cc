#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/partial_dataset.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"
#include "services/preprocessing/core/testing_memory.h"
#include "services/preprocessing/core/testing_outputs.h"

// Datasets under a limit of memory, and datasets whose making was interrupted: the same in every byte.
namespace sda::preprocessing {
namespace {

using testing::CountingOutput;
using testing::FolderOutput;
using testing::KilledOutput;
using testing::kSanitized;
using testing::LeastMemory;
using testing::PeakMemoryBytes;
using testing::ResetPeakMemory;
using testing::TempFolder;

// A log of three columns of names, nearly all of them different, and one number.
std::string WideLog(int rows) {
  std::mt19937_64 random(3);
  std::string text = "click,a,b,c,n\n";
  for (int i = 0; i < rows; ++i) {
    text += std::to_string(i % 5 == 0) + ",";
    for (int column = 0; column < 3; ++column)
      text += "name-" + std::to_string(random() % (static_cast<uint64_t>(rows) * 2)) + ",";
    text += std::to_string(i % 77) + "\n";
  }
  return text;
}

DatasetSpec SpecFor(const std::string& file) {
  DatasetSpec spec{.data_uris = {file}, .label = "click"};
  spec.columns = {{.name = "a", .role = Role::kCategorical},
                  {.name = "b", .role = Role::kCategorical},
                  {.name = "c", .role = Role::kCategorical},
                  {.name = "n", .role = Role::kDense}};
  spec.frequency_threshold = 1;
  spec.shard_rows = 4096;
  return spec;
}

TEST(MemoryLimitTest, ALimitBelowTheVocabulariesChangesNothingButMemory) {
  const TempFolder folder;
  const int rows = kSanitized ? 20'000 : 800'000;
  const DatasetSpec spec = SpecFor(folder.Write("log.csv", WideLog(rows)));
  // 800,000 names a column: above 60 MB of slots and text each, before vocabularies are made of them.
  constexpr int64_t kLimit = 56 << 20;
  // Code counts from the first time that it runs: it does so before memory is measured.
  FolderOutput warm(folder.path() + "/warm");
  ASSERT_TRUE(CreateDataset(SpecFor(folder.Write("warm.csv", WideLog(1000))), "datasets/d",
                            {.threads = 2, .memory_bytes = kLimit}, warm)
                  .ok());

  FolderOutput limited(folder.path() + "/limited");
  ResetPeakMemory();
  const int64_t before = PeakMemoryBytes();
  const auto small = CreateDataset(spec, "datasets/d", {.threads = 2, .memory_bytes = kLimit}, limited);
  const int64_t taken = PeakMemoryBytes() - before;
  ASSERT_TRUE(small.ok()) << small.status();
  if (!kSanitized) {
    EXPECT_LE(taken, kLimit);
  }

  FolderOutput unlimited(folder.path() + "/unlimited");
  ResetPeakMemory();
  const auto large = CreateDataset(spec, "datasets/d", {.threads = 2}, unlimited);
  ASSERT_TRUE(large.ok()) << large.status();
  if (!kSanitized) {
    EXPECT_GT(PeakMemoryBytes() - before, 2 * kLimit) << "the limit is no limit";
  }
  EXPECT_EQ(small->digest, large->digest);
  EXPECT_EQ(small->columns, large->columns);
}

TEST(MemoryLimitTest, TooLittleMemoryIsRefusedWithTheLeast) {
  const TempFolder folder;
  FolderOutput output(folder.path() + "/dataset");
  const auto made = CreateDataset(SpecFor(folder.Write("log.csv", WideLog(1000))), "datasets/d",
                                  {.threads = 2, .memory_bytes = 1 << 20}, output);
  EXPECT_EQ(made.status().code(), absl::StatusCode::kResourceExhausted) << made.status();
  EXPECT_EQ(GetErrorReason(made.status()), "MEMORY_LIMIT");
  EXPECT_TRUE(output.Files().empty());
}

class ResumeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_ = SpecFor(folder_.Write("log.csv", WideLog(30'000)));
    FolderOutput whole(folder_.path() + "/whole");
    const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2}, whole);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    digest_ = manifest->digest;
  }

  // Makes the dataset with a call that dies after `writes` files; what it leaves.
  std::vector<std::string> Kill(int writes) {
    KilledOutput output(folder_.path() + "/dataset", writes);
    EXPECT_EQ(CreateDataset(spec_, "datasets/d", {.threads = 2}, output).status().code(),
              absl::StatusCode::kAborted);
    return output.Files();
  }

  TempFolder folder_;
  DatasetSpec spec_;
  std::string digest_;
};

TEST(MemoryLimitTest, SpillingOnAnyThreadsChangesNothing) {
  const TempFolder folder;
  const DatasetSpec spec = SpecFor(folder.Write("log.csv", WideLog(90'000)));
  FolderOutput whole(folder.path() + "/whole");
  const auto expected = CreateDataset(spec, "datasets/d", {.threads = 2}, whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const int threads : {1, 2, 8}) {
    FolderOutput output(folder.path() + "/dataset");
    bool spilled = false;
    RunSettings settings{.threads = threads, .memory_bytes = LeastMemory(spec, threads)};
    settings.on_progress = [&](const Progress& progress) { spilled = spilled || progress.stage == "ids 1"; };
    const auto manifest = CreateDataset(spec, "datasets/d", settings, output);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->digest, expected->digest) << threads;
    EXPECT_TRUE(spilled) << "the limit is no limit";
    ASSERT_TRUE(output.Clear().ok());
  }
}

TEST_F(ResumeTest, FinishedShardsAreNotMadeAgain) {
  // Three vocabularies and two files of the fit; then shards; the last file is the manifest.
  for (int writes = 0; writes <= 14; ++writes) {
    const std::vector<std::string> left = Kill(writes);
    CountingOutput output(folder_.path() + "/dataset");
    const int threads = 1 + writes % 3;
    const int64_t limit = writes % 2 == 0 ? 0 : LeastMemory(spec_, threads);
    const auto manifest =
        CreateDataset(spec_, "datasets/d", {.threads = threads, .memory_bytes = limit}, output);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->digest, digest_) << writes;
    const bool fitted = std::find(left.begin(), left.end(), kFitPath) != left.end();
    EXPECT_EQ(fitted, writes >= 5);
    for (const std::string& path : left) {
      EXPECT_FALSE(fitted && output.writes().contains(path)) << path << " after " << writes;
    }
    ASSERT_TRUE(output.Clear().ok());
  }
}

// Column a as lists of words, column n as the rows' weight.
TEST_F(ResumeTest, ListsAndWeightsGoOnToo) {
  spec_.columns[0].list_separator = "-";
  spec_.columns.pop_back();
  spec_.weight = "n";
  FolderOutput whole(folder_.path() + "/lists");
  const auto expected = CreateDataset(spec_, "datasets/d", {.threads = 2}, whole);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_NE(expected->digest, digest_);
  for (const int64_t limit : {int64_t{0}, int64_t{64} << 20}) {
    const std::vector<std::string> left = Kill(8);
    ASSERT_NE(std::find(left.begin(), left.end(), kFitPath), left.end());
    CountingOutput output(folder_.path() + "/dataset");
    const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2, .memory_bytes = limit}, output);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->digest, expected->digest);
    EXPECT_EQ(manifest->weight_column, "n");
    EXPECT_EQ(manifest->columns, expected->columns);
    for (const std::string& path : left) EXPECT_FALSE(output.writes().contains(path)) << path;
    ASSERT_TRUE(output.Clear().ok());
  }
}

TEST_F(ResumeTest, OtherOptionsOrFilesStartOver) {
  const std::vector<std::string> left = Kill(10);
  ASSERT_NE(std::find(left.begin(), left.end(), kFitPath), left.end());
  spec_.seed = 9;
  CountingOutput output(folder_.path() + "/dataset");
  const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2}, output);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_NE(manifest->digest, digest_);
  FolderOutput fresh(folder_.path() + "/fresh");
  EXPECT_EQ(CreateDataset(spec_, "datasets/d", {.threads = 2}, fresh)->digest, manifest->digest);
}

TEST_F(ResumeTest, ADamagedStateStartsOver) {
  for (const char* path : {kFitPath, kFitBlocksPath, "vocabularies/b.arrow"}) {
    Kill(10);
    const std::string file = folder_.path() + "/dataset/" + path;
    std::string bytes = testing::ReadFile(file);
    // Of the state the number of rows, which nothing else would find out.
    const size_t rows = bytes.find("\"rows\":30000");
    bytes[rows == std::string::npos ? bytes.size() / 2 : rows + 8] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
    FolderOutput output(folder_.path() + "/dataset");
    const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2}, output);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->digest, digest_) << path;
    ASSERT_TRUE(output.Clear().ok());
  }
}

TEST_F(ResumeTest, ACancelledCallKeepsWhatIsFinishedWhereItIsAskedTo) {
  std::stop_source stop;
  RunSettings settings{.threads = 2, .stop = stop.get_token()};
  settings.on_progress = [&](const Progress& progress) {
    if (progress.stage == "encode" && progress.rows > 10'000) stop.request_stop();
  };
  settings.keeps_partial = [] { return true; };
  FolderOutput output(folder_.path() + "/dataset");
  EXPECT_EQ(CreateDataset(spec_, "datasets/d", settings, output).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_FALSE(output.Files().empty());
  settings.keeps_partial = {};
  EXPECT_EQ(CreateDataset(spec_, "datasets/d", settings, output).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(output.Files().empty());
}

}  // namespace
}  // namespace sda::preprocessing
