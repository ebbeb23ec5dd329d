#include "services/preprocessing/core/spark/spark_join.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include <absl/strings/str_cat.h>
#include <arrow/array/builder_binary.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/hashing_stream.h"

namespace sda::preprocessing {
namespace {

constexpr int64_t kBatchRows = 65'536;

std::shared_ptr<arrow::Schema> SchemaOf(const ReadyJoin& join) {
  arrow::FieldVector fields = {arrow::field("key", arrow::large_binary(), /*nullable=*/false)};
  for (size_t c = 0; c < join.names.size(); ++c)
    fields.push_back(arrow::field(absl::StrCat(c), arrow::large_binary()));
  return arrow::schema(std::move(fields));
}

arrow::Status WriteArrow(const ReadyJoin& join, arrow::io::OutputStream& out) {
  const JoinTable& table = *join.table;
  const std::vector<std::string_view> keys = table.Keys();
  const auto schema = SchemaOf(join);
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(&out, schema));
  for (int64_t begin = 0; begin < table.rows(); begin += kBatchRows) {
    const int64_t end = std::min(begin + kBatchRows, table.rows());
    arrow::ArrayVector columns;
    for (size_t c = 0; c <= join.names.size(); ++c) {
      arrow::LargeBinaryBuilder builder;
      for (int64_t row = begin; row < end; ++row) {
        const std::string_view value = c == 0 ? keys[static_cast<size_t>(row)] : table.Get(row, c - 1);
        ARROW_RETURN_NOT_OK(value.data() == nullptr ? builder.AppendNull() : builder.Append(value));
      }
      ARROW_RETURN_NOT_OK(builder.Finish(&columns.emplace_back()));
    }
    ARROW_RETURN_NOT_OK(
        writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, end - begin, std::move(columns))));
  }
  return writer->Close();
}

}  // namespace

absl::Status WriteSparkJoin(const ReadyJoin& join, const std::string& path, DatasetOutput& output) {
  SDA_ASSIGN_OR_RETURN(const auto writer, output.Create(path));
  HashingStream stream(*writer);
  const arrow::Status written = WriteArrow(join, stream);
  SDA_RETURN_IF_ERROR(stream.error());
  if (!written.ok()) return absl::InternalError(written.ToString());
  return writer->Publish();
}

}  // namespace sda::preprocessing
