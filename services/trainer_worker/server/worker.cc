#include "services/trainer_worker/server/worker.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <pthread.h>

#include "common/base/clock.h"
#include "services/trainer_worker/core/kernels/isa.h"

namespace sda::trainer {

Worker::Worker(Options options, OptimizerClient& optimizer, AttemptRunner& runner, MetricsRegistry& metrics)
    : options_(std::move(options)),
      resources_({.memory = options_.memory,
                  .free_disk_bytes = options_.free_disk_bytes,
                  .memory_capacity_bytes = options_.machine.memory_bytes(),
                  .patience = options_.resource_patience}) {
  Slot::Options slot;
  slot.worker_id = options_.worker_id;
  for (int i = 0; i < options_.slots; ++i)
    slots_.push_back(std::make_unique<Slot>(slot, resources_, optimizer, runner, metrics));
}

Worker::~Worker() {
  Stop();
}

void Worker::Start() {
  for (size_t i = 0; i < slots_.size(); ++i) {
    threads_.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), absl::StrCat("slot-", i).c_str());
      slots_[i]->Run(stop_.get_token(), give_up_.get_token());
    });
  }
}

void Worker::Stop() {
  if (threads_.empty()) return;
  stop_.request_stop();
  // Whoever cannot reach the optimizer in time leaves its trial to the lease.
  std::stop_source all_joined;
  std::thread timer([this, &all_joined] {
    if (RealClock::Get().Sleep(options_.give_back_time, all_joined.get_token())) give_up_.request_stop();
  });
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  all_joined.request_stop();
  timer.join();
}

trainer::v1::Worker Worker::Describe() const {
  trainer::v1::Worker worker;
  worker.set_worker_id(options_.worker_id);
  *worker.mutable_machine() = options_.machine;
  worker.set_slot_count(options_.slots);
  worker.set_threads_per_slot(options_.threads_per_slot);
  worker.set_isa(std::string(Name(UsableIsa())));
  const absl::Duration since_epoch = start_time_ - absl::UnixEpoch();
  worker.mutable_start_time()->set_seconds(absl::ToInt64Seconds(since_epoch));
  for (const auto& slot : slots_) {
    const SlotStatus status = slot->status();
    auto& described = *worker.add_slots();
    described.set_trial(status.trial);
    described.set_attempt(status.attempt);
    described.set_precision(status.precision);
    if (status.trial.empty()) continue;
    described.mutable_progress()->set_stage("train");
    described.mutable_progress()->set_unit("samples");
    described.mutable_progress()->set_done_count(status.samples);
    described.mutable_progress()->set_total_count(status.total_samples);
  }
  return worker;
}

}  // namespace sda::trainer
