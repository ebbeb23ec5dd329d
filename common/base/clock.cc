#include "common/base/clock.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include <absl/time/clock.h>

namespace sda {

RealClock& RealClock::Get() {
  static RealClock clock;
  return clock;
}

absl::Time RealClock::Now() const {
  return absl::Now();
}

absl::Duration RealClock::Monotonic() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

bool RealClock::Sleep(absl::Duration duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  // A duration beyond what the chrono type holds would wrap around: a year is as good as forever.
  const absl::Duration bounded = std::min(duration, absl::Hours(24 * 365));
  wake.wait_for(lock, stop, absl::ToChronoNanoseconds(bounded), [] { return false; });
  return !stop.stop_requested();
}

}  // namespace sda
