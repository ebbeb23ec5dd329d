#include "tests/benchmarks/criteo_parquet.h"

#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <parquet/arrow/writer.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/row_source.h"

namespace sda::bench {
namespace {

using preprocessing::CellBlock;

bool IsText(const std::string& column) {
  return column.front() == 'C';
}

arrow::Result<std::shared_ptr<arrow::Array>> ToArray(const CellBlock& cells, size_t column, bool text) {
  arrow::StringBuilder strings;
  arrow::Int64Builder numbers;
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, column);
    if (text) {
      ARROW_RETURN_NOT_OK(field.empty() ? strings.AppendNull() : strings.Append(field));
      continue;
    }
    int64_t number = 0;
    std::from_chars(field.data(), field.data() + field.size(), number);
    ARROW_RETURN_NOT_OK(field.empty() ? numbers.AppendNull() : numbers.Append(number));
  }
  return text ? strings.Finish() : numbers.Finish();
}

class Writer {
 public:
  arrow::Status Open(const std::vector<std::string>& columns, const std::string& path) {
    arrow::FieldVector fields;
    for (const std::string& name : columns) {
      fields.push_back(arrow::field(name, IsText(name) ? arrow::utf8() : arrow::int64()));
    }
    schema_ = arrow::schema(fields);
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::FileOutputStream::Open(path));
    ARROW_ASSIGN_OR_RAISE(writer_,
                          parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), file));
    return arrow::Status::OK();
  }

  arrow::Status Write(const CellBlock& cells) {
    arrow::ArrayVector arrays;
    for (size_t column = 0; column < cells.columns; ++column) {
      const bool text = IsText(schema_->field(static_cast<int>(column))->name());
      ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), ToArray(cells, column, text));
    }
    return writer_->WriteRecordBatch(
        *arrow::RecordBatch::Make(schema_, static_cast<int64_t>(cells.rows), arrays));
  }

  arrow::Status Close() { return writer_->Close(); }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

absl::Status FromArrow(const arrow::Status& status) {
  return status.ok() ? absl::OkStatus() : absl::InternalError(status.ToString());
}

}  // namespace

absl::Status ConvertCriteoToParquet(const std::string& tsv, const std::string& parquet) {
  SDA_ASSIGN_OR_RETURN(const auto files, preprocessing::FindInputFiles({tsv}));
  SDA_ASSIGN_OR_RETURN(const auto layout, preprocessing::DetectLayout(files, {}, "label"));
  const auto source = preprocessing::OpenRowSource(files, layout);
  const auto decoder = source->NewDecoder();
  preprocessing::Block block;
  CellBlock cells;
  Writer writer;
  SDA_RETURN_IF_ERROR(FromArrow(writer.Open(layout.columns, parquet)));
  while (true) {
    SDA_ASSIGN_OR_RETURN(const bool more, source->Next(block));
    if (!more) break;
    SDA_ASSIGN_OR_RETURN(const auto error, decoder->Decode(block, cells));
    if (error) return absl::InternalError(error->rule);
    SDA_RETURN_IF_ERROR(FromArrow(writer.Write(cells)));
  }
  return FromArrow(writer.Close());
}

}  // namespace sda::bench
