#include "services/advisor/server/config.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"

namespace sda::advisor {

void Config::Declare(rpc::Flags& flags) {
  server.Declare(flags);
  client.Declare(flags, "client-");
  flags.Text("optimizer", &optimizer, "address of the optimizer, HOST:PORT");
  flags.Text("preprocessing", &preprocessing, "address of preprocessing, HOST:PORT");
  flags.Texts("trainer", &trainers, "addresses of trainer-workers, HOST:PORT, tried in turn");
  flags.Text("artefacts", &artefacts, "folder of datasets, checkpoints and models, the same as the workers'");
  flags.Text("database", &database, "file of the database, or its URL", rpc::Flags::Secrecy::kUrl);
  flags.Duration("retry-budget", &retry_budget, "how long a run waits for a service that is away",
                 absl::ZeroDuration(), absl::Hours(24 * 7));
  flags.Integer("run-threads", &run_threads, "runs worked on at the same time; others wait", 1, 256);
}

absl::Status Validate(const Config& config) {
  const auto required = [](const char* flag, bool given, const char* what) -> absl::Status {
    return given ? absl::OkStatus() : InvalidField(flag, absl::StrCat("is empty; must be ", what));
  };
  for (const absl::Status& status :
       {required("--optimizer", !config.optimizer.empty(), "the address of the optimizer"),
        required("--preprocessing", !config.preprocessing.empty(), "the address of preprocessing"),
        required("--trainer", !config.trainers.empty(), "the address of at least one trainer-worker"),
        required("--artefacts", !config.artefacts.empty(), "a folder"),
        required("--database", !config.database.empty(), "a file or a URL")}) {
    if (!status.ok()) return status;
  }
  if (absl::StrContains(config.artefacts, "://") && !absl::StartsWith(config.artefacts, "file://")) {
    return InvalidField(
        "--artefacts",
        absl::StrCat("is ", config.artefacts,
                     "; workers memory-map their data, so it must be a local or mounted folder"));
  }
  return absl::OkStatus();
}

}  // namespace sda::advisor
