#include "services/preprocessing/core/pipeline/row_store.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing {
namespace {

constexpr size_t kValueBytes = 4;

// Rows read at a time while a shard is filled.
constexpr int64_t kRowsAtOnce = 4096;

template <class Value>
void Append(const std::vector<Value>& values, std::string& out) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value));
}

template <class Value>
Value Take(const char*& from) {
  Value value;
  std::memcpy(&value, from, sizeof(value));
  from += sizeof(value);
  return value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowStore>> RowStore::Create(const ShardColumns& columns,
                                                           const std::string& scratch_folder) {
  std::unique_ptr<RowStore> store(new RowStore(columns));
  for (auto& rows : store->rows_) {
    SDA_ASSIGN_OR_RETURN(rows, ScratchFile::Create(scratch_folder));
  }
  SDA_ASSIGN_OR_RETURN(store->lists_, ScratchFile::Create(scratch_folder));
  return store;
}

// Label, dense values, ids and lengths, MLPerf's values, and the place of the row's lists.
size_t RowStore::RowBytes() const {
  return (1 + columns_.dense.size() + columns_.categorical.size() + columns_.mlperf_values) * kValueBytes +
         sizeof(int64_t);
}

absl::Status RowStore::Put(Split split, int64_t position, const EncodedRow& row) {
  std::string lists;
  for (const auto& ids : row.lists) Append(ids, lists);
  const auto size = static_cast<int64_t>(lists.size());
  const int64_t place = size > 0 ? lists_end_.fetch_add(size, std::memory_order_relaxed) : 0;
  if (size > 0) SDA_RETURN_IF_ERROR(lists_->WriteAt(place, lists.data(), lists.size()));
  std::string bytes;
  bytes.reserve(RowBytes());
  bytes.append(reinterpret_cast<const char*>(&row.label), sizeof(row.label));
  Append(row.dense, bytes);
  Append(row.categorical, bytes);
  Append(row.mlperf, bytes);
  bytes.append(reinterpret_cast<const char*>(&place), sizeof(place));
  return rows_[static_cast<size_t>(split)]->WriteAt(position * static_cast<int64_t>(bytes.size()),
                                                    bytes.data(), bytes.size());
}

absl::Status RowStore::Fill(const char* row, int64_t offset, Shard& shard) const {
  const auto at = static_cast<size_t>(offset);
  shard.label()[at] = Take<float>(row);
  for (size_t i = 0; i < columns_.dense.size(); ++i) shard.dense(i)[at] = Take<float>(row);
  for (size_t i = 0; i < columns_.categorical.size(); ++i) shard.categorical(i)[at] = Take<int32_t>(row);
  for (size_t i = 0; i < columns_.mlperf_values; ++i)
    shard.mlperf()[at * columns_.mlperf_values + i] = Take<int32_t>(row);
  auto place = Take<int64_t>(row);
  std::vector<int32_t> ids;
  for (size_t i = 0; i < columns_.categorical.size(); ++i) {
    if (!columns_.lists[i]) continue;
    ids.resize(static_cast<size_t>(shard.categorical(i)[at]));
    SDA_RETURN_IF_ERROR(lists_->ReadAt(place, ids.data(), ids.size() * sizeof(int32_t)));
    place += static_cast<int64_t>(ids.size() * sizeof(int32_t));
    shard.AddListValues(i, offset, ids);
  }
  return absl::OkStatus();
}

absl::Status RowStore::WriteShards(const std::array<int64_t, kSplits>& split_rows, ShardSet& shards,
                                   const std::stop_token& stop) const {
  const auto row_bytes = static_cast<int64_t>(RowBytes());
  std::string bytes;
  for (size_t s = 0; s < kSplits; ++s) {
    const auto split = static_cast<Split>(s);
    for (int64_t first = 0; first < split_rows[s]; first += shards.shard_rows()) {
      if (stop.stop_requested()) return error::Cancelled();
      if (shards.IsFinished(split, first)) continue;
      const int64_t end = std::min(first + shards.shard_rows(), split_rows[s]);
      SDA_ASSIGN_OR_RETURN(Shard* const shard, shards.Open(split, first));
      for (int64_t next = first; next < end; next += kRowsAtOnce) {
        const int64_t rows = std::min(kRowsAtOnce, end - next);
        bytes.resize(static_cast<size_t>(rows * row_bytes));
        SDA_RETURN_IF_ERROR(rows_[s]->ReadAt(next * row_bytes, bytes.data(), bytes.size()));
        for (int64_t row = 0; row < rows; ++row)
          SDA_RETURN_IF_ERROR(Fill(bytes.data() + row * row_bytes, next - first + row, *shard));
      }
      SDA_RETURN_IF_ERROR(shards.Complete(split, first, end - first));
    }
  }
  return absl::OkStatus();
}

}  // namespace sda::preprocessing
