#ifndef SDA_SERVICES_ADVISOR_SERVER_LIMITS_H_
#define SDA_SERVICES_ADVISOR_SERVER_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include <absl/time/time.h>

// Bounds of the advisor, with the reason of each.
namespace sda::advisor {

// A recipe with a hundred parameters and their reasons is 60 KB.
inline constexpr size_t kMaxRecipeBytes = size_t{1} << 20;

// Runs that have not ended. Each holds at most one thread while it is worked on; those beyond the threads
// wait.
inline constexpr int kMaxUnfinishedRuns = 1000;

inline constexpr int32_t kDefaultPageSize = 100;
inline constexpr int32_t kMaxPageSize = 1000;

inline constexpr size_t kMaxRequestIdBytes = 128;

// One attempt of a call to another service. Its writes are commits to disk, its reads a page of trials.
inline constexpr absl::Duration kPeerCallTimeout = absl::Seconds(30);

// A stream that lasts longer is opened again: what a dead peer would leave open for ever ends here at the
// latest.
inline constexpr absl::Duration kWatchTime = absl::Minutes(10);

// Evaluating the test split is one pass without gradients; a worker reports progress while it lasts.
inline constexpr absl::Duration kEvaluateTime = absl::Hours(6);

// First replies are kept at least this long after their resource is gone.
inline constexpr absl::Duration kReplyLifetime = absl::Hours(24 * 7);

// Trials listed in a model's report; more interest nobody.
inline constexpr int64_t kMaxTrialsInReport = 1000;

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_LIMITS_H_
