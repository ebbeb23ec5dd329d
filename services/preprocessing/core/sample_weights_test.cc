// A column that weighs the rows, from the log to the shards.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

using ::testing::AllOf;
using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::ReadBatch;
using testing::ReadColumn;
using testing::TempFolder;

class SampleWeightsTest : public ::testing::Test {
 protected:
  DatasetSpec Spec(const std::string& bad_weight = "") {
    std::string text = "click,importance,x\n";
    for (int i = 0; i < 500; ++i) {
      const std::string weight = i == 123 && !bad_weight.empty() ? bad_weight : std::to_string(i % 7) + ".25";
      text += std::to_string(i % 3 == 0) + "," + weight + "," + std::to_string(i) + ".5\n";
    }
    DatasetSpec spec{.data_uris = {folder_.Write("log.csv", text)}, .label = "click", .weight = "importance"};
    spec.columns = {{.name = "x", .log = false}};
    spec.shard_rows = 100;
    return spec;
  }

  absl::StatusOr<DatasetManifest> Create(const DatasetSpec& spec) {
    FolderOutput output(dataset_);
    return CreateDataset(spec, "datasets/d", {.threads = 2}, output);
  }

  TempFolder folder_;
  const std::string dataset_ = folder_.path() + "/dataset";
};

TEST_F(SampleWeightsTest, AreAColumnOfTheShardsAndNoFeature) {
  const auto manifest = Create(Spec());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->weight_column, "importance");
  ASSERT_EQ(manifest->columns.size(), 1u);
  EXPECT_THAT(manifest->options_json, HasSubstr("\"weight\":\"importance\""));
  const DenseTransform& transform = manifest->columns[0].dense;
  for (const char* split : {"train", "validation", "test"}) {
    const auto weights = ReadColumn<float>(dataset_, *manifest, split, "weight");
    const auto values = ReadColumn<float>(dataset_, *manifest, split, "x");
    ASSERT_EQ(weights.size(), values.size());
    for (size_t i = 0; i < weights.size(); ++i) {
      const int row = static_cast<int>(values[i] * transform.scale + transform.mean);
      EXPECT_EQ(weights[i], static_cast<float>(row % 7) + 0.25f) << split << " " << row;
    }
  }
  const auto batch = ReadBatch(dataset_ + "/" + manifest->splits.at("train").shards[0].path);
  EXPECT_EQ(batch->column_name(1), "weight");
}

TEST_F(SampleWeightsTest, AreGivenByPositionAsWell) {
  DatasetSpec spec = Spec();
  spec.weight = "1";
  const auto manifest = Create(spec);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->weight_column, "importance");
}

TEST_F(SampleWeightsTest, BadOnesAreNamedByFileLineAndColumn) {
  for (const char* weight : {"-1", "nan", "inf", "1e300", "heavy", "NULL"}) {
    const auto manifest = Create(Spec(weight));
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument) << weight;
    EXPECT_THAT(std::string(manifest.status().message()),
                AllOf(HasSubstr("log.csv"), HasSubstr("125"), HasSubstr("importance"), HasSubstr(weight)));
    EXPECT_EQ(GetErrorReason(manifest.status()), "BAD_WEIGHT");
  }
}

TEST_F(SampleWeightsTest, TheLabelAndUnknownColumnsAreRefused) {
  DatasetSpec spec = Spec();
  spec.weight = "click";
  EXPECT_THAT(std::string(Create(spec).status().message()), HasSubstr("weight: is the label"));
  spec.weight = "nothing";
  EXPECT_THAT(std::string(Create(spec).status().message()), HasSubstr("nothing"));
}

}  // namespace
}  // namespace sda::preprocessing
