#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_OUTPUT_SHARDS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_OUTPUT_SHARDS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/split.h"

namespace arrow {
class RecordBatch;
}  // namespace arrow

namespace sda::preprocessing {

// The columns of a pipeline's output.
struct OutputColumns {
  struct Categorical {
    std::string name;
    bool list = false;
  };
  std::vector<std::string> dense;
  std::vector<Categorical> categorical;
  size_t mlperf_values = 0;  // of an MLPerf row, the label included; 0: no such rows are written
  bool parquet = false;
};

// The memory of one shard. Threads write different rows at the same time.
class OutputShard {
 public:
  OutputShard(const OutputColumns& columns, int64_t rows);

  int64_t rows() const { return rows_; }
  std::vector<float>& label() { return label_; }
  std::vector<float>& dense(size_t i) { return dense_[i]; }
  std::vector<int32_t>& ids(size_t i) { return ids_[i]; }
  // Row by row, mlperf_values each.
  std::vector<int32_t>& mlperf() { return mlperf_; }
  const std::vector<int32_t>& mlperf() const { return mlperf_; }
  // Of a list column.
  void SetList(size_t column, int64_t row, const int64_t* begin, const int64_t* end);

  bool Complete(int64_t rows) { return remaining_.fetch_sub(rows, std::memory_order_acq_rel) == rows; }

  // Label and features, none with nulls: float32, int32 and lists of int32; an empty list is [0].
  absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> ToBatch() const;

 private:
  struct List {
    std::vector<std::pair<size_t, uint32_t>> rows;  // begin in the pool, size
    std::vector<int32_t> pool;                      // guarded by mutex_
  };

  const OutputColumns& columns_;
  const int64_t rows_;
  std::atomic<int64_t> remaining_;
  std::vector<float> label_;
  std::vector<std::vector<float>> dense_;
  std::vector<std::vector<int32_t>> ids_;
  std::vector<List> lists_;
  std::vector<int32_t> mlperf_;
  std::mutex mutex_;
};

// All shards of a pipeline's dataset, in every form it is written in. As ShardSet otherwise. Thread-safe.
class OutputShards {
 public:
  OutputShards(OutputColumns columns, const std::array<int64_t, kSplits>& split_rows, int64_t shard_rows,
               DatasetOutput& output);

  const OutputColumns& columns() const { return columns_; }
  int64_t shard_rows() const { return shard_rows_; }

  OutputShard* Open(Split split, int64_t position);
  absl::Status Complete(Split split, int64_t position, int64_t rows);

  // What was written, in order. Call when all rows are complete.
  std::vector<ManifestShard> Written(Split split) const;
  std::vector<ManifestExport> Exports() const;

 private:
  using Key = std::pair<size_t, int64_t>;  // split, shard

  absl::Status Write(const Key& key, const OutputShard& shard);
  absl::Status WriteExport(const Key& key, const std::string& kind, const std::string& extension,
                           int64_t rows, std::string_view bytes);

  const OutputColumns columns_;
  const std::array<int64_t, kSplits> split_rows_;
  const int64_t shard_rows_;
  DatasetOutput& output_;

  mutable std::mutex mutex_;
  std::map<Key, std::unique_ptr<OutputShard>> open_;               // guarded by mutex_
  std::map<Key, ManifestShard> written_;                           // guarded by mutex_
  std::map<std::pair<std::string, Key>, ManifestExport> exports_;  // guarded by mutex_
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_OUTPUT_SHARDS_H_
