// The short form of the fuzz targets of readers: the committed corpus, then bytes made from it.
#include "tests/fuzz/reader_fuzz.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "tests/fuzz/spoil.h"

namespace sda::fuzz {
namespace {

constexpr int kInputs = 3000;
constexpr uint64_t kSeed = 32;

class ReaderFuzzTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ReaderFuzzTest, BytesAreReadOrRefusedWithAReason) {
  std::vector<std::string> inputs;
  const std::filesystem::path folder = std::filesystem::path(SDA_READER_CORPUS) / GetParam();
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << folder << " is missing: every reader has a corpus";
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) files.push_back(file.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    inputs.push_back(ReadAll(file));
    const absl::Status status = FuzzReader(GetParam(), inputs.back());
    EXPECT_TRUE(status.ok()) << file << ": " << status;
  }
  Rng rng(kSeed);
  for (int i = 0; i < kInputs; ++i) {
    const std::string& one = inputs[rng.Below(inputs.size())];
    const std::string& other = inputs[rng.Below(inputs.size())];
    const std::string bytes = Spoil(one, other, rng);
    const absl::Status status = FuzzReader(GetParam(), bytes);
    EXPECT_TRUE(status.ok()) << "input " << i << " of seed " << kSeed << ": " << status << "\n" << bytes;
  }
}

TEST_P(ReaderFuzzTest, DepthIsRefusedNotFollowed) {
  for (const std::string open : {"[", "{\"a\":", "- ", "{a: "}) {
    std::string bytes;
    while (bytes.size() < 200'000) bytes += open;
    const absl::Status status = FuzzReader(GetParam(), bytes);
    EXPECT_TRUE(status.ok()) << status;
  }
  // Well-formed, and of a kind that readers keep as it is.
  const std::string depth(200'000, '[');
  const std::string deep = "{\"options\": " + depth + std::string(depth.size(), ']') + "}";
  EXPECT_TRUE(FuzzReader(GetParam(), deep).ok());
}

INSTANTIATE_TEST_SUITE_P(AllReaders, ReaderFuzzTest, ::testing::ValuesIn(ReaderNames()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sda::fuzz
