#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_DATA_MLPERF_SHARD_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_DATA_MLPERF_SHARD_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"

namespace arrow {
class Buffer;
}  // namespace arrow

namespace sda::trainer {

// How the integers of such files become inputs: fixed for a dataset.
class MlperfDecoder {
 public:
  explicit MlperfDecoder(const DatasetManifest& manifest);

  // Of column `column`, x >= 0; the values of small x are at hand.
  float Dense(size_t column, int32_t x) const {
    const std::vector<float>& small = small_[column];
    return static_cast<size_t>(x) < small.size() ? small[static_cast<size_t>(x)] : Large(column, x);
  }

  // Modulo the range, where there is one; what is negative stays, so that it is found to lie outside its
  // table.
  int32_t Id(int32_t id) const { return range_ > 0 && id >= 0 ? static_cast<int32_t>(id % range_) : id; }

 private:
  float Large(size_t column, int32_t x) const;

  std::vector<DenseTransform> transforms_;
  std::vector<std::vector<float>> small_;
  int64_t range_ = 0;
};

// Rows of a mapped file in the binary format of MLPerf's DLRM reference (ShardFormat::kMlperfBinary).
class MlperfShard {
 public:
  // NOT_FOUND; FAILED_PRECONDITION for a file whose size is no multiple of a row, or that is shorter than the
  // manifest says.
  static absl::StatusOr<MlperfShard> Map(const ManifestShard& described, const std::string& path);

  // Label and dense values, `dense` having room for kMlperfDenseColumns. FAILED_PRECONDITION names file, row
  // and column of a label that is neither 0 nor 1 or of a negative value.
  absl::Status Decode(const MlperfDecoder& decoder, int64_t row, float& label, float* dense) const;

  int32_t Id(const MlperfDecoder& decoder, int64_t row, size_t table) const {
    return decoder.Id(Row(row)[static_cast<size_t>(1 + kMlperfDenseColumns) + table]);
  }

  // The row's number within the file.
  int64_t RowOfFile(int64_t row) const { return first_row_ + row; }

 private:
  const int32_t* Row(int64_t row) const { return rows_ + row * (kMlperfRowBytes / 4); }

  std::string path_;
  const int32_t* rows_ = nullptr;
  int64_t first_row_ = 0;
  std::shared_ptr<arrow::Buffer> owner_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_DATA_MLPERF_SHARD_H_
