#include "services/trainer_worker/server/config.h"

#include <cstdlib>
#include <string_view>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/training/core_claim.h"

namespace sda::trainer {
namespace {

// SDA_MAX_ISA keeps kernels from instruction sets that this machine has, for comparisons and doubts.
absl::Status LimitIsaByEnvironment() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* name = std::getenv("SDA_MAX_ISA");
  return LimitIsa(std::string_view(name == nullptr ? "" : name));
}

}  // namespace

void Config::Declare(rpc::Flags& flags) {
  server.Declare(flags);
  client.Declare(flags, "client-");
  flags.Text("optimizer", &optimizer, "address of the optimizer that hands out trials, HOST:PORT");
  flags.Text("artefacts", &artefacts, "folder of datasets, checkpoints and models");
  flags.Text("worker-id", &worker_id, "name among the workers of an optimizer; default: host and process id");
  flags.Integer("slots", &slots, "trials at the same time", 1, 1024);
  flags.Integer("threads-per-slot", &threads_per_slot, "threads of each trial", 1, 1024);
  flags.Switch("pin-threads", &pin_threads,
               "keep each of these threads on a core of its own; for machines without other programs");
}

absl::Status Validate(const Config& config, int cores) {
  SDA_RETURN_IF_ERROR(LimitIsaByEnvironment());
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
  SetThreadPinning(config.pin_threads);
  return absl::OkStatus();
}

std::string DefaultWorkerId() {
  char host[256] = "worker";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", getpid());
}

}  // namespace sda::trainer
