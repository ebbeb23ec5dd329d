#include "common/base/clock.h"

#include <future>

#include <gtest/gtest.h>

namespace sda {
namespace {

TEST(RealClockTest, MonotonicNeverGoesBack) {
  absl::Duration last = RealClock::Get().Monotonic();
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration now = RealClock::Get().Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(RealClockTest, SleepLastsAtLeastAsLongAsAsked) {
  RealClock& clock = RealClock::Get();
  const absl::Duration start = clock.Monotonic();
  EXPECT_TRUE(clock.Sleep(absl::Milliseconds(3), std::stop_token()));
  EXPECT_GE(clock.Monotonic() - start, absl::Milliseconds(3));
}

TEST(RealClockTest, StopEndsAnEndlessSleep) {
  std::stop_source stop;
  auto sleeper = std::async(
      std::launch::async, [&] { return RealClock::Get().Sleep(absl::InfiniteDuration(), stop.get_token()); });
  stop.request_stop();
  EXPECT_FALSE(sleeper.get());
}

}  // namespace
}  // namespace sda
