#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_WORKER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_WORKER_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <absl/time/time.h>

#include "sda/trainer/v1/trainer_service.pb.h"
#include "services/trainer_worker/server/slot.h"

namespace sda::trainer {

// The slots of a worker, each on a thread of its own. Thread-safe but for Start and Stop.
class Worker {
 public:
  struct Options {
    std::string worker_id;
    int slots = 1;
    int threads_per_slot = 1;
    // How long Stop lets slots give their trials back.
    absl::Duration give_back_time = absl::Seconds(10);
    common::v1::MachineProfile machine;
    // What the machine has at a moment; see ResourceLedger.
    std::function<MemoryReading()> memory = {};
    std::function<int64_t()> free_disk_bytes = {};
    absl::Duration resource_patience = absl::Minutes(1);
  };

  // All must outlive the worker.
  Worker(Options options, OptimizerClient& optimizer, AttemptRunner& runner, MetricsRegistry& metrics);

  // Stops.
  ~Worker();

  void Start();

  // Training stops at its next step, trials go back to the optimizer, threads are joined. Idempotent.
  void Stop();

  // What GetWorker answers.
  trainer::v1::Worker Describe() const;

 private:
  const Options options_;
  const absl::Time start_time_ = absl::Now();
  ResourceLedger resources_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::stop_source stop_;
  std::stop_source give_up_;
  std::vector<std::thread> threads_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_WORKER_H_
