#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_THREAD_TEAM_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_THREAD_TEAM_H_

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "services/trainer_worker/core/training/core_claim.h"

namespace sda::trainer {

// A fixed number of threads that do the parts of one piece of work together, the caller being part 0. Who
// waits looks again and again for a few microseconds, as long as the gaps within a training step, then offers
// its core to others between looks, and then sleeps: several teams, and other programs, share a machine.
// Where pinning is on (core_claim.h) each thread stays on a core of its own, the caller for the life of the
// team; that must end on the thread it began on. Not thread-safe: one caller at a time.
class ThreadTeam {
 public:
  explicit ThreadTeam(int threads);
  // A team of which the caller does all parts, one after the other. What it makes has the bytes of a team of
  // so many threads; how long that would take is what the caller took less `excess_seconds`. For
  // measurements.
  struct InTurns {};
  ThreadTeam(int threads, InTurns);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  // Each thread has a core of its own.
  bool pinned() const { return !claim_.cores().empty(); }
  int size() const { return size_; }
  bool in_turns() const { return in_turns_; }
  // Of a team in turns: seconds of this thread so far beyond those of the longest part of each piece of work,
  // units being taken by who is free first. Without what threads wait for one another, or for memory that
  // they share.
  double excess_seconds() const { return excess_seconds_; }

  // Calls work(part) for every part in [0, size()), each on its own thread, and waits for all. An exception
  // of a part is thrown again here.
  void Run(const std::function<void(int part)>& work);

  // Calls work(part, unit) once for every unit in [0, units), each thread taking the next one when it is done
  // with its last. Which thread does which unit differs from run to run.
  void RunUnits(int64_t units, const std::function<void(int part, int64_t unit)>& work);

  // The part of [0, total) that belongs to `part`: contiguous, sizes differ by at most 1.
  std::pair<int64_t, int64_t> Range(int64_t total, int part) const {
    return {total * part / size(), total * (part + 1) / size()};
  }

 private:
  void Work(int part);
  void RunPart(int part);
  void FinishTurns(const std::vector<double>& busy);

  const int size_;
  const bool in_turns_ = false;
  double excess_seconds_ = 0;
  const std::function<void(int)>* work_ = nullptr;  // published by round_
  std::atomic<uint32_t> round_{0};
  std::atomic<int> left_{0};  // parts that have not finished
  std::atomic<bool> closing_{false};
  std::mutex mutex_;
  std::exception_ptr error_;  // guarded by mutex_
  const CoreClaim claim_;
  std::vector<std::thread> workers_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_THREAD_TEAM_H_
