#ifndef SDA_SERVICES_OPTIMIZER_SERVER_CHANGE_SIGNAL_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_CHANGE_SIGNAL_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include <absl/time/time.h>

namespace sda::optimizer {

// Wakes whoever waits for something to change: long polls and watchers. Thread-safe.
class ChangeSignal {
 public:
  // To be read before looking at the data, so that no change in between is missed.
  uint64_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  void Raise() {
    {
      std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }

  // Waits until the count is no longer `seen`, `longest` is over, or `stop` fires.
  void Await(uint64_t seen, absl::Duration longest, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, std::chrono::nanoseconds(absl::ToInt64Nanoseconds(longest)),
                      [&] { return count_ != seen; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t count_ = 0;  // guarded by mutex_
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_CHANGE_SIGNAL_H_
