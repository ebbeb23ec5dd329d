#include "services/preprocessing/core/parquet_source.h"

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <arrow/array.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <parquet/arrow/reader.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing {
namespace {

constexpr int64_t kRowsOfBatch = 2048;
constexpr std::string_view kMagic = "PAR1";

absl::StatusOr<std::unique_ptr<parquet::arrow::FileReader>> OpenReader(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto input, OpenInputFile(file));
  parquet::arrow::FileReaderBuilder builder;
  std::unique_ptr<parquet::arrow::FileReader> reader;
  arrow::Status status = builder.Open(input);
  if (status.ok()) {
    parquet::ArrowReaderProperties properties;
    properties.set_batch_size(kRowsOfBatch);
    status = builder.properties(properties)->Build(&reader);
  }
  if (!status.ok()) return error::InputUnreadable(file.path, status.message());
  return reader;
}

// The values of one column as text, one at a time.
class ColumnPrinter {
 public:
  explicit ColumnPrinter(const arrow::Array& array) : array_(array) {}

  // Appends value `row` to `out`; nulls append nothing.
  arrow::Status Append(int64_t row, std::string& out) const {
    if (array_.IsNull(row)) return arrow::Status::OK();
    switch (array_.type_id()) {
      case arrow::Type::BOOL:
        out.push_back(static_cast<const arrow::BooleanArray&>(array_).Value(row) ? '1' : '0');
        return arrow::Status::OK();
      case arrow::Type::INT8:
        return Number<arrow::Int8Array, int>(row, out);
      case arrow::Type::INT16:
        return Number<arrow::Int16Array, int>(row, out);
      case arrow::Type::INT32:
        return Number<arrow::Int32Array, int32_t>(row, out);
      case arrow::Type::INT64:
        return Number<arrow::Int64Array, int64_t>(row, out);
      case arrow::Type::UINT8:
        return Number<arrow::UInt8Array, unsigned>(row, out);
      case arrow::Type::UINT16:
        return Number<arrow::UInt16Array, unsigned>(row, out);
      case arrow::Type::UINT32:
        return Number<arrow::UInt32Array, uint32_t>(row, out);
      case arrow::Type::UINT64:
        return Number<arrow::UInt64Array, uint64_t>(row, out);
      case arrow::Type::FLOAT:
        return Number<arrow::FloatArray, float>(row, out);
      case arrow::Type::DOUBLE:
        return Number<arrow::DoubleArray, double>(row, out);
      case arrow::Type::STRING:
      case arrow::Type::BINARY:
        out.append(static_cast<const arrow::BinaryArray&>(array_).GetView(row));
        return arrow::Status::OK();
      case arrow::Type::LARGE_STRING:
      case arrow::Type::LARGE_BINARY:
        out.append(static_cast<const arrow::LargeBinaryArray&>(array_).GetView(row));
        return arrow::Status::OK();
      case arrow::Type::DICTIONARY: {
        const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array_);
        return ColumnPrinter(*dictionary.dictionary()).Append(dictionary.GetValueIndex(row), out);
      }
      default: {
        ARROW_ASSIGN_OR_RAISE(const auto scalar, array_.GetScalar(row));
        out.append(scalar->ToString());
        return arrow::Status::OK();
      }
    }
  }

 private:
  template <class Array, class Value>
  arrow::Status Number(int64_t row, std::string& out) const {
    char buffer[32];
    const Value value = static_cast<const Array&>(array_).Value(row);
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
    out.append(buffer, end);
    return arrow::Status::OK();
  }

  const arrow::Array& array_;
};

bool HasText(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::DICTIONARY:
      return HasText(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::BOOL:
      return true;
    default:
      return arrow::is_integer(type.id()) || arrow::is_floating(type.id()) ||
             arrow::is_base_binary_like(type.id()) || arrow::is_decimal(type.id());
  }
}

class ParquetDecoder final : public BlockDecoder {
 public:
  absl::StatusOr<std::optional<CellError>> Decode(Block& block, CellBlock& cells) override {
    const arrow::RecordBatch& batch = *block.batch;
    cells.rows = static_cast<size_t>(batch.num_rows());
    cells.columns = static_cast<size_t>(batch.num_columns());
    cells.lines = batch.num_rows();
    cells.line_of_row.clear();
    cells.ascii = false;
    cells.cells.resize(cells.rows * cells.columns);
    text_.clear();
    for (size_t column = 0; column < cells.columns; ++column) {
      const ColumnPrinter printer(*batch.column(static_cast<int>(column)));
      for (size_t row = 0; row < cells.rows; ++row) {
        const size_t begin = text_.size();
        const arrow::Status status = printer.Append(static_cast<int64_t>(row), text_);
        if (!status.ok()) return absl::InternalError(status.message());
        cells.cells[row * cells.columns + column] = {static_cast<uint32_t>(begin),
                                                     static_cast<uint32_t>(text_.size() - begin)};
      }
      if (text_.size() > UINT32_MAX / 2)
        return absl::ResourceExhaustedError("a batch of rows exceeds 2 GiB of text");
    }
    text_.append(kCellPadding, '\0');
    cells.text = text_.data();
    return std::nullopt;
  }

 private:
  std::string text_;
};

class ParquetSource final : public RowSource {
 public:
  ParquetSource(std::vector<InputFile> files, InputLayout layout)
      : files_(std::move(files)), layout_(std::move(layout)) {}

  absl::StatusOr<bool> Next(Block& block) override {
    while (next_file_ < files_.size()) {
      const InputFile& file = files_[next_file_];
      if (!batches_) SDA_RETURN_IF_ERROR(Open(file));
      auto status = batches_->ReadNext(&block.batch);
      if (!status.ok()) return error::InputUnreadable(file.path, status.message());
      if (!block.batch) {
        if (!file_started_) return error::InputEmpty(file.path, "has no rows");
        Close();
        continue;
      }
      if (block.batch->num_rows() == 0) continue;
      rows_read_ += block.batch->num_rows();
      block.index = next_block_++;
      block.file = static_cast<int>(next_file_);
      block.starts_file = !file_started_;
      block.header_lines = 0;
      const double share = static_cast<double>(rows_read_) / static_cast<double>(file_rows_);
      block.input_bytes = finished_bytes_ + static_cast<int64_t>(share * static_cast<double>(file.bytes));
      file_started_ = true;
      return true;
    }
    return false;
  }

  std::unique_ptr<BlockDecoder> NewDecoder() const override { return std::make_unique<ParquetDecoder>(); }

 private:
  absl::Status Open(const InputFile& file) {
    SDA_ASSIGN_OR_RETURN(auto columns, ParquetColumns(file));
    if (columns != layout_.columns) {
      return error::BadFormat(file.path, absl::StrCat("has columns ", absl::StrJoin(columns, ", "),
                                                      "; must have those of the first file, ",
                                                      absl::StrJoin(layout_.columns, ", ")));
    }
    SDA_ASSIGN_OR_RETURN(reader_, OpenReader(file));
    auto batches = reader_->GetRecordBatchReader();
    if (!batches.ok()) return error::InputUnreadable(file.path, batches.status().message());
    batches_ = std::move(*batches);
    file_started_ = false;
    rows_read_ = 0;
    file_rows_ = reader_->parquet_reader()->metadata()->num_rows();
    return absl::OkStatus();
  }

  void Close() {
    finished_bytes_ += files_[next_file_].bytes;
    batches_.reset();
    reader_.reset();
    ++next_file_;
  }

  const std::vector<InputFile> files_;
  const InputLayout layout_;
  size_t next_file_ = 0;
  // The batch reader refers to the file reader: it is declared after it.
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  bool file_started_ = false;
  int64_t rows_read_ = 0;
  int64_t file_rows_ = 0;
  int64_t next_block_ = 0;
  int64_t finished_bytes_ = 0;
};

}  // namespace

absl::StatusOr<bool> IsParquet(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto input, OpenInputFile(file));
  char magic[4] = {};
  auto read = input->ReadAt(0, sizeof(magic), magic);
  if (!read.ok()) return error::InputUnreadable(file.path, read.status().message());
  return std::string_view(magic, static_cast<size_t>(*read)) == kMagic;
}

absl::StatusOr<std::vector<std::string>> ParquetColumns(const InputFile& file) {
  SDA_ASSIGN_OR_RETURN(auto reader, OpenReader(file));
  std::shared_ptr<arrow::Schema> schema;
  const arrow::Status status = reader->GetSchema(&schema);
  if (!status.ok()) return error::InputUnreadable(file.path, status.message());
  std::vector<std::string> names;
  for (const auto& field : schema->fields()) {
    if (!HasText(*field->type())) {
      return error::BadFormat(
          file.path,
          absl::StrCat("column ", error::Quoted(field->name()), " has type ", field->type()->ToString(),
                       "; must be a number, text, a boolean, a date or a time"));
    }
    names.push_back(field->name());
  }
  return names;
}

std::unique_ptr<RowSource> OpenParquetSource(std::vector<InputFile> files, InputLayout layout) {
  return std::make_unique<ParquetSource>(std::move(files), std::move(layout));
}

}  // namespace sda::preprocessing
