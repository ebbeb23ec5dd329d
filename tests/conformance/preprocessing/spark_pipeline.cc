// What stands before and behind a Spark job, for a test that runs the job itself.
//
// usage: spark_pipeline plan|finish|alone PIPELINE.yaml SEED SHARD_ROWS BLOCK_BYTES ROOT DATA… [--test DATA…]
// [--split hash:COLUMN|time:COLUMN] [--bad-rows skip|null]
//
// `plan` writes the job's plan: the dataset is datasets/rows below ROOT, its staging folder
// datasets/rows/spark. `finish` makes a dataset of what the job left, `alone` makes it without Spark; both
// print "digest", TAB, the digest. On an error prints it to standard error and exits with 2.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <absl/time/clock.h>

#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/spark/spark_plan.h"
#include "services/preprocessing/core/spark/spark_result.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

constexpr char kDataset[] = "datasets/rows";

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

int Fail(std::string_view message) {
  std::cerr << message << "\n";
  return 2;
}

int PrintDigest(const absl::StatusOr<DatasetManifest>& manifest) {
  if (!manifest.ok()) return Fail(std::string(manifest.status().message()));
  std::cout << "digest\t" << manifest->digest << "\n";
  return 0;
}

// The files, the split and what becomes of bad rows, behind the fixed arguments.
void ReadRest(int argc, char** argv, DatasetSpec& spec) {
  bool test = false;
  for (int i = 7; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--test") {
      test = true;
    } else if (word == "--split" && i + 1 < argc) {
      const std::string split = argv[++i];
      spec.split.kind = split.starts_with("time:") ? SplitSpec::Kind::kTime : SplitSpec::Kind::kHash;
      spec.split.column = split.substr(5);
      spec.split.test_share = 0.3;
    } else if (word == "--bad-rows" && i + 1 < argc) {
      spec.bad_rows = std::string(argv[++i]) == "skip" ? BadRowPolicy::kSkip : BadRowPolicy::kNull;
    } else {
      (test ? spec.test_uris : spec.data_uris).push_back(word);
    }
  }
}

int Main(int argc, char** argv) {
  if (argc < 8)
    return Fail("usage: spark_pipeline plan|finish|alone PIPELINE SEED SHARD_ROWS BLOCK_BYTES ROOT DATA…");
  const std::string what = argv[1];
  const PipelineReading reading = ReadPipeline(ReadAll(argv[2]));
  if (!reading.pipeline) return Fail(DescribeViolations(reading.violations, argv[2]));
  DatasetSpec spec;
  spec.pipeline = reading.pipeline;
  spec.seed = std::stoll(argv[3]);
  spec.shard_rows = std::stoll(argv[4]);
  const SparkJob job{argv[6], kDataset, std::string(kDataset) + "/spark", std::stoll(argv[5])};
  ReadRest(argc, argv, spec);
  testing::FolderOutput output(job.root + "/" + kDataset);
  if (what == "alone") {
    RunSettings settings;
    settings.threads = 2;
    return PrintDigest(CreateDataset(spec, kDataset, settings, output));
  }
  const auto plan = PlanForSpark(spec);
  if (!plan.ok()) return Fail(std::string(plan.status().message()));
  if (what == "plan") {
    testing::FolderOutput staging(job.root + "/" + job.staging);
    const absl::Status written = WriteSparkPlan(*plan, job, staging);
    return written.ok() ? 0 : Fail(std::string(written.message()));
  }
  const std::string staging = job.root + "/" + job.staging + "/";
  return PrintDigest(FinishSparkDataset(*plan, kDataset, ReadAll(staging + kSparkResultFile),
                                        ReadAll(staging + kSparkTablesFile), absl::Now(), output));
}

}  // namespace
}  // namespace sda::preprocessing

int main(int argc, char** argv) {
  return sda::preprocessing::Main(argc, argv);
}
