#include "services/preprocessing/core/profile/profile_pipeline.h"

#include <cmath>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/row_hash.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/profile/profile_data.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

using testing::FolderOutput;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempFolder;

// With something for every rule: a leak, ids of one row each, a constant, a column that has no value in the
// sample, missing values that tell, numbers with a long tail, numbers that are none further down,
// times, and a category of many values.
std::string Log(int first, int last, int shift) {
  std::string text = "click,leak,visitor,same,late,level,spent,moved,broken,word,time\n";
  for (int row = first; row < last; ++row) {
    const uint64_t draw = Mix64(static_cast<uint64_t>(row));
    const bool click = draw % 4 == 0;
    absl::StrAppend(&text, click ? 1 : 0, ",", click ? "buy" : "look", ",id", row * 7919, ",x,",
                    row < 11'000 ? "" : absl::StrCat(row % 3), ",",
                    draw / 8 % 10 < (click ? 6U : 2U) ? "" : absl::StrCat(row % 300, ".5"), ",");
    absl::StrAppend(&text, static_cast<int64_t>(std::exp(static_cast<double>(draw / 64 % 1000) / 80)), ".5,",
                    draw / 32 % 100 + static_cast<uint64_t>(shift), ".25,");
    absl::StrAppend(&text, row == 11'500 ? "many" : absl::StrCat(row % 50, ".5"), ",w", draw / 128 % 700, ",",
                    1'500'000'000 + row * 100, "\n");
  }
  return text;
}

class ProfilePipelineTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Choose(ProfileSpec spec) {
    spec.data.label = "click";
    const auto profile = ProfileData(spec, {.threads = 2});
    EXPECT_TRUE(profile.ok()) << profile.status();
    const auto guess = GuessSchema(spec.data, 10'000);
    EXPECT_TRUE(guess.ok()) << guess.status();
    return ProfilePipelineYaml(*profile, guess->schema, guess->sample);
  }

  TempFolder folder_;
};

TEST_F(ProfilePipelineTest, EveryColumnHasItsFiguresAndTheStepsRun) {
  ProfileSpec spec;
  spec.data.data_uris = {folder_.Write("log.csv", Log(0, 12'000, 0))};
  spec.data.test_uris = {folder_.Write("test.csv", Log(12'000, 14'000, 40))};
  const auto yaml = Choose(spec);
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  EXPECT_THAT(*yaml, HasSubstr("# Chosen from a profile of 12000 training rows, 2"));
  EXPECT_THAT(*yaml, HasSubstr("and 2000 test rows"));
  EXPECT_THAT(*yaml, HasSubstr("# leak: left out: alone it predicts the label with AUC 1 "));
  EXPECT_THAT(*yaml, HasSubstr("(LEAKAGE: 1, bound 0.9)"));
  EXPECT_THAT(*yaml, HasSubstr("# visitor: left out: 12000 values in 12000 rows"));
  EXPECT_THAT(*yaml, HasSubstr("# same: left out: has a single value (CONSTANT"));
  EXPECT_THAT(*yaml, HasSubstr("# late: of the first 10000 rows one would think: "));
  EXPECT_THAT(*yaml, HasSubstr("but there are 3 values in 1000 rows"));
  EXPECT_THAT(*yaml, HasSubstr("a column that tells of them (label rate "));
  EXPECT_THAT(*yaml, HasSubstr("skewness "));
  EXPECT_THAT(*yaml, HasSubstr("the logarithm is taken"));
  EXPECT_THAT(*yaml, HasSubstr("population stability index "));
  EXPECT_THAT(*yaml, HasSubstr("as ids, since 1 cells are not a number"));
  EXPECT_THAT(*yaml, HasSubstr("; 700 values in 12000 rows; alone it reaches AUC 0."));
  EXPECT_THAT(*yaml, HasSubstr("rows span 13.89 days, so hour and weekday may tell"));
  EXPECT_THAT(*yaml,
              HasSubstr("{operation: fill_missing, inputs: [\"level\"], strategy: median, indicator: true}"));
  EXPECT_THAT(*yaml, HasSubstr("{operation: log, inputs: [\"spent\"]}"));
  EXPECT_THAT(*yaml, HasSubstr("{operation: quantile_bucket, inputs: [\"moved\"], buckets: 32}"));
  EXPECT_THAT(*yaml, HasSubstr("{operation: target_encode, inputs: [\"word\"], suffix: _rate}"));
  EXPECT_THAT(*yaml,
              HasSubstr("{operation: date_parts, inputs: [\"time\"], parts: [hour, weekday, is_weekend]}"));
  for (const char* out : {"leak", "visitor", "same"})
    EXPECT_THAT(yaml->substr(yaml->find("{operation")), Not(HasSubstr(absl::StrCat("\"", out, "\""))));

  const PipelineReading reading = ReadPipeline(*yaml);
  ASSERT_TRUE(reading.pipeline) << *yaml << DescribeViolations(reading.violations, "");
  spec.data.pipeline = reading.pipeline;
  FolderOutput output(folder_.path() + "/d");
  const auto manifest = CreateDataset(spec.data, "datasets/d", {.threads = 2}, output);
  EXPECT_TRUE(manifest.ok()) << manifest.status() << *yaml;
}

TEST_F(ProfilePipelineTest, WithoutTestRowsNothingIsSaidOfDrift) {
  ProfileSpec spec;
  spec.data.data_uris = {folder_.Write("log.csv", Log(0, 12'000, 0))};
  const auto yaml = Choose(spec);
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  EXPECT_THAT(*yaml, Not(HasSubstr("quantile_bucket")));
  EXPECT_THAT(*yaml, HasSubstr("--split time:time tests on the latest rows"));
}

TEST_F(ProfilePipelineTest, ListsAndGivenRoles) {
  ProfileSpec spec;
  std::string text = "click,words,code,n\n";
  for (int row = 0; row < 2000; ++row)
    absl::StrAppend(&text, row % 3 == 0 ? 1 : 0, ",a|b", row % 7, ",", row % 13, ",", row % 100, ".5\n");
  spec.data.data_uris = {folder_.Write("log.csv", text)};
  spec.data.columns = {
      {.name = "words", .role = Role::kCategorical, .list_separator = "|", .list_max_values = 3},
      {.name = "code", .role = Role::kCategorical, .frequency_threshold = 2},
      {.name = "n", .role = Role::kIgnored}};
  const auto yaml = Choose(spec);
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  EXPECT_THAT(*yaml, HasSubstr("{operation: split_list, inputs: [\"words\"], separator: \"|\"}"));
  EXPECT_THAT(*yaml, HasSubstr("{operation: truncate_list, inputs: [\"words\"], max_values: 3}"));
  EXPECT_THAT(*yaml, HasSubstr("{operation: categorify, inputs: [\"code\"], frequency_threshold: 2}"));
  EXPECT_THAT(*yaml, HasSubstr("# n: left out: given"));
  EXPECT_TRUE(ReadPipeline(*yaml).pipeline) << *yaml;
}

TEST_F(ProfilePipelineTest, NothingLeftIsRefusedWithTheReasons) {
  ProfileSpec spec;
  std::string text = "click,leak,same\n";
  for (int row = 0; row < 2000; ++row) absl::StrAppend(&text, row % 2, ",", row % 2 == 0 ? "a" : "b", ",x\n");
  spec.data.data_uris = {folder_.Write("log.csv", text)};
  const auto yaml = Choose(spec);
  EXPECT_EQ(yaml.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(yaml.status().message()), HasSubstr("leak: alone it predicts the label"));
}

}  // namespace
}  // namespace sda::preprocessing
