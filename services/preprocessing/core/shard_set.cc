#include "services/preprocessing/core/shard_set.h"

#include <algorithm>

#include <absl/strings/str_format.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

constexpr char kParquet[] = "parquet";
constexpr char kMlperf[] = "mlperf";

// Kind, split and path.
ManifestExport ExportOf(const ShardSet::Key& key, const char* kind) {
  ManifestExport file;
  file.kind = kind;
  file.split = kSplitNames[key.first];
  file.path = absl::StrFormat("%s/%s-%05d.%s", kind, kSplitNames[key.first], key.second,
                              std::string_view(kind) == kParquet ? "parquet" : "bin");
  return file;
}

}  // namespace

ShardSet::ShardSet(ShardColumns columns, const std::array<int64_t, kSplits>& split_rows, int64_t shard_rows,
                   std::map<Key, ManifestShard> finished, Forms forms, DatasetOutput& output)
    : columns_(std::move(columns)),
      split_rows_(split_rows),
      shard_rows_(shard_rows),
      finished_(std::move(finished)),
      forms_(forms),
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
  return Write(key, *finished);
}

// The shard comes last: where it is, its other forms are too.
absl::Status ShardSet::Write(const Key& key, const Shard& shard) {
  SDA_ASSIGN_OR_RETURN(const auto batch, shard.ToBatch());
  if (forms_.parquet) {
    SDA_ASSIGN_OR_RETURN(const auto buffer, ToParquetFile(batch));
    SDA_RETURN_IF_ERROR(WriteExport(key, kParquet, shard.rows(), std::string_view(*buffer)));
  }
  if (forms_.mlperf) {
    // Rows lie in memory as in the file on the little-endian machines that there are.
    const std::vector<int32_t>& rows = shard.mlperf();
    SDA_RETURN_IF_ERROR(WriteExport(
        key, kMlperf, shard.rows(),
        std::string_view(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(int32_t))));
  }
  SDA_ASSIGN_OR_RETURN(const auto buffer, ToArrowFile(*batch));
  const std::string_view bytes(*buffer);
  ManifestShard written{PathOf(static_cast<Split>(key.first), key.second), shard.rows(),
                        static_cast<int64_t>(bytes.size()), Sha256Hex(bytes)};
  SDA_RETURN_IF_ERROR(output_.Write(written.path, bytes));
  const std::lock_guard lock(mutex_);
  written_[key] = std::move(written);
  return absl::OkStatus();
}

absl::Status ShardSet::WriteExport(const Key& key, const char* kind, int64_t rows, std::string_view bytes) {
  ManifestExport written = ExportOf(key, kind);
  written.rows = rows;
  written.bytes = static_cast<int64_t>(bytes.size());
  written.sha256 = Sha256Hex(bytes);
  SDA_RETURN_IF_ERROR(output_.Write(written.path, bytes));
  const std::lock_guard lock(mutex_);
  exports_[{kind, key}] = std::move(written);
  return absl::OkStatus();
}

std::vector<const char*> ShardSet::Kinds() const {
  std::vector<const char*> kinds;
  if (forms_.parquet) kinds.push_back(kParquet);
  if (forms_.mlperf) kinds.push_back(kMlperf);
  return kinds;
}

std::vector<std::string> ShardSet::Paths() const {
  std::vector<std::string> paths;
  for (size_t s = 0; s < kSplits; ++s) {
    for (int64_t shard = 0; shard * shard_rows_ < split_rows_[s]; ++shard) {
      paths.push_back(PathOf(static_cast<Split>(s), shard));
      for (const char* kind : Kinds()) paths.push_back(ExportOf({s, shard}, kind).path);
    }
  }
  return paths;
}

absl::Status ShardSet::FindExports() {
  for (const auto& [key, shard] : finished_) {
    for (const char* kind : Kinds()) {
      ManifestExport found = ExportOf(key, kind);
      SDA_ASSIGN_OR_RETURN(const auto file, output_.Open(found.path));
      SDA_ASSIGN_OR_RETURN(const FileDigest digest, DigestOf(*file));
      found.rows = shard.rows;
      found.bytes = digest.bytes;
      found.sha256 = digest.sha256;
      exports_[{kind, key}] = std::move(found);
    }
  }
  return absl::OkStatus();
}

std::vector<ManifestExport> ShardSet::Exports() const {
  const std::lock_guard lock(mutex_);
  std::vector<ManifestExport> exports;
  for (const auto& [key, written] : exports_) exports.push_back(written);
  return exports;
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
