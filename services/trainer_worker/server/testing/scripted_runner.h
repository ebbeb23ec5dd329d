#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_SCRIPTED_RUNNER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_SCRIPTED_RUNNER_H_

#include <atomic>
#include <functional>
#include <utility>

#include "services/trainer_worker/server/attempt_runner.h"

namespace sda::trainer::testing {

// Trains nothing: does what a test says.
class ScriptedRunner final : public AttemptRunner {
 public:
  using Script =
      std::function<absl::StatusOr<AttemptOutcome>(const AttemptOrder&, AttemptListener&, std::stop_token)>;

  explicit ScriptedRunner(Script script) : script_(std::move(script)) {}

  absl::StatusOr<AttemptNeeds> Needs(const AttemptOrder&) override {
    return AttemptNeeds{.memory_bytes = memory_bytes, .disk_bytes = disk_bytes};
  }
  absl::StatusOr<AttemptOutcome> Run(const AttemptOrder& order, AttemptListener& listener,
                                     std::stop_token stop) override {
    return script_(order, listener, std::move(stop));
  }
  void DiscardCheckpoints(const AttemptOrder&) override { ++discards; }

  // What every attempt needs.
  std::atomic<int64_t> memory_bytes = 1000;
  std::atomic<int64_t> disk_bytes = 1000;
  std::atomic<int> discards = 0;  // trials whose checkpoints were no longer needed

 private:
  const Script script_;
};

}  // namespace sda::trainer::testing

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_SCRIPTED_RUNNER_H_
