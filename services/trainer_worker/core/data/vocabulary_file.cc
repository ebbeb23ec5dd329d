#include "services/trainer_worker/core/data/vocabulary_file.h"

#include <absl/strings/str_cat.h>
#include <arrow/array/array_binary.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>

namespace sda::trainer {

absl::StatusOr<std::vector<std::string>> ReadVocabulary(const std::string& path) {
  const auto damaged = [&](const std::string& what) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", what));
  };
  const auto file = arrow::io::ReadableFile::Open(path);
  if (!file.ok()) return absl::NotFoundError(absl::StrCat(path, ": ", file.status().message()));
  const auto reader = arrow::ipc::RecordBatchFileReader::Open(*file);
  if (!reader.ok()) return damaged(reader.status().message());
  std::vector<std::string> values;
  for (int i = 0; i < (*reader)->num_record_batches(); ++i) {
    const auto batch = (*reader)->ReadRecordBatch(i);
    if (!batch.ok()) return damaged(batch.status().message());
    const auto column = (*batch)->GetColumnByName("value");
    if (column == nullptr || column->type_id() != arrow::Type::STRING)
      return damaged("has no text column \"value\"");
    const auto& text = static_cast<const arrow::StringArray&>(*column);
    for (int64_t row = 0; row < text.length(); ++row) values.emplace_back(text.GetView(row));
  }
  return values;
}

}  // namespace sda::trainer
