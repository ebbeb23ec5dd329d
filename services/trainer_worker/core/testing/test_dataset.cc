#include "services/trainer_worker/core/testing/test_dataset.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <arrow/array/array_binary.h>
#include <arrow/array/array_nested.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/sha256.h"
#include "common/numerics/rng.h"

namespace sda::trainer::testing {
namespace {

namespace fs = std::filesystem;

void Check(const arrow::Status& status) {
  if (!status.ok()) status.Abort();
}

template <class Builder, class Value>
std::shared_ptr<arrow::Array> ToArray(const std::vector<Value>& values) {
  Builder builder;
  Check(builder.AppendValues(values));
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> ToTextArray(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  Check(builder.AppendValues(values));
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> ToListArray(const std::vector<int32_t>& offsets,
                                          const std::shared_ptr<arrow::Array>& values) {
  const auto begins = ToArray<arrow::Int32Builder>(offsets);
  return arrow::ListArray::FromArrays(*begins, *values).ValueOrDie();
}

void WriteBatch(const std::string& path,
                const std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>& columns) {
  fs::create_directories(fs::path(path).parent_path());
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type(), /*nullable=*/false));
    arrays.push_back(array);
  }
  const auto schema = arrow::schema(fields);
  auto file = arrow::io::FileOutputStream::Open(path).ValueOrDie();
  auto writer = arrow::ipc::MakeFileWriter(file, schema).ValueOrDie();
  Check(writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, arrays[0]->length(), arrays)));
  Check(writer->Close());
  Check(file->Close());
}

// Rows of one split, drawn in order.
class Rows {
 public:
  Rows(const TestDataset& dataset, uint64_t stream) : dataset_(dataset), rng_(dataset.seed, stream) {}

  ManifestShard WriteShard(const std::string& folder, const std::string& path, int64_t rows,
                           bool first_of_train, int64_t& positives) {
    std::vector<float> labels, weights;
    std::vector<std::vector<float>> dense(dataset_.dense_columns);
    std::vector<std::vector<int32_t>> ids(dataset_.table_rows.size());
    std::vector<std::vector<int32_t>> offsets(dataset_.table_rows.size(), {0});
    for (int64_t row = 0; row < rows; ++row) {
      double logit = -0.3;
      for (auto& column : dense) {
        column.push_back(static_cast<float>(rng_.Normal()));
        logit += 0.8 * column.back();
      }
      for (size_t t = 0; t < ids.size(); ++t) {
        const uint64_t size = dataset_.list_tables.contains(t) ? 1 + rng_.Below(4) : 1;
        for (uint64_t i = 0; i < size; ++i) {
          const uint64_t id = rng_.Below(dataset_.table_rows[t]);
          ids[t].push_back(static_cast<int32_t>(id));
          logit += 3 * (UnitInterval(HashOf(
                            dataset_.rule_seed,
                            {99, t, static_cast<uint64_t>(dataset_.ValueOf(t, static_cast<int64_t>(id)))})) -
                        0.5);
        }
        offsets[t].push_back(static_cast<int32_t>(ids[t].size()));
      }
      if (dataset_.random_labels) logit = 0;
      labels.push_back(rng_.Uniform() < 1 / (1 + std::exp(-logit)) ? 1.0f : 0.0f);
      positives += labels.back() > 0.5f;
      if (dataset_.weighted) weights.push_back(static_cast<float>(rng_.Uniform(0.01, 2)));
    }
    if (first_of_train && dataset_.bad_id_row >= 0)
      ids[0][offsets[0][dataset_.bad_id_row + 1] - 1] = dataset_.bad_id;

    std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> columns = {
        {"label", ToArray<arrow::FloatBuilder>(labels)}};
    if (first_of_train && dataset_.bad_weight_row >= 0)
      weights[dataset_.bad_weight_row] = dataset_.bad_weight;
    if (dataset_.weighted) columns.emplace_back("weight", ToArray<arrow::FloatBuilder>(weights));
    for (size_t c = 0; c < dense.size(); ++c) {
      columns.emplace_back(absl::StrCat("D", c + 1), ToArray<arrow::FloatBuilder>(dense[c]));
    }
    for (size_t t = 0; t < ids.size(); ++t) {
      auto values = ToArray<arrow::Int32Builder>(ids[t]);
      if (dataset_.list_tables.contains(t)) values = ToListArray(offsets[t], values);
      columns.emplace_back(absl::StrCat("C", t + 1), values);
    }
    WriteBatch(folder + "/" + path, columns);
    return {.path = path,
            .rows = rows,
            .bytes = static_cast<int64_t>(fs::file_size(folder + "/" + path)),
            .sha256 = std::string(64, '0')};
  }

 private:
  const TestDataset& dataset_;
  Rng rng_;
};

}  // namespace

DatasetManifest TestDataset::Write(const std::string& folder) const {
  DatasetManifest manifest;
  manifest.name = "datasets/test";
  manifest.label_column = "label";
  if (weighted) manifest.weight_column = "importance";
  manifest.options_json = R"({"format":{"null_values":["","?"]}})";
  manifest.provenance_json = "{}";
  for (int c = 0; c < dense_columns; ++c) {
    ManifestColumn column;
    column.name = absl::StrCat("D", c + 1);
    column.role = ColumnRole::kDense;
    column.dense = {.fill_value = 0.5, .log = c == 1, .mean = 0.25, .scale = 2};
    manifest.columns.push_back(column);
  }
  for (size_t t = 0; t < table_rows.size(); ++t) {
    ManifestColumn column;
    column.name = absl::StrCat("C", t + 1);
    column.role = ColumnRole::kCategorical;
    column.table_rows = table_rows[t];
    column.vocabulary_path = absl::StrCat("vocabularies/", column.name, ".arrow");
    column.vocabulary_sha256 = Sha256Hex(absl::StrCat(column.name, reversed, table_rows[t]));
    if (list_tables.contains(t)) column.list_separator = "|";
    std::vector<std::string> values;
    for (int64_t id = 2; id < table_rows[t]; ++id)
      values.push_back(absl::StrCat(column.name, "-", ValueOf(t, id)));
    WriteBatch(folder + "/" + column.vocabulary_path, {{"value", ToTextArray(values)}});
    manifest.columns.push_back(column);
  }
  uint64_t stream = 0;
  for (const auto& [name, rows] : split_rows) {
    ManifestSplit& split = manifest.splits[name];
    Rows source(*this, stream++);
    for (int64_t begin = 0; begin < rows; begin += shard_rows) {
      const std::string path = absl::StrFormat("%s/shard-%05d.arrow", name, begin / shard_rows);
      split.shards.push_back(source.WriteShard(folder, path, std::min(shard_rows, rows - begin),
                                               name == "train" && begin == 0, split.positive_rows));
    }
    split.rows = rows;
  }
  manifest.digest = ComputeDatasetDigest(manifest);
  std::ofstream(folder + "/manifest.json") << ManifestToJson(manifest);
  return manifest;
}

void WriteShard(const std::string& path, const std::vector<std::pair<std::string, ShardColumn>>& columns) {
  std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> arrays;
  for (const auto& [name, values] : columns) {
    if (const auto* floats = std::get_if<std::vector<float>>(&values)) {
      arrays.emplace_back(name, ToArray<arrow::FloatBuilder>(*floats));
    } else {
      arrays.emplace_back(name, ToArray<arrow::Int32Builder>(std::get<std::vector<int32_t>>(values)));
    }
  }
  WriteBatch(path, arrays);
}

void WriteOddShard(const std::string& path, const std::vector<std::pair<std::string, char>>& columns,
                   int64_t rows) {
  std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>> arrays;
  for (const auto& [name, type] : columns) {
    arrays.emplace_back(name, type == 'f' ? ToArray<arrow::FloatBuilder>(std::vector<float>(rows))
                                          : ToArray<arrow::Int32Builder>(std::vector<int32_t>(rows)));
  }
  WriteBatch(path, arrays);
}

}  // namespace sda::trainer::testing
