#include "common/rpc/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/testing/fake_clock.h"
#include "common/testing/status_matchers.h"

namespace sda::rpc {
namespace {

using ::sda::testing::FakeClock;
using ::sda::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Fails with `error` `failures` times, then succeeds; counts its calls.
struct Flaky {
  absl::Status operator()() { return calls++ < failures ? error : absl::OkStatus(); }
  int failures;
  absl::Status error = absl::UnavailableError("down");
  int calls = 0;
};

TEST(RetryTest, SuccessIsNotRepeated) {
  FakeClock clock;
  Flaky flaky{.failures = 0};
  SDA_EXPECT_OK(Retry({}, clock, {}, std::ref(flaky)));
  EXPECT_EQ(flaky.calls, 1);
}

TEST(RetryTest, DelaysDoubleUpToTheirBound) {
  FakeClock clock;
  Flaky flaky{.failures = 6};
  const RetryPolicy policy{.first_delay = absl::Milliseconds(100), .max_delay = absl::Seconds(1)};
  SDA_EXPECT_OK(Retry(policy, clock, {}, std::ref(flaky), [] { return 0.5; }));
  EXPECT_THAT(clock.sleeps(),
              ElementsAre(absl::Milliseconds(50), absl::Milliseconds(100), absl::Milliseconds(200),
                          absl::Milliseconds(400), absl::Milliseconds(500), absl::Milliseconds(500)));
}

TEST(RetryTest, OwnRandomSourceStaysWithinTheBound) {
  FakeClock clock;
  Flaky flaky{.failures = 50};
  SDA_EXPECT_OK(Retry({.max_delay = absl::Milliseconds(100)}, clock, {}, std::ref(flaky)));
  for (absl::Duration sleep : clock.sleeps()) {
    EXPECT_GE(sleep, absl::ZeroDuration());
    EXPECT_LT(sleep, absl::Milliseconds(100));
  }
}

TEST(RetryTest, BudgetEndsIt) {
  FakeClock clock;
  Flaky flaky{.failures = 1'000'000};
  const absl::Duration start = clock.Monotonic();
  const absl::Status status = Retry({.budget = absl::Minutes(10)}, clock, {}, std::ref(flaky));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("given up after")));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("down")));
  EXPECT_LE(clock.Monotonic() - start, absl::Minutes(10));
  EXPECT_GT(clock.Monotonic() - start, absl::Minutes(9));
}

TEST(RetryTest, PermanentErrorsAreNotRepeated) {
  for (auto code :
       {absl::StatusCode::kInvalidArgument, absl::StatusCode::kNotFound, absl::StatusCode::kInternal,
        absl::StatusCode::kFailedPrecondition, absl::StatusCode::kResourceExhausted}) {
    FakeClock clock;
    Flaky flaky{.failures = 1, .error = absl::Status(code, "no")};
    EXPECT_EQ(Retry({}, clock, {}, std::ref(flaky)), absl::Status(code, "no"));
    EXPECT_EQ(flaky.calls, 1);
  }
}

TEST(RetryTest, TransientErrorsAreRepeated) {
  for (const absl::Status& error :
       {absl::UnavailableError("x"), absl::DeadlineExceededError("x"),
        MakeError(absl::StatusCode::kResourceExhausted, "x", {.reason = "SERVER_BUSY"}),
        MakeError(absl::StatusCode::kResourceExhausted, "x", {.reason = "PREDICT_QUEUE_FULL"})}) {
    FakeClock clock;
    Flaky flaky{.failures = 1, .error = error};
    SDA_EXPECT_OK(Retry({}, clock, {}, std::ref(flaky)));
    EXPECT_EQ(flaky.calls, 2);
  }
}

TEST(RetryTest, StopEndsTheWait) {
  FakeClock clock;
  std::stop_source stop;
  stop.request_stop();
  Flaky flaky{.failures = 1'000'000};
  EXPECT_THAT(Retry({}, clock, stop.get_token(), std::ref(flaky)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(flaky.calls, 1);
}

}  // namespace
}  // namespace sda::rpc
