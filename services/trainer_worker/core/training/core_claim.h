#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_CORE_CLAIM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_CORE_CLAIM_H_

#include <vector>

namespace sda::trainer {

// Whether teams of threads pin themselves, each thread to a core of its own; at first they do not. For the
// start of a program that has its cores to itself. Thread-safe.
void SetThreadPinning(bool on);

// Cores that one team of this process has to itself. Only cores that the process may use (its affinity mask,
// which containers and taskset set) are given out, and each to one claim at a time: two slots never share a
// core. Where too few are free, a claim is empty, and its team runs wherever the system puts it. Moves;
// what it holds is free again when it ends. Thread-safe.
class CoreClaim {
 public:
  CoreClaim() = default;
  ~CoreClaim();
  CoreClaim(CoreClaim&& other) noexcept;
  CoreClaim& operator=(CoreClaim&& other) noexcept;

  // `cores` of them, or none. None as long as pinning is off.
  static CoreClaim Take(int cores);

  // As the system numbers them; empty without a claim.
  const std::vector<int>& cores() const { return cores_; }

 private:
  std::vector<int> cores_;
};

// Lets the calling thread run on that core only. False where the system refuses.
bool PinThisThread(int core);

// Lets the calling thread run wherever the process could when it began. A thread inherits the core of the one
// that starts it: helpers of a pinned thread call this.
void UnpinThisThread();

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_CORE_CLAIM_H_
