#include "services/preprocessing/core/arrow_source.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/file_kind.h"

namespace sda::preprocessing {
namespace {

// A batch whose offsets may be followed. Whether text is UTF-8 is left to those who check fields, which know
// what to do with bad ones; so it is taken for bytes.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> Checked(const arrow::RecordBatch& batch) {
  arrow::ArrayVector columns;
  arrow::FieldVector fields;
  for (int i = 0; i < batch.num_columns(); ++i) {
    std::shared_ptr<arrow::Array> column = batch.column(i);
    ARROW_RETURN_NOT_OK(column->Validate());
    if (column->type_id() == arrow::Type::STRING) {
      ARROW_ASSIGN_OR_RAISE(column, column->View(arrow::binary()));
    } else if (column->type_id() == arrow::Type::LARGE_STRING) {
      ARROW_ASSIGN_OR_RAISE(column, column->View(arrow::large_binary()));
    }
    ARROW_RETURN_NOT_OK(column->ValidateFull());
    fields.push_back(arrow::field(batch.column_name(i), column->type()));
    columns.push_back(std::move(column));
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), batch.num_rows(), std::move(columns));
}

class ArrowFile final : public BatchFile {
 public:
  explicit ArrowFile(std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader)
      : reader_(std::move(reader)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return reader_->schema(); }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (next_ == reader_->num_record_batches()) return nullptr;
    ARROW_ASSIGN_OR_RAISE(const auto batch, reader_->ReadRecordBatch(next_));
    ++next_;
    return Checked(*batch);
  }

  double share() const override {
    const int batches = reader_->num_record_batches();
    return batches == 0 ? 1 : static_cast<double>(next_) / batches;
  }

 private:
  const std::shared_ptr<arrow::ipc::RecordBatchFileReader> reader_;
  int next_ = 0;
};

class ArrowStream final : public BatchFile {
 public:
  ArrowStream(std::shared_ptr<arrow::io::RandomAccessFile> input, int64_t bytes,
              std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader)
      : input_(std::move(input)), bytes_(bytes), reader_(std::move(reader)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return reader_->schema(); }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader_->ReadNext(&batch));
    if (batch) return Checked(*batch);
    ARROW_RETURN_NOT_OK(CheckEnd());
    return nullptr;
  }

  double share() const override {
    const auto position = input_->Tell();
    return position.ok() && bytes_ > 0 ? static_cast<double>(*position) / static_cast<double>(bytes_) : 0;
  }

 private:
  // A stream may end anywhere between two batches; one whose end is marked, where the file ends, is whole.
  arrow::Status CheckEnd() const {
    constexpr std::string_view kEnd("\xff\xff\xff\xff\0\0\0\0", 8);
    ARROW_ASSIGN_OR_RAISE(const int64_t position, input_->Tell());
    if (position != bytes_) return arrow::Status::IOError("has bytes behind the end of its stream");
    std::string end(kEnd.size(), ' ');
    ARROW_ASSIGN_OR_RAISE(const int64_t read, input_->ReadAt(std::max<int64_t>(bytes_ - std::ssize(end), 0),
                                                             std::ssize(end), end.data()));
    if (read == std::ssize(end) && end == kEnd) return arrow::Status::OK();
    return arrow::Status::IOError("has no mark at the end of its stream; rows may be missing");
  }

  const std::shared_ptr<arrow::io::RandomAccessFile> input_;
  const int64_t bytes_;
  const std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BatchFile>> OpenArrowFile(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto input, OpenInputFile(file));
  SDA_ASSIGN_OR_RETURN(const bool in_file_form, IsArrowFileForm(file));
  const auto unreadable = [&](const arrow::Status& status) {
    return error::InputUnreadable(file.path, "is no Arrow IPC file or stream: " + status.message());
  };
  if (in_file_form) {
    auto reader = arrow::ipc::RecordBatchFileReader::Open(input);
    if (!reader.ok()) return unreadable(reader.status());
    return std::make_unique<ArrowFile>(*std::move(reader));
  }
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(input);
  if (!reader.ok()) return unreadable(reader.status());
  return std::make_unique<ArrowStream>(std::move(input), file.bytes, *std::move(reader));
}

}  // namespace sda::preprocessing
