#ifndef SDA_COMMON_BASE_CLOCK_H_
#define SDA_COMMON_BASE_CLOCK_H_

#include <stop_token>

#include <absl/time/time.h>

namespace sda {

// Where the time comes from, so that tests decide it. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time: for time stamps that people and other machines read. May jump.
  virtual absl::Time Now() const = 0;

  // Time since a fixed, unknown moment: for leases, time-outs and measured durations. Never goes back.
  virtual absl::Duration Monotonic() const = 0;

  // Blocks for `duration` of monotonic time. False when `stop` was requested before it was over.
  virtual bool Sleep(absl::Duration duration, std::stop_token stop) = 0;
};

// The machine's clocks. One instance serves the whole process.
class RealClock final : public Clock {
 public:
  static RealClock& Get();

  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
  bool Sleep(absl::Duration duration, std::stop_token stop) override;
};

}  // namespace sda

#endif  // SDA_COMMON_BASE_CLOCK_H_
