#ifndef SDA_SERVICES_PREPROCESSING_SERVER_LIMITS_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include <absl/time/time.h>

namespace sda::preprocessing {

// Bounds of the service, with the reason of each.

// Beyond it the serial reading of the input is the bottleneck.
inline constexpr int kMaxThreads = 256;

// Beyond any machine; a slip of the pen.
inline constexpr int64_t kMaxMemoryLimit = int64_t{1} << 50;

// Of calls and streams while jobs run.
inline constexpr int64_t kServingBytes = 32 << 20;

// A job with one thread and few columns gets along with it.
inline constexpr int64_t kLeastJobMemory = 64 << 20;

// Each holds the vocabularies of its dataset in memory.
inline constexpr int kMaxRunningJobs = 16;

// A queue that a person could still read.
inline constexpr size_t kMaxQueuedJobs = 1000;

// Of lists; the default is a screenful or two.
inline constexpr int kMaxPageSize = 1000;
inline constexpr int kDefaultPageSize = 100;

// InferSchema answers while the caller waits.
inline constexpr int64_t kMaxSampleRows = 1'000'000;

// As the protos say.
inline constexpr size_t kMaxRequestIdBytes = 128;
inline constexpr size_t kMaxIdBytes = 63;

// Fast enough for a progress bar, slow enough to cost nothing.
inline constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);

// First replies are kept at least 7 days by contract.
inline constexpr absl::Duration kReplyLifetime = absl::Hours(24 * 30);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_LIMITS_H_
