// The short form of the fuzz targets: the committed corpus, then bytes made from it and from valid requests.
//
//   optimizer_fuzz_test [--write-corpus DIR]   writes one valid request a type
#include "tests/fuzz/request_fuzz.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "tests/fuzz/request_world.h"
#include "tests/fuzz/spoil.h"

namespace sda::fuzz {
namespace {

constexpr int kInputsPerType = 200;

class RequestFuzzTest : public ::testing::TestWithParam<std::string> {
 protected:
  RequestFuzzer fuzzer_;
};

TEST_P(RequestFuzzTest, BytesAreAnsweredInGoodOrder) {
  std::vector<std::string> inputs;
  const std::filesystem::path folder = std::filesystem::path(SDA_FUZZ_CORPUS) / GetParam();
  ASSERT_TRUE(std::filesystem::is_directory(folder)) << folder << " is missing: every request has a corpus";
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    inputs.push_back(ReadAll(file.path()));
    const absl::Status status = fuzzer_.Try(GetParam(), inputs.back());
    EXPECT_TRUE(status.ok()) << file.path() << ": " << status;
  }
  RequestWorld world;
  inputs.push_back(world.Sample(GetParam())->SerializeAsString());
  Rng rng(31);
  for (int i = 0; i < kInputsPerType; ++i) {
    const std::string& one = inputs[rng.Below(inputs.size())];
    const std::string& other = inputs[rng.Below(inputs.size())];
    const std::string bytes = Spoil(one, other, rng);
    const absl::Status status = fuzzer_.Try(GetParam(), bytes);
    EXPECT_TRUE(status.ok()) << "input " << i << " of seed 31: " << status;
  }
}

INSTANTIATE_TEST_SUITE_P(AllRequests, RequestFuzzTest, ::testing::ValuesIn(RequestWorld::RequestTypes()),
                         [](const auto& info) { return info.param; });

void WriteCorpus(const std::filesystem::path& folder) {
  RequestWorld world;
  for (const std::string& type : RequestWorld::RequestTypes()) {
    std::filesystem::create_directories(folder / type);
    std::ofstream(folder / type / "valid", std::ios::binary) << world.Sample(type)->SerializeAsString();
  }
}

}  // namespace
}  // namespace sda::fuzz

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (argc == 3 && std::string(argv[1]) == "--write-corpus") {
    sda::fuzz::WriteCorpus(argv[2]);
    return 0;
  }
  return RUN_ALL_TESTS();
}
