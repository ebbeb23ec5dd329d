// What stands before and behind a Spark job, for a test that runs the job itself.
//
// usage: spark_pipeline plan|finish PIPELINE.yaml SEED SHARD_ROWS BLOCK_BYTES ROOT DATA… [--test DATA…]
//
// `plan` prints the job's plan: the dataset is datasets/rows below ROOT, its staging folder
// datasets/rows/spark. `finish` makes a dataset of what the job left and prints "digest", TAB, the digest. On
// an error prints it to standard error and exits with 2.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <absl/time/clock.h>

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

int Main(int argc, char** argv) {
  if (argc < 8)
    return Fail(
        "usage: spark_pipeline plan|finish PIPELINE SEED SHARD_ROWS BLOCK_BYTES ROOT DATA… [--test DATA…]");
  const PipelineReading reading = ReadPipeline(ReadAll(argv[2]));
  if (!reading.pipeline) return Fail(DescribeViolations(reading.violations, argv[2]));
  DatasetSpec spec;
  spec.pipeline = reading.pipeline;
  spec.seed = std::atoll(argv[3]);
  spec.shard_rows = std::atoll(argv[4]);
  SparkJob job{argv[6], kDataset, std::string(kDataset) + "/spark", std::atoll(argv[5])};
  bool test = false;
  for (int i = 7; i < argc; ++i) {
    if (std::string(argv[i]) == "--test")
      test = true;
    else
      (test ? spec.test_uris : spec.data_uris).emplace_back(argv[i]);
  }
  const auto plan = PlanForSpark(spec);
  if (!plan.ok()) return Fail(std::string(plan.status().message()));
  if (std::string(argv[1]) == "plan") {
    std::cout << SparkPlanToJson(*plan, job) << "\n";
    return 0;
  }
  testing::FolderOutput output(job.root + "/" + kDataset);
  const std::string staging = job.root + "/" + job.staging + "/";
  const auto manifest = FinishSparkDataset(*plan, kDataset, ReadAll(staging + kSparkResultFile),
                                           ReadAll(staging + kSparkTablesFile), absl::Now(), output);
  if (!manifest.ok()) return Fail(std::string(manifest.status().message()));
  std::cout << "digest\t" << manifest->digest << "\n";
  return 0;
}

}  // namespace
}  // namespace sda::preprocessing

int main(int argc, char** argv) {
  return sda::preprocessing::Main(argc, argv);
}
