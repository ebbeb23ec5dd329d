#include <map>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/pipeline/fitted_pipeline.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/pipeline/auto_pipeline.h"
#include "services/preprocessing/core/pipeline/pass_schedule.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

// Conformance with the page that defines pipelines is tested against an independent program
// (tests/conformance/preprocessing); here stands what that cannot see.
namespace sda::preprocessing {
namespace {

using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::ReadBatch;
using testing::ReadColumn;
using testing::ReadFile;
using testing::TempFolder;

class PipelineDatasetTest : public ::testing::Test {
 protected:
  absl::StatusOr<DatasetManifest> Create(const std::string& yaml, std::vector<std::string> data,
                                         std::vector<std::string> test = {}) {
    const PipelineReading reading = ReadPipeline(yaml);
    EXPECT_TRUE(reading.pipeline) << DescribeViolations(reading.violations, "");
    DatasetSpec spec;
    spec.data_uris = std::move(data);
    spec.test_uris = std::move(test);
    spec.pipeline = reading.pipeline;
    spec.format.null_values = null_values_;
    FolderOutput output(folder());
    return CreateDataset(spec, "datasets/d", {.threads = 2}, output);
  }

  std::string folder() const { return folder_.path() + "/d"; }

  TempFolder folder_;
  std::vector<std::string> null_values_;
};

constexpr char kEverything[] = R"(
version: 1
label: y
steps:
  - {operation: fill_missing, inputs: [a], strategy: mean, indicator: true}
  - {operation: clip, inputs: [a], max: 50}
  - {operation: log, inputs: [a]}
  - {operation: standardise, inputs: [a]}
  - {operation: quantile_bucket, inputs: [a], buckets: 5, suffix: _q}
  - {operation: group_categorify, inputs: [a_q, c], outputs: [a_x_c], frequency_threshold: 2}
  - {operation: hash, inputs: [c], buckets: 11, suffix: _h}
  - {operation: count_encode, inputs: [c], suffix: _n}
  - {operation: frequency_encode, inputs: [c], suffix: _f}
  - {operation: target_encode, inputs: [c], suffix: _te}
  - {operation: date_parts, inputs: [t], parts: [hour, weekday]}
  - {operation: split_list, inputs: [l]}
  - {operation: multi_hot, inputs: [l], max_values: 2}
  - {operation: truncate_list, inputs: [l], max_values: 2}
  - {operation: categorify, inputs: [l], frequency_threshold: 1}
  - {operation: categorify, inputs: [c], frequency_threshold: 3}
  - {operation: difference, inputs: [c_n, a], outputs: [d]}
  - {operation: filter, inputs: [a], comparison: less, number: 100}
)";

std::string MakeRows(int begin, int end) {
  std::string text = "y,a,c,t,l\n";
  for (int i = begin; i < end; ++i) {
    const int k = i * 2654435761u % 1000;
    absl::StrAppend(&text, k % 3 == 0 ? 1 : 0, ",", k % 7 == 0 ? "" : absl::StrCat(k % 83, ".5"), ",",
                    k % 11 == 0 ? "NA" : absl::StrCat("v", k % 13), ",", 1'500'000'000 + k * 1000, ",",
                    k % 5 == 0 ? "" : absl::StrCat("x", k % 3, "|x", k % 4, "|z"), "\n");
  }
  return text;
}

// Serving applies what was learned by the same code: a raw row has the same bytes there as in the dataset.
TEST_F(PipelineDatasetTest, ServingGivesTheRowsOfTheDataset) {
  const std::string train = folder_.Write("train.csv", MakeRows(0, 500));
  // Values that training never saw are among these.
  std::string unseen = MakeRows(500, 600);
  unseen += "1,,new,0,\n0,7,v1,1500000000,new|x1\n";
  const std::string test = folder_.Write("test.csv", unseen);
  const auto manifest = Create(kEverything, {train}, {test});
  ASSERT_TRUE(manifest.ok()) << manifest.status();

  auto fitted = pipeline::FittedPipelineFromArrow(ReadFile(folder() + "/" + manifest->pipeline_path), "p");
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const pipeline::ServingPipeline serving(*std::move(fitted));
  std::vector<std::vector<std::string>> lines;
  for (size_t at = unseen.find('\n') + 1; at < unseen.size();) {
    const size_t end = unseen.find('\n', at);
    std::vector<std::string>& fields = lines.emplace_back(1);
    for (; at < end; ++at) {
      if (unseen[at] == ',')
        fields.emplace_back();
      else
        fields.back().push_back(unseen[at]);
    }
    at = end + 1;
  }
  std::vector<std::vector<pipeline::ServingPipeline::Field>> values(serving.columns().size());
  for (size_t c = 0; c < values.size(); ++c) {
    for (const auto& line : lines) values[c].push_back({line[c], line[c].empty() || line[c] == "NA"});
  }
  const auto features = serving.Apply(values, lines.size());
  ASSERT_TRUE(features.ok()) << features.status();
  size_t dense = 0;
  size_t categorical = 0;
  for (const ManifestColumn& column : manifest->columns) {
    if (column.role == ColumnRole::kDense) {
      EXPECT_EQ(ReadColumn<float>(folder(), *manifest, "test", column.name), features->dense[dense++])
          << column.name;
    } else if (features->categorical[categorical].offsets.empty()) {
      EXPECT_EQ(ReadColumn<int32_t>(folder(), *manifest, "test", column.name),
                features->categorical[categorical++].ids)
          << column.name;
    } else {
      const auto batch = ReadBatch(folder() + "/" + manifest->splits.at("test").shards[0].path);
      const auto& lists = static_cast<const arrow::ListArray&>(*batch->GetColumnByName(column.name));
      const auto& ids = static_cast<const arrow::Int32Array&>(*lists.values());
      const auto& served = features->categorical[categorical++];
      for (int64_t row = 0; row < lists.length(); ++row) {
        std::vector<int32_t> expected(served.ids.begin() + served.offsets[static_cast<size_t>(row)],
                                      served.ids.begin() + served.offsets[static_cast<size_t>(row) + 1]);
        if (expected.empty()) expected.push_back(0);
        const std::vector<int32_t> stored(ids.raw_values() + lists.value_offset(row),
                                          ids.raw_values() + lists.value_offset(row + 1));
        EXPECT_EQ(stored, expected) << row;
      }
    }
  }
  EXPECT_EQ(dense, features->dense.size());
  EXPECT_EQ(categorical, features->categorical.size());
}

TEST_F(PipelineDatasetTest, ServingNamesWhatAStepCannotTake) {
  const auto manifest = Create("version: 1\nlabel: y\nsteps: [{operation: standardise, inputs: [a]}]\n",
                               {folder_.Write("a.csv", MakeRows(0, 100))});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  auto fitted = pipeline::FittedPipelineFromArrow(ReadFile(folder() + "/pipeline.arrow"), "p");
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const pipeline::ServingPipeline serving(*std::move(fitted));
  std::vector<std::vector<pipeline::ServingPipeline::Field>> values(5);
  values[1] = {{"1.5", false}, {"many", false}};
  EXPECT_THAT(std::string(serving.Apply(values, 2).status().message()),
              HasSubstr("columns[a].values[1]: \"many\" is not a number"));
  // Columns that are left out are missing.
  values[1].clear();
  EXPECT_EQ(serving.Apply(values, 2)->dense[0], (std::vector<float>{0, 0}));
}

TEST_F(PipelineDatasetTest, BadFieldsAreNamedWithFileLineColumnAndStep) {
  const std::string file = folder_.Write("a.csv", "y,a,b\n0,1,x\n1,2,x\n0,many,x\n1,few,x\n");
  const auto manifest = Create("version: 1\nlabel: y\nsteps: [{operation: log, inputs: [a]}]\n", {file});
  EXPECT_THAT(
      std::string(manifest.status().message()),
      ::testing::AllOf(HasSubstr("a.csv:4"), HasSubstr("\"many\" is not a number"), HasSubstr("steps[0]")));
  EXPECT_TRUE(FolderOutput(folder()).Files().empty()) << "what was written stays behind";
}

// TorchRec's example of re-indexing with a threshold of 2.
TEST_F(PipelineDatasetTest, ReindexingAsTorchRecDoesIt) {
  const std::string file = folder_.Write("days.csv", "y,a,b\n0,abc,xyz\n1,iop,xyz\n0,iop,tuv\n1,lkj,xyz\n");
  const auto manifest = Create(
      "version: 1\nlabel: y\nsteps:\n"
      "  - {operation: split, by: fraction, test_share: 0, validation_share: 1.0e-300}\n"
      "  - {operation: categorify, inputs: [a, b], frequency_threshold: 2}\n",
      {file});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(ReadColumn<int32_t>(folder(), *manifest, "train", "a"), (std::vector<int32_t>{1, 2, 2, 1}));
  EXPECT_EQ(ReadColumn<int32_t>(folder(), *manifest, "train", "b"), (std::vector<int32_t>{2, 2, 1, 2}));
}

// A label must not find its way into its own row's features.
TEST_F(PipelineDatasetTest, TargetEncodingOfARowDoesNotDependOnItsLabel) {
  const char* const yaml =
      "version: 1\nlabel: y\nsteps:\n"
      "  - {operation: split, by: fraction, test_share: 0, validation_share: 1.0e-300}\n"
      "  - {operation: target_encode, inputs: [c], outputs: [te], smoothing: 1}\n";
  std::vector<std::vector<float>> encodings;
  for (const char* label : {"0", "1"}) {
    std::string text = "y,c\n";
    for (int i = 0; i < 40; ++i)
      absl::StrAppend(&text, i == 7 ? label : (i % 3 == 0 ? "1" : "0"), ",v", i % 2, "\n");
    const auto manifest = Create(yaml, {folder_.Write("a.csv", text)});
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    encodings.push_back(ReadColumn<float>(folder(), *manifest, "train", "te"));
  }
  EXPECT_EQ(encodings[0][7], encodings[1][7]);
  EXPECT_NE(encodings[0], encodings[1]);
}

TEST_F(PipelineDatasetTest, ParquetHoldsTheRowsOfTheShards) {
  const auto manifest = Create(
      "version: 1\nlabel: y\nsteps:\n"
      "  - {operation: standardise, inputs: [a]}\n"
      "  - {operation: categorify, inputs: [c]}\noutput: {parquet: true}\n",
      {folder_.Write("a.csv", MakeRows(0, 300))});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_EQ(manifest->exports.size(), 3u);
  std::map<std::string, int64_t> rows;
  for (const ManifestExport& file : manifest->exports) {
    EXPECT_EQ(file.kind, "parquet");
    EXPECT_EQ(static_cast<int64_t>(ReadFile(folder() + "/" + file.path).size()), file.bytes);
    rows[file.split] += file.rows;
  }
  for (const auto& [name, split] : manifest->splits) EXPECT_EQ(rows[name], split.rows) << name;
  // Read back as an input, it gives the same table.
  const auto parsed = ManifestFromJson(ManifestToJson(*manifest), "m");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->exports, manifest->exports);
  EXPECT_EQ(parsed->pipeline_sha256, manifest->pipeline_sha256);
}

TEST_F(PipelineDatasetTest, DigestCoversWhatWasLearned) {
  DatasetManifest manifest;
  manifest.pipeline_path = "pipeline.arrow";
  manifest.pipeline_sha256 = "a";
  const std::string one = ComputeDatasetDigest(manifest);
  manifest.pipeline_sha256 = "b";
  EXPECT_NE(one, ComputeDatasetDigest(manifest));
}

TEST_F(PipelineDatasetTest, NothingToTrainOnIsRefused) {
  const std::string file = folder_.Write("a.csv", MakeRows(0, 50));
  const auto none = Create(
      "version: 1\nlabel: y\nsteps:\n"
      "  - {operation: filter, inputs: [c], comparison: equal, values: [nothing]}\n"
      "  - {operation: log, inputs: [a]}\n",
      {file});
  EXPECT_THAT(std::string(none.status().message()),
              HasSubstr("pipeline.steps: leave none of 0 remaining rows"));
}

TEST(PassScheduleTest, StepsThatDoNotDependOnOneAnotherShareAPass) {
  const PipelineReading reading = ReadPipeline(kEverything);
  const auto compiled = pipeline::Compile(*reading.pipeline, {"y", "a", "c", "t", "l"}, 0);
  ASSERT_TRUE(compiled.program);
  // Mean; standardise and what reads c and l; buckets; crossed; written.
  EXPECT_EQ(SchedulePasses(*compiled.program).passes.size(), 5u);
}

TEST(FittedPipelineTest, DamageIsRefused) {
  EXPECT_THAT(
      std::string(pipeline::FittedPipelineFromArrow("nothing", "m/pipeline.arrow").status().message()),
      HasSubstr("m/pipeline.arrow: is no fitted pipeline"));
}

TEST(AutoPipelineTest, IsAGoodPipelineThatSaysWhy) {
  const TempFolder folder;
  DatasetSpec spec;
  std::string text = "click,age,spent,user,day,same\n";
  for (int i = 0; i < 500; ++i) {
    absl::StrAppend(&text, i % 2, ",", i % 9 == 0 ? "" : absl::StrCat(20 + i % 50), ",", i * 37 % 5000,
                    ".5,u", i * 7919 % 211, ",2020-01-0", 1 + i % 9, ",1\n");
  }
  spec.data_uris = {folder.Write("a.csv", text)};
  spec.label = "click";
  const auto guess = GuessSchema(spec, 1000);
  ASSERT_TRUE(guess.ok()) << guess.status();
  const std::string yaml = AutoPipelineYaml(guess->schema, guess->sample);
  const PipelineReading reading = ReadPipeline(yaml);
  ASSERT_TRUE(reading.pipeline) << yaml << DescribeViolations(reading.violations, "");
  EXPECT_THAT(yaml, HasSubstr("# age: "));
  EXPECT_THAT(yaml, HasSubstr("indicator: true"));
  EXPECT_THAT(yaml, HasSubstr("# same: left out: has a single value"));
  EXPECT_THAT(yaml, HasSubstr("{operation: target_encode, inputs: [\"user\"], suffix: _rate}"));
  spec.pipeline = reading.pipeline;
  FolderOutput output(folder.path() + "/d");
  const auto manifest = CreateDataset(spec, "datasets/d", {.threads = 1}, output);
  EXPECT_TRUE(manifest.ok()) << manifest.status() << yaml;
}

}  // namespace
}  // namespace sda::preprocessing
