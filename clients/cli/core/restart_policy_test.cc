#include "clients/cli/core/restart_policy.h"

#include <gtest/gtest.h>

namespace sda::cli {
namespace {

TEST(RestartPolicyTest, DelaysDoubleUpToTheirBound) {
  RestartPolicy policy;
  policy.OnReady();
  absl::Duration expected[] = {absl::ZeroDuration(), absl::Milliseconds(250), absl::Milliseconds(500),
                               absl::Seconds(1),     absl::Seconds(2),        absl::Seconds(4),
                               absl::Seconds(8),     absl::Seconds(10),       absl::Seconds(10)};
  for (const absl::Duration delay : expected) {
    policy.OnStarted(absl::Seconds(100));
    EXPECT_EQ(policy.OnExit(absl::Seconds(101)), delay);
  }
  EXPECT_EQ(policy.restarts(), 9);
}

TEST(RestartPolicyTest, AChildThatWasUpForLongBeginsAnew) {
  RestartPolicy policy;
  policy.OnReady();
  for (int i = 0; i < 6; ++i) {
    policy.OnStarted(absl::Seconds(0));
    policy.OnExit(absl::Seconds(1));
  }
  policy.OnStarted(absl::Seconds(10));
  EXPECT_EQ(policy.OnExit(absl::Seconds(40)), absl::ZeroDuration());
}

TEST(RestartPolicyTest, AChildThatNeverServedIsGivenUp) {
  RestartPolicy policy;
  for (int i = 0; i < 4; ++i) {
    policy.OnStarted(absl::Seconds(i));
    EXPECT_TRUE(policy.OnExit(absl::Seconds(i)).has_value()) << i;
  }
  policy.OnStarted(absl::Seconds(4));
  EXPECT_FALSE(policy.OnExit(absl::Seconds(4)).has_value());
}

TEST(RestartPolicyTest, AChildThatServedOnceIsNeverGivenUp) {
  RestartPolicy policy;
  policy.OnReady();
  for (int i = 0; i < 100; ++i) {
    policy.OnStarted(absl::Seconds(i));
    EXPECT_TRUE(policy.OnExit(absl::Seconds(i)).has_value()) << i;
  }
}

}  // namespace
}  // namespace sda::cli
