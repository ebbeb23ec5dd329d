#ifndef SDA_COMMON_TESTING_FAKE_CLOCK_H_
#define SDA_COMMON_TESTING_FAKE_CLOCK_H_

#include <mutex>
#include <stop_token>
#include <vector>

#include <absl/time/time.h>

#include "common/base/clock.h"

namespace sda::testing {

// A clock that moves only when told: both times advance together, and Sleep advances them instead of waiting.
// Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'800'000'000)) : now_(start) {}

  absl::Time Now() const override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  absl::Duration Monotonic() const override {
    std::lock_guard lock(mutex_);
    return monotonic_;
  }
  bool Sleep(absl::Duration duration, std::stop_token stop) override {
    if (stop.stop_requested()) return false;
    std::lock_guard lock(mutex_);
    sleeps_.push_back(duration);
    now_ += duration;
    monotonic_ += duration;
    return true;
  }

  void Advance(absl::Duration duration) {
    std::lock_guard lock(mutex_);
    now_ += duration;
    monotonic_ += duration;
  }

  // The wall clock alone is set, as an administrator would.
  void SetWallTime(absl::Time now) {
    std::lock_guard lock(mutex_);
    now_ = now;
  }

  // What Sleep was asked for, in order.
  std::vector<absl::Duration> sleeps() const {
    std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  mutable std::mutex mutex_;
  absl::Time now_;
  absl::Duration monotonic_ = absl::Hours(1);
  std::vector<absl::Duration> sleeps_;
};

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_FAKE_CLOCK_H_
