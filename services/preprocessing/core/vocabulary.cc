#include "services/preprocessing/core/vocabulary.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

namespace sda::preprocessing {
namespace {

// Far below the 2 GiB that one array of UTF-8 text may hold.
constexpr int64_t kBatchBytes = int64_t{1} << 28;

arrow::Result<std::string> WriteArrow(const std::vector<ValueCount>& vocabulary) {
  const auto schema = arrow::schema({arrow::field("value", arrow::utf8(), /*nullable=*/false)});
  ARROW_ASSIGN_OR_RAISE(auto sink, arrow::io::BufferOutputStream::Create());
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(sink, schema));
  arrow::StringBuilder builder;
  auto flush = [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto values, builder.Finish());
    return writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, values->length(), {values}));
  };
  for (const ValueCount& entry : vocabulary) {
    ARROW_RETURN_NOT_OK(builder.Append(entry.value));
    if (builder.value_data_length() >= kBatchBytes) ARROW_RETURN_NOT_OK(flush());
  }
  ARROW_RETURN_NOT_OK(flush());
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_ASSIGN_OR_RAISE(auto buffer, sink->Finish());
  return buffer->ToString();
}

}  // namespace

std::vector<ValueCount> BuildVocabulary(const ValueTable& counts, int64_t threshold) {
  std::vector<ValueCount> vocabulary;
  counts.ForEach([&](std::string_view value, int64_t count) {
    if (count >= threshold) vocabulary.push_back({std::string(value), count});
  });
  std::sort(vocabulary.begin(), vocabulary.end(), [](const ValueCount& a, const ValueCount& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  return vocabulary;
}

ValueTable IndexVocabulary(const std::vector<ValueCount>& vocabulary) {
  ValueTable ids;
  int64_t id = kFirstValueId;
  std::string padded;
  for (const ValueCount& entry : vocabulary) {
    padded.assign(entry.value).append(kInlineValueBytes, '\0');
    ids.At(ValueTable::MakeKey(padded.data(), static_cast<uint32_t>(entry.value.size()))) = id++;
  }
  return ids;
}

absl::StatusOr<std::string> VocabularyToArrow(const std::vector<ValueCount>& vocabulary) {
  auto bytes = WriteArrow(vocabulary);
  if (!bytes.ok()) return absl::InternalError(bytes.status().ToString());
  return *std::move(bytes);
}

}  // namespace sda::preprocessing
