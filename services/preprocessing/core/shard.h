#ifndef SDA_SERVICES_PREPROCESSING_CORE_SHARD_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SHARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>

namespace arrow {
class Array;
class Buffer;
class RecordBatch;
}  // namespace arrow

namespace sda::preprocessing {

// The columns of a shard after the label: the weight, where there is one, dense ones, then categorical ones.
struct ShardColumns {
  bool weight = false;
  std::vector<std::string> dense;
  std::vector<std::string> categorical;
  std::vector<bool> lists;   // of each categorical column: whether its rows are lists of ids
  size_t mlperf_values = 0;  // of a row in MLPerf's form, the label included; 0: rows have no such form

  size_t first_dense() const { return weight ? 2 : 1; }
  size_t first_categorical() const { return first_dense() + dense.size(); }
  size_t size() const { return first_categorical() + categorical.size(); }
};

// The memory of one shard while it is being filled. Threads may write different rows at the same time.
class Shard {
 public:
  // ResourceExhausted where the memory is not to be had.
  static absl::StatusOr<std::unique_ptr<Shard>> Allocate(const ShardColumns& columns, int64_t rows);
  ~Shard();

  int64_t rows() const { return rows_; }

  // `rows` values each.
  float* label() { return static_cast<float*>(Column(0)); }
  float* weight() { return static_cast<float*>(Column(1)); }  // only where there are weights
  float* dense(size_t i) { return static_cast<float*>(Column(columns_.first_dense() + i)); }
  int32_t* categorical(size_t i) { return static_cast<int32_t*>(Column(columns_.first_categorical() + i)); }

  // Row by row, mlperf_values each.
  int32_t* mlperf() { return mlperf_.data(); }
  const std::vector<int32_t>& mlperf() const { return mlperf_; }

  // A column of lists has their lengths, each at least 1, in categorical(i). The ids of any run of rows, the
  // first being `row`, come here, in any order of the runs. Thread-safe.
  void AddListValues(size_t i, int64_t row, const std::vector<int32_t>& values);

  // Says that so many rows are complete; true for the call that completes the last one.
  bool Complete(int64_t rows) { return remaining_.fetch_sub(rows, std::memory_order_acq_rel) == rows; }

  // "label", "weight" and dense columns float32, categorical columns int32, of lists list<int32>, none with
  // nulls. ResourceExhausted where a column's lists hold more than 2^31 − 1 ids. This must outlive the batch.
  absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> ToBatch() const;

 private:
  // The ids of some rows, in the order in which they came.
  struct Lists {
    std::vector<std::pair<int64_t, size_t>> runs;  // first row, and where its ids begin
    std::vector<int32_t> ids;
  };

  Shard(const ShardColumns& columns, int64_t rows);
  void* Column(size_t i);
  absl::StatusOr<std::shared_ptr<arrow::Array>> ListArray(size_t i) const;

  const ShardColumns& columns_;
  const int64_t rows_;
  const int64_t stride_;  // bytes from column to column
  std::atomic<int64_t> remaining_;
  std::shared_ptr<arrow::Buffer> memory_;
  std::vector<int32_t> mlperf_;
  std::mutex mutex_;
  std::vector<Lists> lists_;  // guarded by mutex_
};

// A batch as an Arrow IPC file, not compressed. The bytes depend on names and values alone.
absl::StatusOr<std::shared_ptr<arrow::Buffer>> ToArrowFile(const arrow::RecordBatch& batch);

// The same rows as a Parquet file.
absl::StatusOr<std::shared_ptr<arrow::Buffer>> ToParquetFile(
    const std::shared_ptr<arrow::RecordBatch>& batch);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SHARD_H_
