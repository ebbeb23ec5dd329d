#ifndef SDA_COMMON_RPC_RETRY_H_
#define SDA_COMMON_RPC_RETRY_H_

#include <functional>
#include <stop_token>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/base/clock.h"

namespace sda::rpc {

// Waits between attempts grow from `first_delay` by `factor` up to `max_delay`; each is drawn uniformly
// between 0 and that bound ("full jitter"), so that many clients do not return at once.
struct RetryPolicy {
  absl::Duration first_delay = absl::Milliseconds(100);
  absl::Duration max_delay = absl::Seconds(10);
  double factor = 2;
  absl::Duration budget = absl::Minutes(10);  // no attempt begins later than this after the first
};

// True for UNAVAILABLE and DEADLINE_EXCEEDED, and for RESOURCE_EXHAUSTED where the server was only busy.
bool IsTransient(const absl::Status& status);

// Calls `attempt` until it succeeds, fails for good, or the budget or `stop` ends it; then the last status,
// its message saying how often it was tried. Only for calls that may be repeated: reads, and changes that
// carry a request_id. `uniform` draws from [0, 1); empty for a random source of its own.
absl::Status Retry(const RetryPolicy& policy, Clock& clock, std::stop_token stop,
                   const std::function<absl::Status()>& attempt, std::function<double()> uniform = {});

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_RETRY_H_
