#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"
#include "services/preprocessing/core/testing_memory.h"
#include "services/preprocessing/core/testing_outputs.h"

// Datasets of pipelines under a limit of memory, and such whose making was interrupted: the same in every
// byte.
namespace sda::preprocessing {
namespace {

using testing::CountingOutput;
using testing::FolderOutput;
using testing::KilledOutput;
using testing::kSanitized;
using testing::LeastMemory;
using testing::TempFolder;

// A log whose columns a, u, v and l have nearly as many values as it has rows. Every third row is there
// twice.
std::string WideLog(int rows) {
  std::mt19937_64 random(5);
  std::string text = "y,a,u,v,t,l,k\n";
  for (int i = 0; i < rows; ++i) {
    const auto draw = [&](int below) { return random() % static_cast<uint64_t>(below); };
    std::string row = absl::StrCat(i % 3 == 0 ? 1 : 0, ",");
    absl::StrAppend(&row, i % 7 == 0 ? "" : absl::StrCat(draw(rows), ".", draw(9)), ",u", draw(rows), ",");
    absl::StrAppend(&row, i % 11 == 0 ? "" : absl::StrCat("a rather long name ", draw(rows)), ",");
    absl::StrAppend(&row, 1'500'000'000 + draw(10'000'000), ",");
    for (uint64_t n = draw(4); n > 0; --n) absl::StrAppend(&row, "w", draw(rows), n > 1 ? "|" : "");
    absl::StrAppend(&row, ",k", i % 13, "\n");
    text += row;
    if (i % 3 == 0) text += row;
  }
  return text;
}

struct BoundedCase {
  const char* name;
  const char* steps;  // with the features at the end
  bool notes;         // whether a table goes to disk
};

void PrintTo(const BoundedCase& bounded, std::ostream* out) {
  *out << bounded.name;
}

constexpr BoundedCase kCases[] = {
    {"Categorify", "  - {operation: categorify, inputs: [u, v, k], frequency_threshold: 1}\n", true},
    {"CategorifyWithoutReservedIds",
     "  - {operation: categorify, inputs: [u, v], frequency_threshold: 2, reserve_missing: false, "
     "reserve_unknown: false, fit_on: all}\n",
     true},
    {"CategorifyByFirstAppearance",
     "  - {operation: categorify, inputs: [u, v], frequency_threshold: 1, order: first_appearance}\n", true},
    {"CategorifyOfAtMost",
     "  - {operation: categorify, inputs: [u, v], frequency_threshold: 1, max_size: 17000}\n"
     "  - {operation: categorify, inputs: [u], outputs: [few], frequency_threshold: 1, max_size: 5, order: "
     "first_appearance}\n",
     true},
    {"CategorifyOfLists",
     "  - {operation: split_list, inputs: [l]}\n"
     "  - {operation: categorify, inputs: [l], frequency_threshold: 1}\n"
     "  - {operation: truncate_list, inputs: [l], max_values: 2}\n",
     true},
    {"GroupCategorify",
     "  - {operation: group_categorify, inputs: [u, k], outputs: [uk], frequency_threshold: 1}\n", true},
    // The second step learns from what the first one's table, on disk, gives.
    {"StepsBehindTablesOnDisk",
     "  - {operation: count_encode, inputs: [u], outputs: [n]}\n"
     "  - {operation: categorify, inputs: [v], frequency_threshold: 1}\n"
     "  - {operation: group_categorify, inputs: [v, k], outputs: [vk], frequency_threshold: 1}\n"
     "  - {operation: filter, inputs: [n], comparison: less, number: 3}\n"
     "  - {operation: standardise, inputs: [n]}\n",
     true},
    {"Counts",
     "  - {operation: count_encode, inputs: [u], outputs: [n]}\n"
     "  - {operation: frequency_encode, inputs: [v], outputs: [f]}\n"
     "  - {operation: count_encode, inputs: [u, k], outputs: [c], crossed: true}\n",
     true},
    {"TargetEncode",
     "  - {operation: target_encode, inputs: [u, v], suffix: _te, folds: 4}\n"
     "  - {operation: target_encode, inputs: [u, k], outputs: [uk], crossed: true, min_count: 2}\n",
     true},
    {"FillMissing",
     "  - {operation: fill_missing, inputs: [v], strategy: most_frequent}\n"
     "  - {operation: hash, inputs: [v], buckets: 1000}\n"
     "  - {operation: fill_missing, inputs: [a], outputs: [b], strategy: median}\n"
     "  - {operation: cast, inputs: [a], to: number}\n"
     "  - {operation: fill_missing, inputs: [a], strategy: most_frequent, indicator: true}\n",
     false},
    {"Quantiles", "  - {operation: quantile_bucket, inputs: [a], buckets: 50}\n", false},
    {"MultiHot",
     "  - {operation: split_list, inputs: [l]}\n  - {operation: multi_hot, inputs: [l], max_values: 3}\n",
     false},
    {"Distinct", "  - {operation: distinct}\n  - {operation: log, inputs: [a]}\n", false},
    {"DistinctOfTrain",
     "  - {operation: distinct, inputs: [u], splits: [train]}\n"
     "  - {operation: count_encode, inputs: [u], outputs: [n]}\n",
     true},
    {"SampleNegatives",
     "  - {operation: sample_negatives, keep_share: 0.5}\n"
     "  - {operation: categorify, inputs: [u, v], frequency_threshold: 1}\n",
     true},
    {"Sort",
     "  - {operation: sort, inputs: [v, t], compare: [text, time], orders: [descending, ascending]}\n"
     "  - {operation: split_list, inputs: [l]}\n"
     "  - {operation: categorify, inputs: [l, k], frequency_threshold: 1}\n"
     "  - {operation: log, inputs: [a]}\n",
     true},
};

DatasetSpec SpecFor(const std::string& file, const std::string& yaml) {
  const PipelineReading reading = ReadPipeline(yaml);
  EXPECT_TRUE(reading.pipeline) << DescribeViolations(reading.violations, "") << yaml;
  DatasetSpec spec;
  spec.data_uris = {file};
  spec.pipeline = reading.pipeline;
  spec.shard_rows = 2048;
  return spec;
}

std::string Yaml(const std::string& split, const std::string& steps, const std::string& rest = "") {
  return absl::StrCat("version: 1\nlabel: y\nsteps:\n  - {operation: split, ", split, "}\n", steps, rest);
}

class BoundedOperationTest : public ::testing::TestWithParam<BoundedCase> {
 protected:
  static constexpr int kRows = 24'000;

  // Makes the dataset without a limit and with the least memory, with 1, 2 and 5 threads.
  void CheckBounded(const DatasetSpec& spec, bool notes) {
    FolderOutput whole(folder_.path() + "/whole");
    const auto expected = CreateDataset(spec, "datasets/d", {.threads = 2}, whole);
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (const int threads : {1, 2, 5}) {
      FolderOutput output(folder_.path() + "/limited");
      RunSettings settings{.threads = threads, .memory_bytes = LeastMemory(spec, threads)};
      std::set<std::string> stages;
      settings.on_progress = [&](const Progress& progress) { stages.insert(progress.stage); };
      const auto limited = CreateDataset(spec, "datasets/d", settings, output);
      ASSERT_TRUE(limited.ok()) << limited.status();
      EXPECT_EQ(limited->digest, expected->digest) << threads;
      EXPECT_EQ(limited->columns, expected->columns);
      EXPECT_EQ(stages.contains("notes 1"), notes) << "the limit is no limit";
      ASSERT_TRUE(output.Clear().ok());
    }
  }

  TempFolder folder_;
};

TEST_P(BoundedOperationTest, ALimitChangesNothing) {
  const std::string log = folder_.Write("log.csv", WideLog(kRows));
  CheckBounded(SpecFor(log, Yaml("by: fraction", GetParam().steps)), GetParam().notes);
}

INSTANTIATE_TEST_SUITE_P(Operations, BoundedOperationTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

using BoundedSplitTest = BoundedOperationTest;

TEST_F(BoundedSplitTest, OfTimesAndUsers) {
  // Of times 8 bytes a row are kept: more rows for less.
  const std::string log = folder_.Write("log.csv", WideLog(4 * kRows));
  for (const char* split : {"by: time, inputs: [t]", "by: leave_last_out, inputs: [u, t]",
                            "by: leave_last_out, inputs: [k, t], test_rows: 100, validation_rows: 100"}) {
    CheckBounded(SpecFor(log, Yaml(split, "  - {operation: log, inputs: [a]}\n")), false);
  }
}

TEST(BoundedPipelineTest, TooLittleMemoryIsRefusedWithTheLeast) {
  const TempFolder folder;
  const DatasetSpec spec = SpecFor(folder.Write("log.csv", WideLog(100)),
                                   Yaml("by: fraction", "  - {operation: log, inputs: [a]}\n"));
  EXPECT_GT(LeastMemory(spec, 2), LeastMemory(spec, 1));
}

TEST(BoundedPipelineTest, AsMuchMemoryAsTheLimitIsTaken) {
  const TempFolder folder;
  // Sanitizers take memory of their own.
  const int rows = kSanitized ? 2000 : 300'000;
  const std::string yaml =
      Yaml("by: leave_last_out, inputs: [u, t]",
           "  - {operation: distinct}\n  - {operation: sort, inputs: [v]}\n"
           "  - {operation: target_encode, inputs: [u], suffix: _te}\n"
           "  - {operation: categorify, inputs: [u, v], frequency_threshold: 1, order: first_appearance}\n");
  const DatasetSpec spec = SpecFor(folder.Write("log.csv", WideLog(rows)), yaml);
  // Code counts from the first time that it runs: it does so before memory is measured.
  FolderOutput warm(folder.path() + "/warm");
  ASSERT_TRUE(CreateDataset(SpecFor(folder.Write("warm.csv", WideLog(1000)), yaml), "datasets/d",
                            {.threads = 2, .memory_bytes = int64_t{1} << 30}, warm)
                  .ok());
  const int64_t limit = LeastMemory(spec, 2) + (8 << 20);
  FolderOutput limited(folder.path() + "/limited");
  testing::ResetPeakMemory();
  const int64_t before = testing::PeakMemoryBytes();
  const auto small = CreateDataset(spec, "datasets/d", {.threads = 2, .memory_bytes = limit}, limited);
  const int64_t taken = testing::PeakMemoryBytes() - before;
  ASSERT_TRUE(small.ok()) << small.status();

  FolderOutput unlimited(folder.path() + "/unlimited");
  testing::ResetPeakMemory();
  const auto large = CreateDataset(spec, "datasets/d", {.threads = 2}, unlimited);
  const int64_t unbounded = testing::PeakMemoryBytes() - before;
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(small->digest, large->digest);
  if (!kSanitized) {
    EXPECT_LE(taken, limit);
    EXPECT_GT(unbounded, limit * 3 / 2) << "the limit is no limit";
    RecordProperty("limit_bytes", std::to_string(limit));
    RecordProperty("taken_bytes", std::to_string(taken));
    RecordProperty("unbounded_bytes", std::to_string(unbounded));
  }
}

class ResumedPipelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_ = SpecFor(folder_.Write("log.csv", WideLog(20'000)),
                    Yaml("by: leave_last_out, inputs: [u, t]",
                         "  - {operation: distinct}\n"
                         "  - {operation: target_encode, inputs: [u], suffix: _te}\n"
                         "  - {operation: fill_missing, inputs: [a], strategy: mean}\n"
                         "  - {operation: standardise, inputs: [a]}\n"
                         "  - {operation: fill_missing, inputs: [v], strategy: most_frequent}\n"
                         "  - {operation: categorify, inputs: [v, k], frequency_threshold: 1}\n"
                         "  - {operation: split_list, inputs: [l]}\n"
                         "  - {operation: categorify, inputs: [l], frequency_threshold: 1}\n"
                         "  - {operation: sort, inputs: [t], compare: [time]}\n",
                         "output: {parquet: true, mlperf_binary: {integers: [], categories: [k]}}\n"));
    FolderOutput whole(folder_.path() + "/whole");
    const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2}, whole);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    digest_ = manifest->digest;
    columns_ = manifest->columns;
    exports_ = manifest->exports;
  }

  // Makes the dataset with a call that dies after `writes` files; what it leaves. Nothing where it ended.
  std::vector<std::string> Kill(int writes, const RunSettings& settings) {
    KilledOutput output(folder_.path() + "/dataset", writes);
    const auto made = CreateDataset(spec_, "datasets/d", settings, output);
    if (made.ok()) return {};
    EXPECT_EQ(made.status().code(), absl::StatusCode::kAborted) << made.status();
    return output.Files();
  }

  TempFolder folder_;
  DatasetSpec spec_;
  std::string digest_;
  std::vector<ManifestColumn> columns_;
  std::vector<ManifestExport> exports_;
};

TEST_F(ResumedPipelineTest, GoesOnFromTheLastPassAndShard) {
  const int64_t least = LeastMemory(spec_, 2);
  bool ended = false;
  for (int writes = 0; !ended; writes += writes < 14 ? 1 : 7) {
    SCOPED_TRACE(writes);
    const int64_t first_limit = writes % 4 == 0 ? least : 0;
    const std::vector<std::string> left = Kill(writes, {.threads = 2, .memory_bytes = first_limit});
    ended = left.empty() && writes > 0;
    if (ended) break;
    CountingOutput output(folder_.path() + "/dataset");
    RunSettings settings{.threads = 1 + writes % 3};
    if (writes % 2 == 0) settings.memory_bytes = LeastMemory(spec_, settings.threads);
    std::set<std::string> stages;
    settings.on_progress = [&](const Progress& progress) { stages.insert(progress.stage); };
    const auto manifest = CreateDataset(spec_, "datasets/d", settings, output);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->digest, digest_);
    EXPECT_EQ(manifest->columns, columns_);
    EXPECT_EQ(manifest->exports, exports_);
    for (int pass = 1; pass <= 9; ++pass) {
      const bool saved =
          std::find(left.begin(), left.end(), absl::StrCat("fit/pass-", pass, ".json")) != left.end();
      if (saved) {
        EXPECT_FALSE(stages.contains(absl::StrCat("fit ", pass)));
      }
    }
    for (const std::string& path : left) {
      // A shard is finished once it is there; its other forms may be written again when it is not.
      if (path.ends_with(".arrow") && path.find("/shard-") != std::string::npos) {
        EXPECT_FALSE(output.writes().contains(path)) << path;
      }
    }
    // Nothing is left of what was saved.
    FolderOutput folder(folder_.path() + "/dataset");
    for (const std::string& path : folder.Files()) EXPECT_FALSE(path.starts_with("fit/")) << path;
    ASSERT_TRUE(output.Clear().ok());
  }
  EXPECT_TRUE(ended);
}

TEST_F(ResumedPipelineTest, DamageOtherOptionsAndOtherFilesStartOver) {
  for (const char* path : {"fit/pass-1.json", "fit/pass-1.bin"}) {
    ASSERT_FALSE(Kill(12, {.threads = 2}).empty());
    const std::string file = folder_.path() + "/dataset/" + path;
    std::string bytes = testing::ReadFile(file);
    ASSERT_FALSE(bytes.empty());
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(file, std::ios::binary) << bytes;
    FolderOutput output(folder_.path() + "/dataset");
    const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2}, output);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(manifest->digest, digest_) << path;
    ASSERT_TRUE(output.Clear().ok());
  }
  ASSERT_FALSE(Kill(12, {.threads = 2}).empty());
  spec_.seed = 9;
  FolderOutput output(folder_.path() + "/dataset");
  const auto manifest = CreateDataset(spec_, "datasets/d", {.threads = 2}, output);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_NE(manifest->digest, digest_);
  FolderOutput fresh(folder_.path() + "/fresh");
  EXPECT_EQ(CreateDataset(spec_, "datasets/d", {.threads = 2}, fresh)->digest, manifest->digest);
}

TEST_F(ResumedPipelineTest, AFailedCallLeavesNothing) {
  ASSERT_FALSE(Kill(12, {.threads = 2}).empty());
  FolderOutput output(folder_.path() + "/dataset");
  std::stop_source stop;
  RunSettings settings{.threads = 2, .stop = stop.get_token()};
  settings.on_progress = [&](const Progress& progress) {
    if (progress.stage == "encode") stop.request_stop();
  };
  settings.keeps_partial = [] { return true; };
  EXPECT_TRUE(absl::IsCancelled(CreateDataset(spec_, "datasets/d", settings, output).status()));
  EXPECT_FALSE(output.Files().empty());
  settings.keeps_partial = {};
  EXPECT_TRUE(absl::IsCancelled(CreateDataset(spec_, "datasets/d", settings, output).status()));
  EXPECT_TRUE(output.Files().empty());
}

}  // namespace
}  // namespace sda::preprocessing
