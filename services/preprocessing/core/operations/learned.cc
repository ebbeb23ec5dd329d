#include "services/preprocessing/core/operations/learned.h"

#include <cstring>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/value_hash.h"

namespace sda::preprocessing {
namespace {

// A string and a count in vectors that grow by doubling, and an index whose slots are half full.
constexpr int64_t kEntryBytes = 160;
constexpr size_t kTextInside = 15;  // longer texts have memory of their own

struct RecordHead {
  int64_t count = 0;
  int64_t positives = 0;
  uint64_t value_size = 0;
};

std::string_view BytesOf(std::span<const int64_t> numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

}  // namespace

int64_t TableBuilder::MemoryOf(std::string_view value, size_t folds) {
  const size_t text = value.size() > kTextInside ? value.size() + 16 : 0;
  // Numbers of folds in two vectors that grow by doubling.
  return kEntryBytes + static_cast<int64_t>(text + 4 * folds * sizeof(int64_t));
}

absl::Status StoredTable::ForEach(const Visit& visit) const {
  ScratchReader reader(*records_, 0, records_->size());
  RecordHead head;
  TableEntry entry;
  std::string value;
  std::vector<int64_t> folds(2 * folds_);
  while (!reader.AtEnd()) {
    SDA_ASSIGN_OR_RETURN(const std::string_view bytes, reader.Take(sizeof(head)));
    std::memcpy(&head, bytes.data(), sizeof(head));
    if (folds_ > 0) {
      SDA_ASSIGN_OR_RETURN(const std::string_view numbers, reader.Take(folds.size() * sizeof(int64_t)));
      std::memcpy(folds.data(), numbers.data(), numbers.size());
    }
    SDA_ASSIGN_OR_RETURN(const std::string_view text, reader.Take(head.value_size));
    value.assign(text).append(kInlineValueBytes, '\0');
    entry.value = std::string_view(value).substr(0, head.value_size);
    entry.count = head.count;
    entry.positives = head.positives;
    entry.fold_counts = std::span(folds).first(folds_);
    entry.fold_positives = std::span(folds).last(folds_);
    SDA_RETURN_IF_ERROR(visit(entry));
  }
  return absl::OkStatus();
}

absl::Status ForEachEntry(const pipeline::LearnedTable& table, size_t folds,
                          const StoredTable::Visit& visit) {
  std::string value;
  for (size_t i = 0; i < table.values.size(); ++i) {
    value.assign(table.values[i]).append(kInlineValueBytes, '\0');
    TableEntry entry;
    entry.value = std::string_view(value).substr(0, table.values[i].size());
    entry.count = table.counts[i];
    if (!table.positives.empty()) entry.positives = table.positives[i];
    if (folds > 0) {
      entry.fold_counts = std::span(table.fold_counts).subspan(i * folds, folds);
      entry.fold_positives = std::span(table.fold_positives).subspan(i * folds, folds);
    }
    SDA_RETURN_IF_ERROR(visit(entry));
  }
  return absl::OkStatus();
}

absl::Status TableBuilder::Store(const TableEntry& entry) {
  const RecordHead head{entry.count, entry.positives, entry.value.size()};
  SDA_RETURN_IF_ERROR(writer_->Write(&head, sizeof(head)));
  if (folds_ > 0) {
    for (const auto& numbers : {entry.fold_counts, entry.fold_positives})
      SDA_RETURN_IF_ERROR(writer_->Write(BytesOf(numbers).data(), BytesOf(numbers).size()));
  }
  ++stored_->size_;
  return writer_->Write(entry.value.data(), entry.value.size());
}

absl::Status TableBuilder::MoveToDisk() {
  stored_ = std::make_shared<StoredTable>();
  stored_->folds_ = folds_;
  SDA_ASSIGN_OR_RETURN(stored_->records_, ScratchFile::Create(settings_.scratch_folder));
  writer_.emplace(*stored_->records_);
  const pipeline::LearnedTable table = std::exchange(table_, {});
  return ForEachEntry(table, folds_, [this](const TableEntry& entry) { return Store(entry); });
}

absl::Status TableBuilder::Add(const TableEntry& entry) {
  bytes_ += MemoryOf(entry.value, folds_);
  if (!stored_ && settings_.table_bytes > 0 && bytes_ > settings_.table_bytes)
    SDA_RETURN_IF_ERROR(MoveToDisk());
  if (stored_) return Store(entry);
  table_.values.emplace_back(entry.value);
  table_.counts.push_back(entry.count);
  if (folds_ == 0) return absl::OkStatus();
  table_.positives.push_back(entry.positives);
  table_.fold_counts.insert(table_.fold_counts.end(), entry.fold_counts.begin(), entry.fold_counts.end());
  table_.fold_positives.insert(table_.fold_positives.end(), entry.fold_positives.begin(),
                               entry.fold_positives.end());
  return absl::OkStatus();
}

absl::Status TableBuilder::Finish(Learned& learned) {
  if (!stored_) {
    learned.state.table = std::move(table_);
    return absl::OkStatus();
  }
  SDA_RETURN_IF_ERROR(writer_->Flush());
  stored_->memory_bytes_ = bytes_;
  learned.stored = std::move(stored_);
  return absl::OkStatus();
}

}  // namespace sda::preprocessing
