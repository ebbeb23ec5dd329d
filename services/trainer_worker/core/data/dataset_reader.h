#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_DATA_DATASET_READER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_DATA_DATASET_READER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/trainer_worker/core/data/batch.h"

namespace sda::trainer {

// The inputs of a model for this dataset: its columns in manifest order.
InputShape ShapeOf(const DatasetManifest& manifest);

// One split of a dataset, memory-mapped: no row is read before it is asked for. Thread-safe after Open.
class SplitReader {
 public:
  // `folder` is the dataset's, on a local disk. NOT_FOUND names a missing shard; FAILED_PRECONDITION a shard
  // that is not what the manifest says (columns, types, rows, nulls).
  static absl::StatusOr<std::unique_ptr<SplitReader>> Open(const DatasetManifest& manifest,
                                                           const std::string& folder,
                                                           const std::string& split);
  ~SplitReader();

  int64_t rows() const;
  const InputShape& shape() const;
  // Whether rows have weights.
  bool weighted() const;

 private:
  friend class BatchBuffer;
  struct State;
  explicit SplitReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// The memory of one batch. Not thread-safe; views stay valid until the next Fill.
class BatchBuffer {
 public:
  // `reader` must outlive this.
  BatchBuffer(const SplitReader& reader, int64_t max_rows);

  // Bytes that such a buffer needs; those of bags for lists of the mean length.
  static int64_t Bytes(const InputShape& shape, int64_t max_rows);

  // The given rows of the split, in that order; each in [0, rows()), at most max_rows of them. OUT_OF_RANGE
  // names shard, row, table and id where an id lies outside its table.
  absl::StatusOr<Batch> Fill(std::span<const uint32_t> rows);

  // Rows [begin, end) in file order.
  absl::StatusOr<Batch> FillRange(int64_t begin, int64_t end);

 private:
  absl::Status FillBags(std::span<const uint32_t> rows, size_t table);
  absl::StatusOr<Batch> Checked(std::span<const uint32_t> rows);

  const SplitReader& reader_;
  std::vector<uint32_t> range_;
  std::vector<float> labels_, weights_, dense_;  // weights_ empty where there are none
  // One a table; of those with bags they grow to what the largest batch has.
  std::vector<std::vector<int32_t>> ids_;
  std::vector<std::vector<int32_t>> offsets_;  // one a table: [max_rows + 1], empty for tables without bags
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_DATA_DATASET_READER_H_
