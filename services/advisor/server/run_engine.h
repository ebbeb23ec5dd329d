#ifndef SDA_SERVICES_ADVISOR_SERVER_RUN_ENGINE_H_
#define SDA_SERVICES_ADVISOR_SERVER_RUN_ENGINE_H_

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include <absl/status/status.h>

#include "common/base/worker_pool.h"
#include "services/advisor/server/step_context.h"

namespace sda::advisor {

// Carries runs through their steps, several at a time, each on one thread of its own bounded pool; the others
// wait their turn. What a run has come to stands in the store alone: an engine that is destroyed at any
// moment and made anew over the same store goes on where the last one had recorded something. Thread-safe.
class RunEngine {
 public:
  // `services` and what it refers to must outlive this.
  RunEngine(RunServices services, int threads);

  // Stops as Stop() does.
  ~RunEngine();
  RunEngine(const RunEngine&) = delete;
  RunEngine& operator=(const RunEngine&) = delete;

  // Takes up every run that has not ended. Call once.
  absl::Status Start();

  // Looks at a run that was created, resumed or cancelled: works on it, lets go of it or cleans up after it,
  // as its record says. No effect once stopping.
  void Look(const std::string& id);

  // Lets go of a run: what it waits for is cut off. For runs whose record says CANCELLED, before Look.
  void Interrupt(const std::string& id);

  // Cuts off all work and waits for the threads. Nothing is recorded after this has begun. Idempotent.
  void Stop();

 private:
  struct Active {
    std::stop_source interrupt;
    bool look_again = false;  // the record has changed since the work on it began
  };

  void Work(const std::string& id, const std::shared_ptr<Active>& active);
  bool LetGo(const std::string& id, Active& active);

  // One step, or whatever the record asks for. False when there is nothing more to do now.
  bool Advance(StepContext& context);
  absl::Status CleanUpAfter(const RunEntry& entry);
  void RecordFailure(StepContext& context, const absl::Status& status);

  RunServices services_;
  std::stop_source shutdown_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Active>> active_;  // guarded by mutex_
  WorkerPool pool_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RUN_ENGINE_H_
