#include "tests/benchmarks/train_config.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TrainConfigTest : public testing::Test {
 protected:
  ~TrainConfigTest() override { std::filesystem::remove(path_); }

  absl::StatusOr<TrainConfig> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return FindTrainConfig(path_);
  }

  const std::string path_ = testing::TempDir() + "/train_config_" +
                            testing::UnitTest::GetInstance()->current_test_info()->name() + ".json";
};

TEST_F(TrainConfigTest, AFileOfTheUsersOwn) {
  const auto config = Read(R"({"embedding_dim": 8, "dense_columns": 0, "bottom": [], "top": [32, 16],
                               "tables": [10, 20], "batch": 64})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model.embedding_dim, 8);
  EXPECT_THAT(config->model.top_layers, ElementsAre(32, 16));
  EXPECT_THAT(config->inputs.table_rows, ElementsAre(10, 20));
  EXPECT_EQ(config->inputs.table_names.size(), 2u);
  EXPECT_EQ(config->lookups, 1);
  EXPECT_EQ(config->batch, 64);
}

TEST_F(TrainConfigTest, MistakesAreNamed) {
  const std::string good =
      R"({"embedding_dim": 8, "dense_columns": 1, "bottom": [4], "top": [2], "tables": [10], "batch": 64})";
  ASSERT_TRUE(Read(good).ok());
  struct Case {
    const char* from;
    const char* to;
    const char* message;
  };
  for (const Case& c : {
           Case{"\"embedding_dim\": 8, ", "", "embedding_dim is missing; must be an integer from 1 to"},
           Case{"8", "0", "embedding_dim is 0; must be an integer from 1"},
           Case{"8", "8.5", "embedding_dim is 8.5; must be an integer"},
           Case{"8", "\"8\"", "embedding_dim is \"8\"; must be an integer"},
           Case{"8", "18446744073709551615", "embedding_dim is 18446744073709551615; must be"},
           Case{"[10]", "[10, -1]", "tables[1] is -1; must be an integer from 1 to 2147483647"},
           Case{"[10]", "10", "tables is 10; must be a list"},
           Case{"\"batch\": 64", "\"batch\": 64, \"lookup\": 5",
                "lookup is no field; must be one of batch, bottom"},
           Case{"\"batch\": 64", "\"batch\": 64, \"lookups\": -1", "lookups is -1; must be"},
           Case{"\"batch\": 64", "\"batch\": 16777216, \"lookups\": 60000",
                "batch times lookups must be below 2^31"},
           Case{"\"dense_columns\": 1", "\"dense_columns\": null", "dense_columns is null; must be"},
           Case{"{", "[", "is not JSON"},
       }) {
    std::string text = good;
    text.replace(text.find(c.from), std::string(c.from).size(), c.to);
    const auto config = Read(text);
    EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(c.message)) << text;
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(path_)) << text;
  }
  EXPECT_THAT(std::string(Read("[1]").status().message()), HasSubstr("must be a JSON object"));
}

TEST_F(TrainConfigTest, NamesAndMissingFiles) {
  for (const char* name : {"kaggle", "kaggle128", "mlperf_small", "sc20_small"})
    EXPECT_TRUE(FindTrainConfig(name).ok());
  for (const std::string& name : {std::string("kagle"), testing::TempDir()}) {
    const auto config = FindTrainConfig(name);
    EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(config.status().message()), HasSubstr("nor one of kaggle, kaggle128"));
  }
}

}  // namespace
}  // namespace sda::bench
