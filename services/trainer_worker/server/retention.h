#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_RETENTION_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_RETENTION_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/telemetry/metrics_registry.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/trainer_worker/server/artefact_folders.h"
#include "services/trainer_worker/server/optimizer_client.h"

namespace sda::trainer {

// The trials whose models stay, at most `keep` of `trials` unless more are needed: always the recommended
// one, which a run delivers, and the best of each metric; then the front, then other SUCCEEDED trials, both
// by the first optimised metric of `experiment`.
std::set<std::string> TrialsToKeep(const optimizer::v1::Experiment& experiment,
                                   const std::vector<optimizer::v1::Trial>& trials,
                                   const optimizer::v1::ListBestTrialsResponse& best, int keep);

// Frees the disk of what no one needs any more: of trials that have ended, checkpoints, what was left
// half-written, and models that are not among those to keep. Trials that are queued or run are not touched,
// nor are folders of trials that the optimizer does not know. Any number of workers may do it at the same
// time, and one that is killed amid it leaves nothing that the next does not find. Thread-safe.
class Retention {
 public:
  struct Options {
    int keep_models = 10;                         // of an experiment; 0: all
    absl::Duration interval = absl::Minutes(10);  // between looks at all experiments
  };

  // All must outlive this. A thread of its own looks at all experiments once the optimizer can be reached and
  // then at each interval, and at single ones when told to, until it is destroyed.
  Retention(const Options& options, ArtefactFolders folders, OptimizerClient& optimizer,
            MetricsRegistry& metrics);
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // A trial of "experiments/{e}" has ended: look at it soon.
  void TrialEnded(const std::string& experiment);

  // Looks at one experiment now. Errors of the optimizer; what cannot be removed stays for the next time.
  absl::Status Sweep(const std::string& experiment);

 private:
  void Run(std::stop_token stop);
  bool SweepAll(std::stop_token stop);
  absl::StatusOr<std::vector<optimizer::v1::Trial>> ListTrials(const std::string& experiment);
  void RemoveModel(const std::string& path, const std::string& trial);

  const Options options_;
  const ArtefactFolders folders_;
  OptimizerClient& optimizer_;
  MetricsRegistry& metrics_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> ended_;  // guarded by mutex_; experiments to look at
  std::jthread thread_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_RETENTION_H_
