#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ROW_GROUPS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ROW_GROUPS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "services/trainer_worker/core/kernels/embedding_bag.h"

namespace sda::trainer {

// Which samples looked up which rows of one table, for an update that visits each row once however often it
// occurs. Reusable: buffers keep their capacity. Not thread-safe.
class RowGroups {
 public:
  // Groups the ids of the samples of a batch by row: rows ascending, samples of a row in order of occurrence
  // (so sums over them have one order whatever the thread count). Radix sort, O(ids · bytes of the largest
  // id). Only the rows in `shard` of `shards`, see ShardOf.
  void Build(const TableIds& ids, int64_t samples, int64_t shard = 0, int64_t shards = 1);

  size_t size() const { return rows_.size(); }
  int32_t row(size_t group) const { return rows_[group]; }
  // A sample occurs once for each time the row is in its bag.
  std::span<const int32_t> samples(size_t group) const {
    return {samples_.data() + begins_[group], static_cast<size_t>(begins_[group + 1] - begins_[group])};
  }

 private:
  std::vector<uint64_t> keys_, sorted_;  // row in the high word, sample in the low word
  std::vector<int32_t> rows_, begins_, samples_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_ROW_GROUPS_H_
