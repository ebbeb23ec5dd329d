#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_DATA_BATCH_LOADER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_DATA_BATCH_LOADER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/row_order.h"

namespace sda::trainer {

// Reads the batches of a training ahead of it, on a thread of its own: one is trained on while the next ones
// are gathered from the mapped files. What is read follows from the order and the step alone. Start and Next
// are for one thread.
class BatchLoader {
 public:
  // Batches kept in memory: one in use, one ready, one being filled.
  static constexpr int kBuffers = 3;

  // Step s, counted from 1, takes batch (s − 1) mod steps_per_epoch of its epoch. `reader` must outlive this.
  BatchLoader(const SplitReader& reader, RowOrder order, int64_t batch, int64_t steps_per_epoch,
              int64_t total_steps);
  // Returns soon: a batch that is being filled is finished first.
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  // Bytes that the constructor allocates, without the order's.
  static int64_t Bytes(const InputShape& shape, int64_t batch) {
    return kBuffers * BatchBuffer::Bytes(shape, batch);
  }

  // Begins to read at this step. Once.
  void Start(int64_t step);

  // The batch of the next step; to be called at most as often as there are steps left. Valid until the next
  // call. Errors as BatchBuffer::Fill; nothing follows one.
  absl::StatusOr<Batch> Next();

 private:
  void Load(int64_t step);

  RowOrder order_;
  const int64_t batch_, steps_per_epoch_, total_steps_;
  std::vector<BatchBuffer> buffers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<absl::StatusOr<Batch>> ready_;  // guarded by mutex_
  int free_ = kBuffers;                      // guarded by mutex_: buffers that hold no batch still needed
  bool in_use_ = false;                      // guarded by mutex_: the caller has a batch
  bool closing_ = false;                     // guarded by mutex_
  std::thread thread_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_DATA_BATCH_LOADER_H_
