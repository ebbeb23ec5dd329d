#include "common/rpc/retry.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"

namespace sda::rpc {

bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return true;
    case absl::StatusCode::kResourceExhausted:
      return GetErrorReason(status) == "SERVER_BUSY" || GetErrorReason(status) == "PREDICT_QUEUE_FULL";
    default:
      return false;
  }
}

absl::Status Retry(const RetryPolicy& policy, Clock& clock, std::stop_token stop,
                   const std::function<absl::Status()>& attempt, std::function<double()> uniform) {
  if (!uniform) {
    uniform = [engine = std::mt19937_64(std::random_device{}())]() mutable {
      return std::uniform_real_distribution<double>(0, 1)(engine);
    };
  }
  const absl::Duration end = clock.Monotonic() + policy.budget;
  absl::Duration bound = policy.first_delay;
  for (int tries = 1;; ++tries) {
    absl::Status status = attempt();
    if (status.ok() || !IsTransient(status)) return status;
    const absl::Duration delay = bound * uniform();
    bound = std::min(bound * policy.factor, policy.max_delay);
    if (clock.Monotonic() + delay > end || !clock.Sleep(delay, stop)) {
      return Annotate(status, absl::StrCat("given up after ", tries, tries == 1 ? " attempt" : " attempts"));
    }
  }
}

}  // namespace sda::rpc
