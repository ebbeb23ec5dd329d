#include "services/trainer_worker/core/data/batch_loader.h"

#include <utility>

#include "services/trainer_worker/core/training/core_claim.h"

namespace sda::trainer {

BatchLoader::BatchLoader(const SplitReader& reader, RowOrder order, int64_t batch, int64_t steps_per_epoch,
                         int64_t total_steps)
    : order_(std::move(order)), batch_(batch), steps_per_epoch_(steps_per_epoch), total_steps_(total_steps) {
  for (int i = 0; i < kBuffers; ++i) buffers_.emplace_back(reader, batch);
}

BatchLoader::~BatchLoader() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BatchLoader::Start(int64_t step) {
  thread_ = std::thread([this, step] { Load(step); });
}

absl::StatusOr<Batch> BatchLoader::Next() {
  std::unique_lock lock(mutex_);
  if (std::exchange(in_use_, false)) {
    ++free_;
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return !ready_.empty(); });
  absl::StatusOr<Batch> batch = std::move(ready_.front());
  ready_.pop_front();
  in_use_ = true;
  return batch;
}

void BatchLoader::Load(int64_t first) {
  UnpinThisThread();  // started by a thread that trains
  for (int64_t step = first; step <= total_steps_; ++step) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || free_ > 0; });
      if (closing_) return;
      --free_;
    }
    const int64_t epoch = (step - 1) / steps_per_epoch_;
    const int64_t place = (step - 1) % steps_per_epoch_ * batch_;
    absl::StatusOr<Batch> batch = buffers_[step % kBuffers].Fill(order_.Take(epoch, place, place + batch_));
    const bool good = batch.ok();
    {
      std::lock_guard lock(mutex_);
      ready_.push_back(std::move(batch));
    }
    changed_.notify_all();
    if (!good) return;
  }
}

}  // namespace sda::trainer
