#include "services/preprocessing/core/parquet_source.h"

#include <utility>

#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing {
namespace {

// What the reader decodes at a time.
constexpr int64_t kBatchRows = 2048;

class ParquetFile final : public BatchFile {
 public:
  // INVALID where it is none.
  arrow::Status Open(std::shared_ptr<arrow::io::RandomAccessFile> input) {
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(std::move(input)));
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(kBatchRows);
    ARROW_RETURN_NOT_OK(builder.properties(properties)->Build(&reader_));
    ARROW_RETURN_NOT_OK(reader_->GetSchema(&schema_));
    rows_ = reader_->parquet_reader()->metadata()->num_rows();
    return arrow::Status::OK();
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (!batches_) {
      ARROW_ASSIGN_OR_RAISE(batches_, reader_->GetRecordBatchReader());
    }
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
    if (batch) rows_read_ += batch->num_rows();
    return batch;
  }

  double share() const override {
    return rows_ == 0 ? 1 : static_cast<double>(rows_read_) / static_cast<double>(rows_);
  }

 private:
  // The batch reader refers to the file reader: it is declared after it.
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t rows_ = 0;
  int64_t rows_read_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BatchFile>> OpenParquetFile(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto input, OpenInputFile(file));
  auto opened = std::make_unique<ParquetFile>();
  const arrow::Status status = opened->Open(std::move(input));
  if (!status.ok()) return error::InputUnreadable(file.path, status.message());
  return opened;
}

}  // namespace sda::preprocessing
