#include "services/preprocessing/core/vocabulary.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include <arrow/array/builder_binary.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/hashing_stream.h"

namespace sda::preprocessing {
namespace {

// Text of a record batch: what a vocabulary beyond memory takes while it is written (docs/decisions/0014).
constexpr int64_t kBatchBytes = int64_t{1} << 22;

constexpr size_t kRecordHead = sizeof(uint32_t) + sizeof(int64_t);

std::array<char, kRecordHead> HeadOf(std::string_view value, int64_t count) {
  const auto size = static_cast<uint32_t>(value.size());
  std::array<char, kRecordHead> head{};
  std::memcpy(head.data(), &size, sizeof(size));
  std::memcpy(head.data() + sizeof(size), &count, sizeof(count));
  return head;
}

arrow::Status WriteArrow(const Vocabulary& vocabulary, HashingStream& out) {
  const auto schema = arrow::schema({arrow::field("value", arrow::utf8(), /*nullable=*/false)});
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(&out, schema));
  arrow::StringBuilder builder;
  arrow::Status status;
  auto flush = [&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(auto values, builder.Finish());
    return writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, values->length(), {values}));
  };
  const absl::Status read = vocabulary.ForEach([&](std::string_view value) {
    status = builder.Append(value);
    if (status.ok() && builder.value_data_length() >= kBatchBytes) status = flush();
    return status.ok() ? absl::OkStatus() : absl::InternalError("Arrow");
  });
  ARROW_RETURN_NOT_OK(status);
  if (!read.ok()) return arrow::Status::IOError(std::string(read.message()));
  ARROW_RETURN_NOT_OK(flush());
  return writer->Close();
}

// Slots of a table with `values` values, as ValueTable grows.
int64_t SlotsFor(int64_t values) {
  int64_t slots = 16;
  while (values * 5 > slots * 3) slots *= 2;
  return slots;
}

}  // namespace

bool PrecedesInVocabulary(const ValueCount& a, const ValueCount& b) {
  return a.count != b.count ? a.count > b.count : a.value < b.value;
}

std::vector<ValueCount> BuildVocabulary(const ValueTable& counts, int64_t threshold) {
  std::vector<ValueCount> vocabulary;
  counts.ForEach([&](std::string_view value, int64_t count) {
    if (count >= threshold) vocabulary.push_back({std::string(value), count});
  });
  std::sort(vocabulary.begin(), vocabulary.end(), PrecedesInVocabulary);
  return vocabulary;
}

void AppendValueCount(std::string_view value, int64_t count, std::string& out) {
  const auto head = HeadOf(value, count);
  out.append(head.data(), head.size()).append(value);
}

absl::Status WriteValueCount(std::string_view value, int64_t count, ScratchWriter& out) {
  const auto head = HeadOf(value, count);
  SDA_RETURN_IF_ERROR(out.Write(head.data(), head.size()));
  return out.Write(value.data(), value.size());
}

absl::Status ReadValueCount(ScratchReader& in, ValueCount& out) {
  SDA_ASSIGN_OR_RETURN(const std::string_view head, in.Take(kRecordHead));
  uint32_t size = 0;
  std::memcpy(&size, head.data(), sizeof(size));
  std::memcpy(&out.count, head.data() + sizeof(size), sizeof(out.count));
  SDA_ASSIGN_OR_RETURN(const std::string_view value, in.Take(size));
  out.value.assign(value);
  return absl::OkStatus();
}

absl::Status Vocabulary::ForEach(const std::function<absl::Status(std::string_view)>& visit) const {
  for (const ValueCount& entry : values) SDA_RETURN_IF_ERROR(visit(entry.value));
  if (!spilled) return absl::OkStatus();
  ScratchReader reader(*spilled->records, 0, spilled->records->size());
  ValueCount entry;
  while (!reader.AtEnd()) {
    SDA_RETURN_IF_ERROR(ReadValueCount(reader, entry));
    SDA_RETURN_IF_ERROR(visit(entry.value));
  }
  return absl::OkStatus();
}

int64_t IndexBytes(const Vocabulary& vocabulary) {
  int64_t long_bytes = vocabulary.spilled ? vocabulary.spilled->long_bytes : 0;
  for (const ValueCount& entry : vocabulary.values) {
    if (entry.value.size() > kInlineValueBytes) long_bytes += static_cast<int64_t>(entry.value.size());
  }
  return SlotsFor(vocabulary.size()) * static_cast<int64_t>(ValueTable::kSlotBytes) + long_bytes;
}

absl::StatusOr<ValueTable> IndexVocabulary(const Vocabulary& vocabulary, uint32_t part, uint32_t parts) {
  ValueTable ids;
  // Parts are equal up to chance; the table grows where they are not.
  ids.Reserve(static_cast<size_t>(vocabulary.size() / parts));
  int64_t id = kFirstValueId;
  std::string padded;
  SDA_RETURN_IF_ERROR(vocabulary.ForEach([&](std::string_view value) {
    padded.assign(value).append(kInlineValueBytes, '\0');
    const auto key = ValueTable::MakeKey(padded.data(), static_cast<uint32_t>(value.size()));
    if (parts == 1 || PartOf(key.hash, parts) == part) ids.At(key) = id;
    ++id;
    return absl::OkStatus();
  }));
  return ids;
}

absl::StatusOr<std::string> WriteVocabulary(const Vocabulary& vocabulary, ArtefactWriter& writer) {
  HashingStream stream(writer);
  const arrow::Status written = WriteArrow(vocabulary, stream);
  SDA_RETURN_IF_ERROR(stream.error());
  if (!written.ok()) return absl::InternalError(written.ToString());
  SDA_RETURN_IF_ERROR(writer.Publish());
  return stream.HexDigest();
}

absl::StatusOr<Vocabulary> ReadVocabulary(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                          bool in_memory, const std::string& scratch_folder) {
  const auto broken = [](const arrow::Status& status) { return absl::DataLossError(status.ToString()); };
  const auto reader = arrow::ipc::RecordBatchFileReader::Open(file);
  if (!reader.ok()) return broken(reader.status());
  Vocabulary vocabulary;
  SpilledVocabulary spilled;
  if (!in_memory) {
    SDA_ASSIGN_OR_RETURN(spilled.records, ScratchFile::Create(scratch_folder));
  }
  for (int i = 0; i < (*reader)->num_record_batches(); ++i) {
    const auto batch = (*reader)->ReadRecordBatch(i);
    if (!batch.ok()) return broken(batch.status());
    if ((*batch)->num_columns() != 1 || (*batch)->column(0)->type_id() != arrow::Type::STRING)
      return absl::DataLossError("not a vocabulary");
    const auto& text = static_cast<const arrow::StringArray&>(*(*batch)->column(0));
    std::string records;
    for (int64_t row = 0; row < text.length(); ++row) {
      const std::string_view value = text.GetView(row);
      if (in_memory) {
        vocabulary.values.push_back({std::string(value), 0});
        continue;
      }
      AppendValueCount(value, 0, records);
      ++spilled.size;
      if (value.size() > kInlineValueBytes) spilled.long_bytes += static_cast<int64_t>(value.size());
    }
    if (!in_memory) SDA_RETURN_IF_ERROR(spilled.records->Append(records));
  }
  if (!in_memory) vocabulary.spilled = std::make_shared<SpilledVocabulary>(std::move(spilled));
  return vocabulary;
}

}  // namespace sda::preprocessing
