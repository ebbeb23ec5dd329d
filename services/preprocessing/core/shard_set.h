#ifndef SDA_SERVICES_PREPROCESSING_CORE_SHARD_SET_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SHARD_SET_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/shard.h"
#include "services/preprocessing/core/split.h"

namespace sda::preprocessing {

// All shards of a dataset, in every form it is written in: row p of a split lies in its shard p / shard_rows.
// A shard gets memory when the first of its rows comes and is written by the thread that completes it; as
// rows come nearly in order, few are open at a time. Thread-safe.
class ShardSet {
 public:
  using Key = std::pair<size_t, int64_t>;  // split, shard

  struct Forms {
    bool parquet = false;
    bool mlperf = false;  // then the columns say how long such a row is
  };

  // `split_rows` are the rows of each split in all; shards in `finished` were written by an earlier attempt,
  // their other forms before them.
  ShardSet(ShardColumns columns, const std::array<int64_t, kSplits>& split_rows, int64_t shard_rows,
           std::map<Key, ManifestShard> finished, Forms forms, DatasetOutput& output);

  const ShardColumns& columns() const { return columns_; }

  // Whether the shard with row `position` was written by an earlier attempt: there is nothing to do for it.
  bool IsFinished(Split split, int64_t position) const {
    return finished_.contains({static_cast<size_t>(split), position / shard_rows_});
  }

  int64_t shard_rows() const { return shard_rows_; }

  // The shard with row `position` of the split, to write to until Complete().
  absl::StatusOr<Shard*> Open(Split split, int64_t position);

  // Says that `rows` rows of the shard with row `position` are complete; writes the shard if they were the
  // last.
  absl::Status Complete(Split split, int64_t position, int64_t rows);

  // What was written, in order. Call when all rows are complete.
  std::vector<ManifestShard> Written(Split split) const;
  std::vector<ManifestExport> Exports() const;

  // Looks up the other forms of finished shards. Call before the first shard is opened.
  absl::Status FindExports();

  // Of every shard in every form, whether it is written yet or not.
  std::vector<std::string> Paths() const;

  // Path of a shard below the dataset's folder, e.g. "train/shard-00000.arrow".
  static std::string PathOf(Split split, int64_t shard);

 private:
  // Of the forms beside the shards.
  std::vector<const char*> Kinds() const;
  absl::Status Write(const Key& key, const Shard& shard);
  absl::Status WriteExport(const Key& key, const char* kind, int64_t rows, std::string_view bytes);

  const ShardColumns columns_;
  const std::array<int64_t, kSplits> split_rows_;
  const int64_t shard_rows_;
  const std::map<Key, ManifestShard> finished_;
  const Forms forms_;
  DatasetOutput& output_;

  mutable std::mutex mutex_;
  std::map<Key, std::unique_ptr<Shard>> open_;                     // guarded by mutex_
  std::map<Key, ManifestShard> written_;                           // guarded by mutex_
  std::map<std::pair<std::string, Key>, ManifestExport> exports_;  // guarded by mutex_; by kind
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SHARD_SET_H_
