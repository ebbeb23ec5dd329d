#include "services/advisor/server/run_feed.h"

#include <utility>

namespace sda::advisor {

RunFeed::Live RunFeed::Get(const std::string& run) const {
  std::lock_guard lock(mutex_);
  const auto found = live_.find(run);
  return found == live_.end() ? Live() : found->second;
}

void RunFeed::SetProgress(const std::string& run, common::v1::Progress progress) {
  std::lock_guard lock(mutex_);
  live_[run].progress = std::move(progress);
  Change(run);
}

void RunFeed::SetWaitingFor(const std::string& run, std::string waiting_for) {
  std::lock_guard lock(mutex_);
  Live& live = live_[run];
  if (live.waiting_for == waiting_for) return;
  live.waiting_for = std::move(waiting_for);
  Change(run);
}

void RunFeed::Clear(const std::string& run) {
  std::lock_guard lock(mutex_);
  live_.erase(run);
  Change(run);
}

void RunFeed::Ring(const std::string& run) {
  std::lock_guard lock(mutex_);
  Change(run);
}

uint64_t RunFeed::Version(const std::string& run) const {
  std::lock_guard lock(mutex_);
  return VersionLocked(run);
}

std::optional<uint64_t> RunFeed::AwaitChange(const std::string& run, uint64_t seen,
                                             std::stop_token stop) const {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return VersionLocked(run) != seen; })) return std::nullopt;
  return VersionLocked(run);
}

uint64_t RunFeed::VersionLocked(const std::string& run) const {
  const auto found = versions_.find(run);
  return found == versions_.end() ? 0 : found->second;
}

void RunFeed::Change(const std::string& run) {
  ++versions_[run];
  changed_.notify_all();
}

}  // namespace sda::advisor
