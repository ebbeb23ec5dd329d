#include "services/preprocessing/core/batch_decoder.h"

#include <charconv>
#include <string>
#include <string_view>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

namespace sda::preprocessing {
namespace {

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
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): a number of eight bits, not a character
    const Value value = static_cast<const Array&>(array_).Value(row);
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
    out.append(buffer, end);
    return arrow::Status::OK();
  }

  const arrow::Array& array_;
};

class BatchDecoder final : public BlockDecoder {
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

}  // namespace

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

std::unique_ptr<BlockDecoder> NewBatchDecoder() {
  return std::make_unique<BatchDecoder>();
}

}  // namespace sda::preprocessing
