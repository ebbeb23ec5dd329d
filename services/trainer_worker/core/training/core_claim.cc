#include "services/trainer_worker/core/training/core_claim.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#endif

namespace sda::trainer {
namespace {

std::atomic<bool>& SomeThreadWasPinned() {
  static std::atomic<bool> pinned{false};
  return pinned;
}

std::atomic<bool>& Pinning() {
  static std::atomic<bool> on{false};
  return on;
}

#if defined(__linux__)
cpu_set_t MaskOfThisThread() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  sched_getaffinity(0, sizeof(mask), &mask);
  return mask;
}

// What the process may use: the mask of the first thread that asks, before any has been pinned.
const cpu_set_t& ProcessMask() {
  static const cpu_set_t mask = MaskOfThisThread();
  return mask;
}
#endif

// The cores that claims hold.
struct Held {
  std::mutex mutex;
  std::set<int> cores;
};

Held& HeldCores() {
  static Held held;
  return held;
}

}  // namespace

void SetThreadPinning(bool on) {
#if defined(__linux__)
  ProcessMask();
#endif
  Pinning() = on;
}

CoreClaim CoreClaim::Take(int cores) {
  CoreClaim claim;
#if defined(__linux__)
  if (!Pinning() || cores < 1) return claim;
  Held& held = HeldCores();
  std::lock_guard lock(held.mutex);
  for (int core = 0; core < CPU_SETSIZE && static_cast<int>(claim.cores_.size()) < cores; ++core) {
    if (CPU_ISSET(core, &ProcessMask()) && !held.cores.contains(core)) claim.cores_.push_back(core);
  }
  if (static_cast<int>(claim.cores_.size()) < cores) claim.cores_.clear();
  held.cores.insert(claim.cores_.begin(), claim.cores_.end());
#endif
  return claim;
}

CoreClaim::~CoreClaim() {
  if (cores_.empty()) return;
  Held& held = HeldCores();
  std::lock_guard lock(held.mutex);
  for (int core : cores_) held.cores.erase(core);
}

CoreClaim::CoreClaim(CoreClaim&& other) noexcept : cores_(std::exchange(other.cores_, {})) {}

CoreClaim& CoreClaim::operator=(CoreClaim&& other) noexcept {
  std::swap(cores_, other.cores_);
  return *this;
}

bool PinThisThread(int core) {
#if defined(__linux__)
  SomeThreadWasPinned() = true;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(core, &mask);
  return sched_setaffinity(0, sizeof(mask), &mask) == 0;
#else
  return false;
#endif
}

void UnpinThisThread() {
#if defined(__linux__)
  if (SomeThreadWasPinned()) sched_setaffinity(0, sizeof(cpu_set_t), &ProcessMask());
#endif
}

}  // namespace sda::trainer
