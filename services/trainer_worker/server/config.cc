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
#include "services/trainer_worker/server/artefact_folders.h"
#include "services/trainer_worker/server/machine_profile.h"
#include "services/trainer_worker/server/memory_probe.h"

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
  flags.Duration(
      "resource-wait", &resource_wait,
      "how long a trial waits for memory or disk that other programs hold before its attempt fails",
      absl::ZeroDuration(), absl::Hours(24));
  flags.Integer(
      "keep-models", &retention.keep_models,
      "models kept of an experiment: the best; those of other trials that ended are removed; 0: all", 0,
      1'000'000);
  flags.Integer("predict-threads", &prediction.threads, "threads that score predictions, beside the slots'",
                1, 1024);
  flags.Integer("predict-batch-rows", &prediction.batch_rows,
                "rows of callers that are scored together, at most", 1,
                static_cast<int>(Predictor::kMaxRowsAtOnce));
  flags.Duration("predict-delay", &prediction.delay,
                 "how long rows wait for others to be scored with while a thread is free",
                 absl::ZeroDuration(), absl::Seconds(1));
  flags.Integer("predict-queue-rows", &prediction.queue_rows,
                "rows that may wait to be scored; more are refused", int64_t{kMaxPredictRows},
                int64_t{100'000'000});
  flags.Bytes("model-cache", &prediction.cache_bytes, "memory for models that predict", 0, int64_t{1} << 46);
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

Worker::Options WorkerOptions(const Config& config) {
  return {
      .worker_id = config.worker_id.empty() ? DefaultWorkerId() : config.worker_id,
      .slots = config.slots,
      .threads_per_slot = config.threads_per_slot,
      .give_back_time = config.server.drain_time / 2,
      .machine = MeasureMachine(),
      .memory = [] { return ReadMemory(); },
      .free_disk_bytes = [root = ArtefactFolders(config.artefacts).root()] { return FreeDiskBytes(root); },
      .resource_patience = config.resource_wait};
}

std::string DefaultWorkerId() {
  char host[256] = "worker";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat(host, "-", getpid());
}

}  // namespace sda::trainer
