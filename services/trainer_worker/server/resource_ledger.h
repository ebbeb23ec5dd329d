#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_RESOURCE_LEDGER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_RESOURCE_LEDGER_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "services/trainer_worker/server/attempt_runner.h"
#include "services/trainer_worker/server/memory_probe.h"

namespace sda::trainer {

// Memory and disk that the slots of a worker share: each reserves what its attempt will need before it
// begins, so that two that fit alone do not begin together. Thread-safe.
class ResourceLedger {
 public:
  struct Options {
    // What the machine has now; without them there is only what the slots reserve.
    std::function<MemoryReading()> memory = {};
    std::function<int64_t()> free_disk_bytes = {};
    // Memory of a worker that does nothing else, 0: not known, nothing is refused for it.
    int64_t memory_capacity_bytes = 0;
    // How long an attempt waits for what other programs have taken.
    absl::Duration patience = absl::Minutes(1);
  };

  // What one attempt holds, given back when this goes.
  class Reservation {
   public:
    Reservation(ResourceLedger& ledger, const AttemptNeeds& needs) : ledger_(&ledger), needs_(needs) {}
    Reservation(Reservation&& other) noexcept : ledger_(other.ledger_), needs_(other.needs_) {
      other.ledger_ = nullptr;
    }
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation() {
      if (ledger_ != nullptr) ledger_->GiveBack(needs_);
    }

   private:
    ResourceLedger* ledger_;
    const AttemptNeeds needs_;
  };

  explicit ResourceLedger(Options options);

  int64_t memory_capacity_bytes() const { return options_.memory_capacity_bytes; }

  // OUT_OF_RANGE "OUT_OF_MEMORY", with numbers, for what no worker of this size could ever hold.
  absl::Status CheckCapacity(const AttemptNeeds& needs) const;

  // Waits as long as other slots hold what is missing, and as long as the patience for what others hold. Then
  // RESOURCE_EXHAUSTED "INSUFFICIENT_MEMORY" or "INSUFFICIENT_DISK", with numbers. CANCELLED when `stop`
  // fires.
  absl::StatusOr<Reservation> Reserve(const AttemptNeeds& needs, std::stop_token stop);

 private:
  void GiveBack(const AttemptNeeds& needs);
  // With mutex_ held: why the needs do not fit now, beside what is reserved or with all of that given back.
  absl::Status Fits(const AttemptNeeds& needs, bool alone) const;

  const Options options_;
  const int64_t idle_process_bytes_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  AttemptNeeds reserved_;  // guarded by mutex_; the sum
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_RESOURCE_LEDGER_H_
