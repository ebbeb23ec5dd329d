#include "services/preprocessing/core/pipeline/output_shards.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <arrow/array/array_nested.h>
#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <parquet/arrow/writer.h>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/shard_set.h"

namespace sda::preprocessing {
namespace {

template <class ArrayType, class Value>
std::shared_ptr<arrow::Array> Wrap(const std::vector<Value>& values) {
  return std::make_shared<ArrayType>(static_cast<int64_t>(values.size()), arrow::Buffer::Wrap(values));
}

// Keeps the vectors alive.
template <class Value>
std::shared_ptr<arrow::Buffer> Own(std::vector<Value> values) {
  return arrow::Buffer::FromVector(std::move(values));
}

arrow::Result<std::string> WriteArrow(const arrow::RecordBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(sink, batch.schema()));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(batch));
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_ASSIGN_OR_RAISE(auto buffer, sink->Finish());
  return buffer->ToString();
}

arrow::Result<std::string> WriteParquet(const std::shared_ptr<arrow::RecordBatch>& batch) {
  ARROW_ASSIGN_OR_RAISE(auto table, arrow::Table::FromRecordBatches({batch}));
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink,
                                                 std::max<int64_t>(batch->num_rows(), 1)));
  ARROW_ASSIGN_OR_RAISE(auto buffer, sink->Finish());
  return buffer->ToString();
}

absl::Status ToStatus(const arrow::Status& status) {
  return absl::InternalError(status.ToString());
}

}  // namespace

OutputShard::OutputShard(const OutputColumns& columns, int64_t rows)
    : columns_(columns),
      rows_(rows),
      remaining_(rows),
      label_(static_cast<size_t>(rows)),
      dense_(columns.dense.size(), std::vector<float>(static_cast<size_t>(rows))),
      ids_(columns.categorical.size()),
      lists_(columns.categorical.size()),
      mlperf_(static_cast<size_t>(rows) * columns.mlperf_values) {
  for (size_t i = 0; i < columns.categorical.size(); ++i) {
    if (columns.categorical[i].list)
      lists_[i].rows.resize(static_cast<size_t>(rows));
    else
      ids_[i].resize(static_cast<size_t>(rows));
  }
}

void OutputShard::SetList(size_t column, int64_t row, const int64_t* begin, const int64_t* end) {
  List& list = lists_[column];
  const std::lock_guard lock(mutex_);
  list.rows[static_cast<size_t>(row)] = {list.pool.size(), static_cast<uint32_t>(end - begin)};
  for (const int64_t* id = begin; id != end; ++id) list.pool.push_back(static_cast<int32_t>(*id));
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> OutputShard::ToBatch() const {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  const auto add = [&](const std::string& name, std::shared_ptr<arrow::Array> array) {
    fields.push_back(arrow::field(name, array->type(), /*nullable=*/false));
    arrays.push_back(std::move(array));
  };
  add("label", Wrap<arrow::FloatArray>(label_));
  for (size_t i = 0; i < dense_.size(); ++i) add(columns_.dense[i], Wrap<arrow::FloatArray>(dense_[i]));
  for (size_t i = 0; i < ids_.size(); ++i) {
    if (!columns_.categorical[i].list) {
      add(columns_.categorical[i].name, Wrap<arrow::Int32Array>(ids_[i]));
      continue;
    }
    std::vector<int32_t> offsets{0};
    std::vector<int32_t> values;
    for (const auto& [begin, size] : lists_[i].rows) {
      // Id 0 stands for missing.
      if (size == 0) values.push_back(0);
      values.insert(values.end(), lists_[i].pool.begin() + static_cast<int64_t>(begin),
                    lists_[i].pool.begin() + static_cast<int64_t>(begin) + size);
      offsets.push_back(static_cast<int32_t>(values.size()));
    }
    const auto elements = static_cast<int64_t>(values.size());
    const auto type = arrow::list(arrow::field("item", arrow::int32(), /*nullable=*/false));
    add(columns_.categorical[i].name,
        std::make_shared<arrow::ListArray>(
            type, rows_, Own(std::move(offsets)),
            std::make_shared<arrow::Int32Array>(elements, Own(std::move(values)))));
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), rows_, arrays);
}

OutputShards::OutputShards(OutputColumns columns, const std::array<int64_t, kSplits>& split_rows,
                           int64_t shard_rows, DatasetOutput& output)
    : columns_(std::move(columns)), split_rows_(split_rows), shard_rows_(shard_rows), output_(output) {}

OutputShard* OutputShards::Open(Split split, int64_t position) {
  const Key key{static_cast<size_t>(split), position / shard_rows_};
  const std::lock_guard lock(mutex_);
  std::unique_ptr<OutputShard>& shard = open_[key];
  if (!shard) {
    const int64_t rows = std::min(shard_rows_, split_rows_[key.first] - key.second * shard_rows_);
    shard = std::make_unique<OutputShard>(columns_, rows);
  }
  return shard.get();
}

absl::Status OutputShards::Complete(Split split, int64_t position, int64_t rows) {
  const Key key{static_cast<size_t>(split), position / shard_rows_};
  std::unique_ptr<OutputShard> finished;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = open_.find(key);
    if (!entry->second->Complete(rows)) return absl::OkStatus();
    finished = std::move(entry->second);
    open_.erase(entry);
  }
  return Write(key, *finished);
}

absl::Status OutputShards::Write(const Key& key, const OutputShard& shard) {
  SDA_ASSIGN_OR_RETURN(const auto batch, shard.ToBatch());
  const auto bytes = WriteArrow(*batch);
  if (!bytes.ok()) return ToStatus(bytes.status());
  ManifestShard written{ShardSet::PathOf(static_cast<Split>(key.first), key.second), shard.rows(),
                        static_cast<int64_t>(bytes->size()), Sha256Hex(*bytes)};
  SDA_RETURN_IF_ERROR(output_.Write(written.path, *bytes));
  {
    const std::lock_guard lock(mutex_);
    written_[key] = std::move(written);
  }
  if (columns_.parquet) {
    const auto parquet = WriteParquet(batch);
    if (!parquet.ok()) return ToStatus(parquet.status());
    SDA_RETURN_IF_ERROR(WriteExport(key, "parquet", "parquet", shard.rows(), *parquet));
  }
  if (columns_.mlperf_values > 0) {
    // Rows lie in memory as in the file on the little-endian machines that there are.
    const std::vector<int32_t>& rows = shard.mlperf();
    SDA_RETURN_IF_ERROR(WriteExport(
        key, "mlperf", "bin", shard.rows(),
        std::string_view(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(int32_t))));
  }
  return absl::OkStatus();
}

absl::Status OutputShards::WriteExport(const Key& key, const std::string& kind, const std::string& extension,
                                       int64_t rows, std::string_view bytes) {
  ManifestExport written;
  written.kind = kind;
  written.split = kSplitNames[key.first];
  written.path = absl::StrFormat("%s/%s-%05d.%s", kind, kSplitNames[key.first], key.second, extension);
  written.rows = rows;
  written.bytes = static_cast<int64_t>(bytes.size());
  written.sha256 = Sha256Hex(bytes);
  SDA_RETURN_IF_ERROR(output_.Write(written.path, bytes));
  const std::lock_guard lock(mutex_);
  exports_[{kind, key}] = std::move(written);
  return absl::OkStatus();
}

std::vector<ManifestShard> OutputShards::Written(Split split) const {
  const std::lock_guard lock(mutex_);
  std::vector<ManifestShard> shards;
  for (const auto& [key, shard] : written_) {
    if (key.first == static_cast<size_t>(split)) shards.push_back(shard);
  }
  return shards;
}

std::vector<ManifestExport> OutputShards::Exports() const {
  const std::lock_guard lock(mutex_);
  std::vector<ManifestExport> exports;
  for (const auto& [key, written] : exports_) exports.push_back(written);
  return exports;
}

}  // namespace sda::preprocessing
