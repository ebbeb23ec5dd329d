#include "services/trainer_worker/server/testing/tiny_dataset.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include <absl/strings/str_cat.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/sha256.h"
#include "common/storage/dataset_manifest.h"

namespace sda::trainer::testing {
namespace {

// A number in [0, 1) from a counter: splitmix64.
double Uniform(uint64_t counter) {
  uint64_t z = counter * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

void Check(const arrow::Status& status) {
  if (!status.ok()) status.Abort();
}

void WriteBatch(const std::string& path, const std::shared_ptr<arrow::RecordBatch>& batch) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  auto file = arrow::io::FileOutputStream::Open(path).ValueOrDie();
  auto writer = arrow::ipc::MakeFileWriter(file, batch->schema()).ValueOrDie();
  Check(writer->WriteRecordBatch(*batch));
  Check(writer->Close());
  Check(file->Close());
}

template <class Builder, class Value>
std::shared_ptr<arrow::Array> Array(const std::vector<Value>& values) {
  Builder builder;
  Check(builder.AppendValues(values));
  return builder.Finish().ValueOrDie();
}

ManifestSplit WriteSplit(const std::string& folder, const std::string& name, int64_t rows, uint64_t seed,
                         int sites) {
  std::vector<float> labels, ages;
  std::vector<int32_t> ids;
  ManifestSplit split;
  split.rows = rows;
  for (int64_t row = 0; row < rows; ++row) {
    const uint64_t counter = seed + 4 * static_cast<uint64_t>(row);
    const double age = 2 * Uniform(counter) - 1;
    const int site = static_cast<int>(Uniform(counter + 1) * sites);
    const double chance = 1 / (1 + std::exp(-(2 * age + (site % 2 == 0 ? 1.5 : -1.5))));
    const bool click = Uniform(counter + 2) < chance;
    labels.push_back(click ? 1 : 0);
    ages.push_back(static_cast<float>(age));
    ids.push_back(site + 2);
    if (click) ++split.positive_rows;
  }
  ManifestShard shard;
  shard.path = name + "/shard-00000.arrow";
  shard.rows = rows;
  const auto schema = arrow::schema({arrow::field("label", arrow::float32(), false),
                                     arrow::field("age", arrow::float32(), false),
                                     arrow::field("site", arrow::int32(), false)});
  WriteBatch(folder + "/" + shard.path,
             arrow::RecordBatch::Make(schema, rows,
                                      {Array<arrow::FloatBuilder>(labels), Array<arrow::FloatBuilder>(ages),
                                       Array<arrow::Int32Builder>(ids)}));
  shard.bytes = static_cast<int64_t>(std::filesystem::file_size(folder + "/" + shard.path));
  shard.sha256 = std::string(64, '0');
  split.shards.push_back(shard);
  return split;
}

}  // namespace

TinyDataset WriteTinyDataset(const std::string& root, const std::string& name, int sites) {
  const std::string folder = root + "/datasets/" + name;
  DatasetManifest manifest;
  manifest.name = "datasets/" + name;
  manifest.label_column = "click";
  manifest.options_json = R"({"format": {"null_values": ["NULL"]}})";
  manifest.provenance_json = "{}";
  ManifestColumn age;
  age.name = "age";
  manifest.columns.push_back(age);
  ManifestColumn site;
  site.name = "site";
  site.role = ColumnRole::kCategorical;
  site.table_rows = sites + 2;
  site.distinct_count = sites;
  site.vocabulary_path = "vocabularies/site.arrow";
  site.vocabulary_sha256 = std::string(64, '0');
  manifest.columns.push_back(site);
  std::vector<std::string> values;
  for (int i = 0; i < sites; ++i)
    values.push_back(absl::StrCat(std::string(1, static_cast<char>('a' + i)), ".example"));
  WriteBatch(folder + "/" + site.vocabulary_path,
             arrow::RecordBatch::Make(arrow::schema({arrow::field("value", arrow::utf8(), false)}), sites,
                                      {Array<arrow::StringBuilder>(values)}));
  manifest.splits["train"] = WriteSplit(folder, "train", 3000, 1, sites);
  manifest.splits["validation"] = WriteSplit(folder, "validation", 1000, 1'000'000, sites);
  manifest.splits["test"] = WriteSplit(folder, "test", 1000, 2'000'000, sites);
  manifest.digest = ComputeDatasetDigest(manifest);
  const std::string json = ManifestToJson(manifest);
  std::ofstream(folder + "/manifest.json", std::ios::binary) << json;
  return {absl::StrCat(manifest.name, "/manifest.json"), Sha256Hex(json)};
}

trainer::v1::TrainingSpec TinySpec(const TinyDataset& dataset) {
  trainer::v1::TrainingSpec spec;
  spec.set_dataset_manifest_uri(dataset.manifest_uri);
  spec.set_dataset_manifest_sha256(dataset.manifest_sha256);
  spec.set_seed(7);
  spec.mutable_model()->set_embedding_dim(4);
  spec.mutable_model()->add_bottom_layers(8);
  spec.mutable_model()->add_top_layers(8);
  spec.mutable_training()->set_batch_size(64);
  spec.mutable_training()->set_epochs(4);
  spec.mutable_optimizer()->mutable_dense()->set_learning_rate(0.05);
  spec.mutable_optimizer()->mutable_sparse()->set_learning_rate(0.05);
  return spec;
}

}  // namespace sda::trainer::testing
