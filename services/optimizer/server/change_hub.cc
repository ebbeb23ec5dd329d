#include "services/optimizer/server/change_hub.h"

#include <chrono>

namespace sda::optimizer {

ChangeHub::Waiter::Waiter(ChangeHub& hub, const std::vector<std::string>& ids, Kind kind)
    : hub_(hub), ids_(ids), kind_(kind) {
  std::lock_guard lock(hub_.mutex_);
  for (const std::string& id : ids_) hub_.by_id_.emplace(id, this);
  if (ids_.empty()) hub_.of_all_.insert(this);
}

ChangeHub::Waiter::~Waiter() {
  std::lock_guard lock(hub_.mutex_);
  hub_.of_all_.erase(this);
  for (const std::string& id : ids_) {
    auto [begin, end] = hub_.by_id_.equal_range(id);
    while (begin != end) begin = begin->second == this ? hub_.by_id_.erase(begin) : std::next(begin);
  }
}

void ChangeHub::Waiter::Reset() {
  std::lock_guard lock(hub_.mutex_);
  has_changed_ = false;
}

void ChangeHub::Waiter::Await(absl::Duration longest, std::stop_token stop) {
  std::unique_lock lock(hub_.mutex_);
  changed_.wait_for(lock, stop, std::chrono::nanoseconds(absl::ToInt64Nanoseconds(longest)),
                    [&] { return has_changed_; });
}

void ChangeHub::Changed(const std::string& id, Kind kind) {
  std::lock_guard lock(mutex_);
  const auto [begin, end] = by_id_.equal_range(id);
  for (auto waiter = begin; waiter != end; ++waiter) {
    if (kind == Kind::kWork || waiter->second->kind_ == Kind::kWatch) Wake(*waiter->second);
  }
  for (Waiter* waiter : of_all_) {
    if (kind == Kind::kWork || waiter->kind_ == Kind::kWatch) Wake(*waiter);
  }
}

void ChangeHub::ChangedAll() {
  std::lock_guard lock(mutex_);
  for (const auto& [id, waiter] : by_id_) Wake(*waiter);
  for (Waiter* waiter : of_all_) Wake(*waiter);
}

std::vector<std::string> ChangeHub::AwaitedIds() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (auto entry = by_id_.begin(); entry != by_id_.end(); entry = by_id_.upper_bound(entry->first))
    ids.push_back(entry->first);
  return ids;
}

}  // namespace sda::optimizer
