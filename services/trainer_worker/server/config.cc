#include "services/trainer_worker/server/config.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include "common/base/error.h"

namespace sda::trainer {

void Config::Declare(rpc::Flags& flags) {
  server.Declare(flags);
  client.Declare(flags, "client-");
  flags.Text("optimizer", &optimizer, "address of the optimizer that hands out trials, HOST:PORT");
  flags.Text("artefacts", &artefacts, "folder of datasets, checkpoints and models");
  flags.Text("worker-id", &worker_id, "name among the workers of an optimizer; default: host and process id");
  flags.Integer("slots", &slots, "trials at the same time", 1, 1024);
  flags.Integer("threads-per-slot", &threads_per_slot, "threads of each trial", 1, 1024);
}

absl::Status Validate(const Config& config, int cores) {
  if (config.optimizer.empty())
    return InvalidField("--optimizer", "is empty; must be the address of an optimizer");
  if (config.artefacts.empty()) return InvalidField("--artefacts", "is empty; must be a folder");
  if (absl::StrContains(config.artefacts, "://") && !absl::StartsWith(config.artefacts, "file://")) {
    return InvalidField(
        "--artefacts",
        absl::StrCat("is ", config.artefacts,
                     "; workers memory-map their data, so it must be a local or mounted folder"));
  }
  if (config.slots * config.threads_per_slot > cores) {
    return InvalidField(
        "--slots", absl::StrCat("is ", config.slots, " with --threads-per-slot ", config.threads_per_slot,
                                ": ", config.slots * config.threads_per_slot,
                                " threads; must be at most the ", cores, " cores of this machine"));
  }
  return absl::OkStatus();
}

std::string DefaultWorkerId() {
  char host[256] = "worker";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", getpid());
}

}  // namespace sda::trainer
