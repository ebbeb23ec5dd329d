#ifndef SDA_COMMON_TESTING_EVENTUALLY_H_
#define SDA_COMMON_TESTING_EVENTUALLY_H_

#include <stop_token>

#include <absl/time/time.h>

#include "common/base/clock.h"

namespace sda::testing {

// True as soon as `condition` holds, false when it never did within `timeout`. For what another process or
// thread does; where the code can notify, wait for that instead.
template <class Condition>
bool Eventually(Condition condition, absl::Duration timeout = absl::Seconds(30)) {
  RealClock& clock = RealClock::Get();
  const absl::Duration end = clock.Monotonic() + timeout;
  while (!condition()) {
    if (clock.Monotonic() > end) return false;
    clock.Sleep(absl::Milliseconds(5), std::stop_token());
  }
  return true;
}

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_EVENTUALLY_H_
