#include "services/preprocessing/core/shard_set.h"

#include <algorithm>

#include <absl/strings/str_format.h>
#include <arrow/buffer.h>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {

ShardSet::ShardSet(ShardColumns columns, const std::array<int64_t, kSplits>& split_rows, int64_t shard_rows,
                   std::map<Key, ManifestShard> finished, DatasetOutput& output)
    : columns_(std::move(columns)),
      split_rows_(split_rows),
      shard_rows_(shard_rows),
      finished_(std::move(finished)),
      output_(output),
      written_(finished_) {}

absl::StatusOr<Shard*> ShardSet::Open(Split split, int64_t position) {
  const Key key{static_cast<size_t>(split), position / shard_rows_};
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Shard>& shard = open_[key];
  if (!shard) {
    const int64_t rows = std::min(shard_rows_, split_rows_[key.first] - key.second * shard_rows_);
    SDA_ASSIGN_OR_RETURN(shard, Shard::Allocate(columns_, rows));
  }
  return shard.get();
}

absl::Status ShardSet::Complete(Split split, int64_t position, int64_t rows) {
  const Key key{static_cast<size_t>(split), position / shard_rows_};
  std::unique_ptr<Shard> finished;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = open_.find(key);
    if (!entry->second->Complete(rows)) return absl::OkStatus();
    finished = std::move(entry->second);
    open_.erase(entry);
  }
  SDA_ASSIGN_OR_RETURN(const auto buffer, finished->ToArrow());
  const std::string_view bytes(*buffer);
  ManifestShard written{PathOf(split, key.second), finished->rows(), static_cast<int64_t>(bytes.size()),
                        Sha256Hex(bytes)};
  finished.reset();
  SDA_RETURN_IF_ERROR(output_.Write(written.path, bytes));
  const std::lock_guard lock(mutex_);
  written_[key] = std::move(written);
  return absl::OkStatus();
}

std::vector<ManifestShard> ShardSet::Written(Split split) const {
  const std::lock_guard lock(mutex_);
  std::vector<ManifestShard> shards;
  for (const auto& [key, shard] : written_) {
    if (key.first == static_cast<size_t>(split)) shards.push_back(shard);
  }
  return shards;
}

std::string ShardSet::PathOf(Split split, int64_t shard) {
  return absl::StrFormat("%s/shard-%05d.arrow", kSplitNames[static_cast<size_t>(split)], shard);
}

}  // namespace sda::preprocessing
