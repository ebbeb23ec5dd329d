#ifndef SDA_SERVICES_OPTIMIZER_SERVER_LEASE_TABLE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_LEASE_TABLE_H_

#include <map>
#include <mutex>
#include <string>

#include <absl/time/time.h>

#include "common/base/clock.h"

namespace sda::optimizer {

// When the leases of this process run out, by its monotonic clock: a jump of the wall clock changes nothing.
// A lease that is not known yet (after a restart) begins a full term when it is first asked about.
// Thread-safe.
class LeaseTable {
 public:
  explicit LeaseTable(Clock& clock) : clock_(clock) {}

  // The lease `token` of a trial has a full term from now.
  void Renew(const std::string& token, absl::Duration term) {
    std::lock_guard lock(mutex_);
    ends_[token] = clock_.Monotonic() + term;
  }

  bool IsExpired(const std::string& token, absl::Duration term) {
    std::lock_guard lock(mutex_);
    const auto [entry, added] = ends_.try_emplace(token, clock_.Monotonic() + term);
    return !added && clock_.Monotonic() >= entry->second;
  }

  void Forget(const std::string& token) {
    std::lock_guard lock(mutex_);
    ends_.erase(token);
  }

 private:
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, absl::Duration> ends_;  // guarded by mutex_; by token
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_LEASE_TABLE_H_
