#include "clients/cli/core/restart_policy.h"

#include <algorithm>

namespace sda::cli {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(250);
constexpr absl::Duration kLongestDelay = absl::Seconds(10);
constexpr absl::Duration kLongUp = absl::Seconds(30);
constexpr int kMaxStartsWithoutReady = 5;

}  // namespace

void RestartPolicy::OnStarted(absl::Duration now) {
  started_ = now;
  ++starts_;
}

void RestartPolicy::OnReady() {
  was_ready_ = true;
}

std::optional<absl::Duration> RestartPolicy::OnExit(absl::Duration now) {
  if (!was_ready_ && starts_ >= kMaxStartsWithoutReady) return std::nullopt;
  if (now - started_ >= kLongUp) failures_ = 0;
  ++failures_;
  ++restarts_;
  if (failures_ == 1) return absl::ZeroDuration();
  absl::Duration delay = kFirstDelay;
  for (int i = 2; i < failures_ && delay < kLongestDelay; ++i) delay *= 2;
  return std::min(delay, kLongestDelay);
}

}  // namespace sda::cli
