#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_CORE_RUNNER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_CORE_RUNNER_H_

#include <functional>
#include <string>
#include <utility>

#include "services/trainer_worker/server/artefact_folders.h"
#include "services/trainer_worker/server/attempt_runner.h"

namespace sda::trainer {

// Runs attempts with the worker's own training core over a local artefact root.
class CoreRunner final : public AttemptRunner {
 public:
  // `on_trial_ended` hears the names of experiments of which a trial has ended; called from slots' threads.
  CoreRunner(ArtefactFolders folders, int threads,
             std::function<void(const std::string& experiment)> on_trial_ended = {})
      : folders_(std::move(folders)), threads_(threads), on_trial_ended_(std::move(on_trial_ended)) {}

  absl::StatusOr<AttemptNeeds> Needs(const AttemptOrder& order) override;
  absl::StatusOr<AttemptOutcome> Run(const AttemptOrder& order, AttemptListener& listener,
                                     std::stop_token stop) override;
  void DiscardCheckpoints(const AttemptOrder& order) override;

 private:
  const ArtefactFolders folders_;
  const int threads_;
  const std::function<void(const std::string&)> on_trial_ended_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_CORE_RUNNER_H_
