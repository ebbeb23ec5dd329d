// Makes a dataset by a pipeline and prints its rows, for comparison with another implementation.
//
// usage: pipeline_rows PIPELINE.yaml SEED THREADS SHARD_ROWS OUTPUT_FOLDER DATA… [--test DATA…]
//
// Prints "digest", TAB, the digest; "table", TAB, a categorical column, TAB, its table rows; then for each
// row, in the order of the shards, split, label and features by TABs: dense ones as the 8 hexadecimal digits
// of their float's bits, ids in decimal, lists with blanks between. On an error prints it to standard error
// and exits with 2.

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <arrow/api.h>

#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

std::string Cell(const arrow::Array& column, int64_t row) {
  if (column.type_id() == arrow::Type::FLOAT)
    return absl::StrFormat("%08x",
                           std::bit_cast<uint32_t>(static_cast<const arrow::FloatArray&>(column).Value(row)));
  if (column.type_id() == arrow::Type::INT32)
    return std::to_string(static_cast<const arrow::Int32Array&>(column).Value(row));
  const auto& list = static_cast<const arrow::ListArray&>(column);
  const auto& values = static_cast<const arrow::Int32Array&>(*list.values());
  std::string text;
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i)
    text += (text.empty() ? "" : " ") + std::to_string(values.Value(i));
  return text;
}

int Fail(const std::string& message) {
  std::cerr << message << "\n";
  return 2;
}

int Main(int argc, char** argv) {
  if (argc < 7)
    return Fail("usage: pipeline_rows PIPELINE SEED THREADS SHARD_ROWS FOLDER DATA… [--test DATA…]");
  std::ifstream file(argv[1], std::ios::binary);
  const std::string yaml((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const PipelineReading reading = ReadPipeline(yaml);
  if (!reading.pipeline) return Fail(DescribeViolations(reading.violations, argv[1]));
  DatasetSpec spec;
  spec.pipeline = reading.pipeline;
  spec.seed = std::stoll(argv[2]);
  spec.shard_rows = std::stoll(argv[4]);
  bool test = false;
  for (int i = 6; i < argc; ++i) {
    if (std::string(argv[i]) == "--test")
      test = true;
    else
      (test ? spec.test_uris : spec.data_uris).emplace_back(argv[i]);
  }
  const std::string folder = argv[5];
  testing::FolderOutput output(folder);
  RunSettings settings;
  settings.threads = std::stoi(argv[3]);
  const auto manifest = CreateDataset(spec, "datasets/rows", settings, output);
  if (!manifest.ok()) return Fail(std::string(manifest.status().message()));
  std::cout << "digest\t" << manifest->digest << "\n";
  for (const ManifestColumn& column : manifest->columns) {
    if (column.role == ColumnRole::kCategorical)
      std::cout << "table\t" << column.name << "\t" << column.table_rows << "\n";
  }
  for (const char* split : {"train", "validation", "test"}) {
    for (const ManifestShard& shard : manifest->splits.at(split).shards) {
      const auto batch = testing::ReadBatch(folder + "/" + shard.path);
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        std::cout << split;
        for (const auto& column : batch->columns()) std::cout << "\t" << Cell(*column, row);
        std::cout << "\n";
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace sda::preprocessing

int main(int argc, char** argv) {
  return sda::preprocessing::Main(argc, argv);
}
