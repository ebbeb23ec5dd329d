#include "services/trainer_worker/server/resource_ledger.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/telemetry/log.h"

namespace sda::trainer {
namespace {

// Left free on the disk: logs, databases and other workers write too.
constexpr int64_t kDiskMarginBytes = int64_t{64} << 20;
// How soon what others gave back is seen.
constexpr auto kLook = std::chrono::milliseconds(500);

std::string Megabytes(int64_t bytes) {
  return absl::StrCat((bytes + (1 << 20) - 1) >> 20, " MiB");
}

absl::Status Missing(const char* reason, const std::string& message) {
  return MakeError(absl::StatusCode::kResourceExhausted, message,
                   {.reason = reason, .metadata = {}, .violations = {}});
}

}  // namespace

ResourceLedger::ResourceLedger(Options options)
    : options_(std::move(options)), idle_process_bytes_(options_.memory ? options_.memory().process : 0) {}

absl::Status ResourceLedger::CheckCapacity(const AttemptNeeds& needs) const {
  const int64_t capacity = options_.memory_capacity_bytes;
  if (capacity == 0 || needs.memory_bytes <= capacity) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat("needs ", needs.memory_bytes, " bytes of memory (", Megabytes(needs.memory_bytes),
                   "); this worker has ", capacity, " (", Megabytes(capacity), ") in all"),
      {.reason = "OUT_OF_MEMORY", .metadata = {}, .violations = {}});
}

absl::Status ResourceLedger::Fits(const AttemptNeeds& needs, bool alone) const {
  const AttemptNeeds reserved = alone ? AttemptNeeds() : reserved_;
  const std::string beside =
      reserved.memory_bytes > 0 || reserved.disk_bytes > 0
          ? absl::StrCat(", beside the ", Megabytes(reserved.memory_bytes), " of memory and ",
                         Megabytes(reserved.disk_bytes), " of disk of other slots")
          : "";
  int64_t memory = options_.memory_capacity_bytes > 0 ? options_.memory_capacity_bytes - reserved.memory_bytes
                                                      : std::numeric_limits<int64_t>::max();
  if (options_.memory) {
    // What slots have reserved and already taken is not available any more: it must not count twice.
    const MemoryReading now = options_.memory();
    const int64_t taken = std::clamp<int64_t>(now.process - idle_process_bytes_, 0, reserved_.memory_bytes);
    memory = std::min(memory, now.available + taken - reserved.memory_bytes);
  }
  if (needs.memory_bytes > memory) {
    return Missing("INSUFFICIENT_MEMORY",
                   absl::StrCat("needs ", needs.memory_bytes, " bytes of memory (",
                                Megabytes(needs.memory_bytes), "); ", std::max<int64_t>(0, memory), " (",
                                Megabytes(std::max<int64_t>(0, memory)), ") are available", beside));
  }
  if (!options_.free_disk_bytes) return absl::OkStatus();
  const int64_t disk = options_.free_disk_bytes() - reserved.disk_bytes - kDiskMarginBytes;
  if (needs.disk_bytes > disk) {
    return Missing("INSUFFICIENT_DISK",
                   absl::StrCat("needs ", needs.disk_bytes, " bytes of disk (", Megabytes(needs.disk_bytes),
                                ") for model and checkpoints; ", std::max<int64_t>(0, disk), " (",
                                Megabytes(std::max<int64_t>(0, disk)), ") are free above a margin of ",
                                Megabytes(kDiskMarginBytes), beside));
  }
  return absl::OkStatus();
}

absl::StatusOr<ResourceLedger::Reservation> ResourceLedger::Reserve(const AttemptNeeds& needs,
                                                                    std::stop_token stop) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_held_by_slots = Clock::now();
  bool told = false;
  std::unique_lock lock(mutex_);
  while (true) {
    if (stop.stop_requested()) return absl::CancelledError("stopped before it began");
    absl::Status fits = Fits(needs, /*alone=*/false);
    if (fits.ok()) {
      reserved_.memory_bytes += needs.memory_bytes;
      reserved_.disk_bytes += needs.disk_bytes;
      return Reservation(*this, needs);
    }
    if (!told) log::Info("a trial waits for memory or disk", {{"error", fits.message()}});
    told = true;
    const bool held_by_slots =
        (reserved_.memory_bytes > 0 || reserved_.disk_bytes > 0) && Fits(needs, true).ok();
    const Clock::time_point now = Clock::now();
    if (held_by_slots) last_held_by_slots = now;
    if (!held_by_slots && now - last_held_by_slots >= absl::ToChronoNanoseconds(options_.patience))
      return fits;
    changed_.wait_for(lock, stop, kLook, [] { return false; });
  }
}

void ResourceLedger::GiveBack(const AttemptNeeds& needs) {
  {
    std::lock_guard lock(mutex_);
    reserved_.memory_bytes -= needs.memory_bytes;
    reserved_.disk_bytes -= needs.disk_bytes;
  }
  changed_.notify_all();
}

}  // namespace sda::trainer
