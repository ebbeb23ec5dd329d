#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_SLOT_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_SLOT_H_

#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "common/telemetry/metrics_registry.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/trainer_worker/server/attempt_runner.h"
#include "services/trainer_worker/server/optimizer_client.h"
#include "services/trainer_worker/server/resource_ledger.h"

namespace sda::trainer {

class LeaseSession;

// What a slot does at this moment.
struct SlotStatus {
  std::string trial;  // empty while idle
  int attempt = 0;
  int64_t samples = 0;
  int64_t total_samples = 0;
  std::string precision = {};  // "fp32" or "bf16", once training has begun
};

// One place for a trial: acquires, trains, reports, completes, and again. Run is called by one thread;
// status() by any.
class Slot {
 public:
  struct Options {
    std::string worker_id;
  };

  // All must outlive the slot.
  Slot(Options options, ResourceLedger& resources, OptimizerClient& optimizer, AttemptRunner& runner,
       MetricsRegistry& metrics);

  // Works until `stop` fires; then gives the trial back, trying until `give_up` fires, and returns.
  void Run(std::stop_token stop, std::stop_token give_up);

  SlotStatus status() const;

 private:
  // What was perhaps handed to a call that `stop` cut off goes back at once.
  void GiveBackUnheard(const optimizer::v1::AcquireTrialRequest& request, std::stop_token give_up);
  void Work(const optimizer::v1::AcquireTrialResponse& acquired, std::stop_token stop,
            std::stop_token give_up);
  absl::Status Attempt(const optimizer::v1::AcquireTrialResponse& acquired, LeaseSession& session,
                       std::stop_token training_stop, std::stop_token stop, std::stop_token give_up);
  // Says what is trained and how, for whoever compares trials.
  void BeginTraining(const AttemptOrder& order, const AttemptNeeds& needs);
  absl::StatusOr<std::set<std::string>> MetricsOf(const std::string& trial, std::stop_token stop);
  void SetStatus(SlotStatus status);

  const Options options_;
  ResourceLedger& resources_;
  OptimizerClient& optimizer_;
  AttemptRunner& runner_;
  MetricsRegistry& metrics_;

  mutable std::mutex mutex_;
  SlotStatus status_;  // guarded by mutex_
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_SLOT_H_
