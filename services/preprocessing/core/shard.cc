#include "services/preprocessing/core/shard.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <absl/strings/str_cat.h>
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <parquet/arrow/writer.h>

#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

// Arrow's alignment; columns start at multiples of it.
constexpr int64_t kAlignment = 64;

constexpr int64_t kValueBytes = 4;  // of float32 and int32 alike

std::shared_ptr<arrow::DataType> ListType() {
  return arrow::list(arrow::field("item", arrow::int32(), /*nullable=*/false));
}

arrow::Result<std::shared_ptr<arrow::Buffer>> WriteParquet(const std::shared_ptr<arrow::RecordBatch>& batch) {
  ARROW_ASSIGN_OR_RAISE(const auto table, arrow::Table::FromRecordBatches({batch}));
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink,
                                                 std::max<int64_t>(batch->num_rows(), 1)));
  return sink->Finish();
}

arrow::Result<std::shared_ptr<arrow::Buffer>> WriteArrow(const arrow::RecordBatch& batch) {
  int64_t bytes = 0;
  ARROW_RETURN_NOT_OK(arrow::ipc::GetRecordBatchSize(batch, &bytes));
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create(bytes + bytes / 16 + 65536));
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(sink, batch.schema()));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(batch));
  ARROW_RETURN_NOT_OK(writer->Close());
  return sink->Finish();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Shard>> Shard::Allocate(const ShardColumns& columns, int64_t rows) {
  std::unique_ptr<Shard> shard(new Shard(columns, rows));
  auto memory = arrow::AllocateBuffer(shard->stride_ * static_cast<int64_t>(columns.size()));
  if (!memory.ok()) return absl::ResourceExhaustedError(memory.status().message());
  shard->memory_ = *std::move(memory);
  return shard;
}

Shard::Shard(const ShardColumns& columns, int64_t rows)
    : columns_(columns),
      rows_(rows),
      stride_((rows * kValueBytes + kAlignment - 1) / kAlignment * kAlignment),
      remaining_(rows),
      mlperf_(static_cast<size_t>(rows) * columns.mlperf_values),
      lists_(columns.categorical.size()) {}

Shard::~Shard() = default;

void* Shard::Column(size_t i) {
  return memory_->mutable_data() + stride_ * static_cast<int64_t>(i);
}

void Shard::AddListValues(size_t i, int64_t row, const std::vector<int32_t>& values) {
  const std::lock_guard lock(mutex_);
  Lists& lists = lists_[i];
  lists.runs.emplace_back(row, lists.ids.size());
  lists.ids.insert(lists.ids.end(), values.begin(), values.end());
}

absl::StatusOr<std::shared_ptr<arrow::Array>> Shard::ListArray(size_t i) const {
  const auto* lengths = reinterpret_cast<const int32_t*>(
      memory_->data() + stride_ * static_cast<int64_t>(columns_.first_categorical() + i));
  int64_t total = 0;
  for (int64_t row = 0; row < rows_; ++row) total += lengths[row];
  if (total > std::numeric_limits<int32_t>::max()) {
    return absl::ResourceExhaustedError(absl::StrCat("column ", columns_.categorical[i], ": the lists of ",
                                                     rows_, " rows of a shard hold ", total,
                                                     " ids; lower shard_rows or list_max_values"));
  }
  auto offsets = arrow::AllocateBuffer((rows_ + 1) * kValueBytes);
  auto values = arrow::AllocateBuffer(total * kValueBytes);
  if (!offsets.ok() || !values.ok())
    return absl::ResourceExhaustedError("no memory for the lists of a shard");
  auto* begins = (*offsets)->mutable_data_as<int32_t>();
  begins[0] = 0;
  std::partial_sum(lengths, lengths + rows_, begins + 1);
  auto* out = (*values)->mutable_data_as<int32_t>();
  const Lists& lists = lists_[i];
  for (size_t run = 0; run < lists.runs.size(); ++run) {
    const auto [row, from] = lists.runs[run];
    const size_t to = run + 1 < lists.runs.size() ? lists.runs[run + 1].second : lists.ids.size();
    std::copy(lists.ids.begin() + static_cast<int64_t>(from), lists.ids.begin() + static_cast<int64_t>(to),
              out + begins[row]);
  }
  const auto items = arrow::ArrayData::Make(
      arrow::int32(), total, {nullptr, std::shared_ptr<arrow::Buffer>(*std::move(values))}, /*null_count=*/0);
  return arrow::MakeArray(arrow::ArrayData::Make(
      ListType(), rows_, {nullptr, std::shared_ptr<arrow::Buffer>(*std::move(offsets))}, {items},
      /*null_count=*/0));
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> Shard::ToBatch() const {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  auto add = [&](const std::string& name, const std::shared_ptr<arrow::DataType>& type) {
    const int64_t offset = stride_ * static_cast<int64_t>(arrays.size());
    fields.push_back(arrow::field(name, type, /*nullable=*/false));
    arrays.push_back(arrow::MakeArray(arrow::ArrayData::Make(
        type, rows_, {nullptr, arrow::SliceBuffer(memory_, offset, rows_ * kValueBytes)}, /*null_count=*/0)));
  };
  add("label", arrow::float32());
  if (columns_.weight) add("weight", arrow::float32());
  for (const std::string& name : columns_.dense) add(name, arrow::float32());
  for (size_t i = 0; i < columns_.categorical.size(); ++i) {
    const std::string& name = columns_.categorical[i];
    if (!columns_.lists[i]) {
      add(name, arrow::int32());
      continue;
    }
    SDA_ASSIGN_OR_RETURN(auto lists, ListArray(i));
    fields.push_back(arrow::field(name, ListType(), /*nullable=*/false));
    arrays.push_back(std::move(lists));
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), rows_, arrays);
}

absl::StatusOr<std::shared_ptr<arrow::Buffer>> ToArrowFile(const arrow::RecordBatch& batch) {
  auto bytes = WriteArrow(batch);
  if (!bytes.ok()) return absl::InternalError(bytes.status().ToString());
  return *std::move(bytes);
}

absl::StatusOr<std::shared_ptr<arrow::Buffer>> ToParquetFile(
    const std::shared_ptr<arrow::RecordBatch>& batch) {
  auto bytes = WriteParquet(batch);
  if (!bytes.ok()) return absl::InternalError(bytes.status().ToString());
  return *std::move(bytes);
}

}  // namespace sda::preprocessing
