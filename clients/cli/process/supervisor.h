#ifndef SDA_CLIENTS_CLI_PROCESS_SUPERVISOR_H_
#define SDA_CLIENTS_CLI_PROCESS_SUPERVISOR_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "clients/cli/core/announcement.h"
#include "clients/cli/core/restart_policy.h"
#include "clients/cli/core/suite_plan.h"

namespace sda::cli {

// Runs the processes of a suite: starts them, starts those that die again with back-off, on their old
// addresses, keeps the announcement file up to date, and stops them in order. Thread-safe. One thread of its
// own forks all children and lives as long as they do, because they are tied to its life.
class Supervisor {
 public:
  struct Options {
    explicit Options(StateLayout layout) : layout(std::move(layout)) {}

    StateLayout layout;
    std::vector<ChildPlan> children;
    std::string binary_folder;
    std::string owner;                                 // "sda local" or "sda run"
    int lock_fd = -1;                                  // inherited by all children; -1: none
    absl::Duration stop_patience = absl::Seconds(25);  // for one rank of children, before they are killed
    std::function<void(const std::string&)> say;       // a line about what happened; called from the thread
  };

  // Starts the thread, and with it the children.
  explicit Supervisor(Options options);

  // Stops as Stop does.
  ~Supervisor();

  // Blocks until every child has been able to serve; announces the suite then. UNAVAILABLE, naming the child,
  // its last words and its log, when one cannot be started; DEADLINE_EXCEEDED; CANCELLED once `stop` fires.
  absl::Status AwaitReady(absl::Duration timeout, std::stop_token stop);

  // Blocks until `stop` fires (OK) or the suite failed as AwaitReady says.
  absl::Status AwaitEnd(std::stop_token stop);

  // Ends all children: politely rank by rank, by force where they take too long, or at once after Kill().
  // Removes the announcement. Idempotent.
  void Stop();

  // Makes a Stop that is going on impatient.
  void Kill();

 private:
  struct Child {
    ChildPlan plan;
    RestartPolicy policy;
    pid_t pid = 0;       // 0: not running
    bool ready = false;  // since its last start
    absl::Duration due;  // when to start it, while it does not run
  };

  void Work();
  void StartDue(Child& child, absl::Duration now);
  void CheckEnd(Child& child, absl::Duration now);
  void CheckReady(Child& child);
  void Announce();
  void GiveUp(const Child& child, const std::string& how);
  void StopChildren();
  bool AwaitEndOf(int rank, absl::Duration patience);
  void Signal(int rank, int signal);
  bool AllReady() const;

  const Options options_;
  std::vector<Child> children_;  // touched by the thread only
  bool announced_ = false;       // touched by the thread only

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool ready_ = false;     // guarded by mutex_
  absl::Status failure_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  bool killing_ = false;   // guarded by mutex_

  std::mutex join_mutex_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_SUPERVISOR_H_
