#include "services/preprocessing/core/value_spill.h"

#include <algorithm>
#include <cstring>
#include <queue>
#include <string_view>
#include <utility>

#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

constexpr size_t kChunkBytes = 8 * 1024;

size_t PartitionOf(uint64_t hash) {
  return hash >> 58;
}

static_assert(ValueSpill::kPartitions == 64, "the upper 6 bits choose the partition");

// One sorted run that is being merged.
class Run {
 public:
  Run(const ScratchFile& file, int64_t begin, int64_t end) : reader_(file, begin, end) {}

  // False at the end.
  absl::StatusOr<bool> Next() {
    if (reader_.AtEnd()) return false;
    SDA_RETURN_IF_ERROR(ReadValueCount(reader_, current_));
    return true;
  }

  const ValueCount& current() const { return current_; }

 private:
  ScratchReader reader_;
  ValueCount current_;
};

struct LaterRun {
  bool operator()(const Run* a, const Run* b) const {
    return PrecedesInVocabulary(b->current(), a->current());
  }
};

absl::Status MergeRuns(std::vector<Run>& runs, ScratchFile& out) {
  std::priority_queue<Run*, std::vector<Run*>, LaterRun> queue;
  for (Run& run : runs) {
    SDA_ASSIGN_OR_RETURN(const bool more, run.Next());
    if (more) queue.push(&run);
  }
  ScratchWriter writer(out);
  while (!queue.empty()) {
    Run* const first = queue.top();
    queue.pop();
    SDA_RETURN_IF_ERROR(WriteValueCount(first->current().value, first->current().count, writer));
    SDA_ASSIGN_OR_RETURN(const bool more, first->Next());
    if (more) queue.push(first);
  }
  return writer.Flush();
}

}  // namespace

absl::Status ValueSpill::Spill(size_t column, ValueTable& table) {
  if (!file_) {
    SDA_ASSIGN_OR_RETURN(file_, ScratchFile::Create(folder_));
  }
  std::array<std::string, kPartitions> buffers;
  absl::Status status;
  const auto flush = [&](size_t partition) {
    std::string& buffer = buffers[partition];
    chunks_[column].push_back(
        {file_->size(), static_cast<uint32_t>(buffer.size()), static_cast<uint32_t>(partition)});
    status.Update(file_->Append(buffer));
    buffer.clear();
  };
  table.ForEach([&](std::string_view value, int64_t count) {
    if (!status.ok()) return;
    const auto key = ValueTable::MakeKey(value.data(), static_cast<uint32_t>(value.size()));
    const size_t partition = PartitionOf(key.hash);
    AppendValueCount(value, count, buffers[partition]);
    if (buffers[partition].size() >= kChunkBytes) flush(partition);
  });
  for (size_t partition = 0; partition < kPartitions; ++partition) {
    if (status.ok() && !buffers[partition].empty()) flush(partition);
  }
  table = ValueTable();
  return status;
}

absl::Status ValueSpill::Load(size_t column, size_t partition, ValueTable& table) const {
  ValueCount record;
  std::string padded;
  for (const Chunk& chunk : chunks_[column]) {
    if (chunk.partition != partition) continue;
    ScratchReader reader(*file_, chunk.offset, chunk.offset + chunk.size);
    while (!reader.AtEnd()) {
      SDA_RETURN_IF_ERROR(ReadValueCount(reader, record));
      padded.assign(record.value).append(kInlineValueBytes, '\0');
      table.At(ValueTable::MakeKey(padded.data(), static_cast<uint32_t>(record.value.size()))) +=
          record.count;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SpilledCounts> BuildSpilledVocabulary(const std::vector<const ValueSpill*>& spills,
                                                     size_t column, int64_t threshold,
                                                     const std::string& folder) {
  SpilledCounts result;
  SDA_ASSIGN_OR_RETURN(const auto sorted, ScratchFile::Create(folder));
  std::vector<Run> runs;
  int64_t size = 0;
  int64_t long_bytes = 0;
  for (size_t partition = 0; partition < ValueSpill::kPartitions; ++partition) {
    ValueTable table;
    for (const ValueSpill* spill : spills) SDA_RETURN_IF_ERROR(spill->Load(column, partition, table));
    result.distinct += static_cast<int64_t>(table.size());
    const std::vector<ValueCount> values = BuildVocabulary(table, threshold);
    const int64_t begin = sorted->size();
    ScratchWriter writer(*sorted);
    for (const ValueCount& entry : values) {
      SDA_RETURN_IF_ERROR(WriteValueCount(entry.value, entry.count, writer));
      if (entry.value.size() > kInlineValueBytes) long_bytes += static_cast<int64_t>(entry.value.size());
    }
    SDA_RETURN_IF_ERROR(writer.Flush());
    size += static_cast<int64_t>(values.size());
    runs.emplace_back(*sorted, begin, sorted->size());
  }
  SDA_ASSIGN_OR_RETURN(auto merged, ScratchFile::Create(folder));
  SDA_RETURN_IF_ERROR(MergeRuns(runs, *merged));
  result.vocabulary =
      std::make_shared<SpilledVocabulary>(SpilledVocabulary{std::move(merged), size, long_bytes});
  return result;
}

}  // namespace sda::preprocessing
