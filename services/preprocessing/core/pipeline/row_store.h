#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_ROW_STORE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_ROW_STORE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/scratch_file.h"
#include "services/preprocessing/core/shard_set.h"

namespace sda::preprocessing {

// A row as a shard has it.
struct EncodedRow {
  float label = 0;
  std::vector<float> dense;
  std::vector<int32_t> categorical;         // of lists the number of ids
  std::vector<std::vector<int32_t>> lists;  // by categorical column; empty where it is not of lists
  std::vector<int32_t> mlperf;
};

// Rows on disk at their places, for datasets that are written in another order than they come in: shards are
// made of them one after the other, so that only one is in memory. Put is thread-safe.
class RowStore {
 public:
  static absl::StatusOr<std::unique_ptr<RowStore>> Create(const ShardColumns& columns,
                                                          const std::string& scratch_folder);

  absl::Status Put(Split split, int64_t position, const EncodedRow& row);

  // Writes all shards that an earlier attempt has not finished.
  absl::Status WriteShards(const std::array<int64_t, kSplits>& split_rows, ShardSet& shards,
                           const std::stop_token& stop) const;

 private:
  explicit RowStore(const ShardColumns& columns) : columns_(columns) {}
  size_t RowBytes() const;
  absl::Status Fill(const char* row, int64_t offset, Shard& shard) const;

  const ShardColumns& columns_;
  std::array<std::unique_ptr<ScratchFile>, kSplits> rows_;
  std::unique_ptr<ScratchFile> lists_;
  std::atomic<int64_t> lists_end_ = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_ROW_STORE_H_
