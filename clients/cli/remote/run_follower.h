#ifndef SDA_CLIENTS_CLI_REMOTE_RUN_FOLLOWER_H_
#define SDA_CLIENTS_CLI_REMOTE_RUN_FOLLOWER_H_

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "clients/cli/core/progress.h"
#include "clients/cli/remote/clients.h"
#include "sda/advisor/v1/advisor.pb.h"
#include "sda/optimizer/v1/experiment.pb.h"

namespace sda::cli {

// Follows a run to its end, through restarts of the advisor. Use from one thread.
class RunFollower {
 public:
  struct Listener {
    std::function<void(const ProgressView&)> on_progress;
    std::function<void(const std::string&)> on_line;  // a trial that ended
  };

  // How long the advisor may be away.
  static constexpr absl::Duration kPatience = absl::Minutes(10);

  RunFollower(AdvisorClient& advisor, Listener listener)
      : advisor_(advisor), listener_(std::move(listener)) {}

  // The run in its final state. CANCELLED when interrupted, UNAVAILABLE when the advisor stays away for
  // kPatience.
  absl::StatusOr<advisor::v1::Run> Follow(const std::string& name, absl::Duration patience = kPatience);

 private:
  void Show(const advisor::v1::Run& run);
  void ShowNewTrials(const advisor::v1::Run& run);

  AdvisorClient& advisor_;
  const Listener listener_;
  std::set<std::string> shown_;  // trials that were reported as ended
  int64_t shown_done_ = -1;      // progress of TUNE at which trials were last looked at
  std::string best_;
};

// All trials of a run, by number. `patience` is another one than the client's.
absl::StatusOr<std::vector<optimizer::v1::Trial>> ListTrialsOfRun(
    AdvisorClient& advisor, const std::string& run, std::optional<absl::Duration> patience = std::nullopt);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_RUN_FOLLOWER_H_
