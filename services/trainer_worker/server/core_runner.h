#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_CORE_RUNNER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_CORE_RUNNER_H_

#include "services/trainer_worker/server/artefact_folders.h"
#include "services/trainer_worker/server/attempt_runner.h"

namespace sda::trainer {

// Runs attempts with the worker's own training core over a local artefact root.
class CoreRunner final : public AttemptRunner {
 public:
  CoreRunner(ArtefactFolders folders, int threads) : folders_(std::move(folders)), threads_(threads) {}

  absl::StatusOr<int64_t> RequiredMemoryBytes(const AttemptOrder& order) override;
  absl::StatusOr<AttemptOutcome> Run(const AttemptOrder& order, AttemptListener& listener,
                                     std::stop_token stop) override;
  void DiscardCheckpoints(const AttemptOrder& order) override;

 private:
  const ArtefactFolders folders_;
  const int threads_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_CORE_RUNNER_H_
