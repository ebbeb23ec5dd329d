#ifndef SDA_CLIENTS_CLI_PROCESS_LOCAL_SUITE_H_
#define SDA_CLIENTS_CLI_PROCESS_LOCAL_SUITE_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <absl/status/statusor.h>

#include "clients/cli/core/announcement.h"
#include "clients/cli/core/suite_plan.h"
#include "clients/cli/process/state_lock.h"
#include "clients/cli/process/supervisor.h"

namespace sda::cli {

struct LocalSuiteOptions {
  std::string state;  // folder
  std::string owner;  // "sda local" or "sda run"
  std::optional<int64_t> workers, slots, threads_per_slot;
  int64_t trials_at_once = 2;  // what slots are chosen for, where they are not given
  std::string log_level = "info";
  std::function<void(const std::string&)> say;
};

// All services of one machine over one state folder, for as long as this lives.
class LocalSuite {
 public:
  // Takes the folder, picks ports, starts everything and waits until it serves. FAILED_PRECONDITION when the
  // folder has another owner; see Supervisor::AwaitReady for the rest.
  static absl::StatusOr<std::unique_ptr<LocalSuite>> Start(const LocalSuiteOptions& options,
                                                           std::stop_token stop);

  Supervisor& supervisor() { return *supervisor_; }
  const WorkerSizes& workers() const { return workers_; }

  // As it stood when the suite became ready.
  const Announcement& announcement() const { return announcement_; }

 private:
  LocalSuite(StateLock lock, WorkerSizes workers) : lock_(std::move(lock)), workers_(workers) {}

  StateLock lock_;  // outlives the children
  WorkerSizes workers_;
  Announcement announcement_;
  std::unique_ptr<Supervisor> supervisor_;
};

// The suite that runs over a state folder now; nothing where none does. Waits for one that is just being
// started. INVALID_ARGUMENT for a broken announcement; CANCELLED once `stop` fires.
absl::StatusOr<std::optional<Announcement>> FindRunningSuite(const StateLayout& layout, std::stop_token stop);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_LOCAL_SUITE_H_
