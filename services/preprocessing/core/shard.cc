#include "services/preprocessing/core/shard.h"

#include <utility>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace sda::preprocessing {
namespace {

// Arrow's alignment; columns start at multiples of it.
constexpr int64_t kAlignment = 64;

constexpr int64_t kValueBytes = 4;  // of float32 and int32 alike

arrow::Result<std::string> WriteBatch(const arrow::RecordBatch& batch) {
  int64_t bytes = 0;
  ARROW_RETURN_NOT_OK(arrow::ipc::GetRecordBatchSize(batch, &bytes));
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create(bytes + bytes / 16 + 65536));
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(sink, batch.schema()));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(batch));
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_ASSIGN_OR_RAISE(auto buffer, sink->Finish());
  return buffer->ToString();
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
      remaining_(rows) {}

Shard::~Shard() = default;

void* Shard::Column(size_t i) {
  return memory_->mutable_data() + stride_ * static_cast<int64_t>(i);
}

absl::StatusOr<std::string> Shard::ToArrow() const {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  auto add = [&](const std::string& name, const std::shared_ptr<arrow::DataType>& type) {
    const int64_t offset = stride_ * static_cast<int64_t>(arrays.size());
    fields.push_back(arrow::field(name, type, /*nullable=*/false));
    arrays.push_back(arrow::MakeArray(arrow::ArrayData::Make(
        type, rows_, {nullptr, arrow::SliceBuffer(memory_, offset, rows_ * kValueBytes)}, /*null_count=*/0)));
  };
  add("label", arrow::float32());
  for (const std::string& name : columns_.dense) add(name, arrow::float32());
  for (const std::string& name : columns_.categorical) add(name, arrow::int32());
  auto bytes = WriteBatch(*arrow::RecordBatch::Make(arrow::schema(fields), rows_, arrays));
  if (!bytes.ok()) return absl::InternalError(bytes.status().ToString());
  return *std::move(bytes);
}

}  // namespace sda::preprocessing
