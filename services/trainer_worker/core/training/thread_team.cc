#include "services/trainer_worker/core/training/thread_team.h"

#include <algorithm>
#include <numeric>

#include "common/base/cpu_time.h"

namespace sda::trainer {
namespace {

// About 20 microseconds of looking, then as long again or more, by how many others want the core.
constexpr int kLooks = 1000;
constexpr int kPoliteLooks = 50;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once `value` is no longer `old`.
template <class T>
void WaitWhile(const std::atomic<T>& value, T old) {
  for (int look = 0; look < kLooks; ++look) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  for (int look = 0; look < kPoliteLooks; ++look) {
    if (value.load(std::memory_order_acquire) != old) return;
    std::this_thread::yield();
  }
  value.wait(old, std::memory_order_acquire);
}

template <class Work>
double SecondsOf(const Work& work) {
  const double begin = ThreadSeconds();
  work();
  return ThreadSeconds() - begin;
}

}  // namespace

ThreadTeam::ThreadTeam(int threads) : size_(threads), claim_(CoreClaim::Take(threads)) {
  if (pinned()) PinThisThread(claim_.cores()[0]);
  for (int part = 1; part < threads; ++part) workers_.emplace_back([this, part] { Work(part); });
}

ThreadTeam::ThreadTeam(int threads, InTurns) : size_(threads), in_turns_(true) {}

ThreadTeam::~ThreadTeam() {
  closing_ = true;
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  if (pinned()) UnpinThisThread();
}

void ThreadTeam::Run(const std::function<void(int)>& work) {
  work_ = &work;
  error_ = nullptr;
  if (in_turns_) {
    std::vector<double> busy(size_);
    for (int part = 0; part < size_; ++part) busy[part] = SecondsOf([&] { RunPart(part); });
    FinishTurns(busy);
    if (error_) std::rethrow_exception(error_);
    return;
  }
  left_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  RunPart(0);
  for (int left = left_.load(std::memory_order_acquire); left != 0;
       left = left_.load(std::memory_order_acquire)) {
    WaitWhile(left_, left);
  }
  if (error_) std::rethrow_exception(error_);
}

void ThreadTeam::RunUnits(int64_t units, const std::function<void(int, int64_t)>& work) {
  if (in_turns_) {
    std::vector<double> busy(size_);
    for (int64_t unit = 0; unit < units; ++unit) {
      const auto free = std::min_element(busy.begin(), busy.end());
      *free += SecondsOf([&] { work(static_cast<int>(free - busy.begin()), unit); });
    }
    FinishTurns(busy);
    return;
  }
  std::atomic<int64_t> next{0};
  Run([&](int part) {
    for (int64_t unit = next.fetch_add(1, std::memory_order_relaxed); unit < units;
         unit = next.fetch_add(1, std::memory_order_relaxed)) {
      work(part, unit);
    }
  });
}

void ThreadTeam::FinishTurns(const std::vector<double>& busy) {
  excess_seconds_ +=
      std::accumulate(busy.begin(), busy.end(), 0.0) - *std::max_element(busy.begin(), busy.end());
}

void ThreadTeam::RunPart(int part) {
  try {
    (*work_)(part);
  } catch (...) {
    std::lock_guard lock(mutex_);
    error_ = std::current_exception();
  }
}

void ThreadTeam::Work(int part) {
  if (pinned()) PinThisThread(claim_.cores()[part]);
  uint32_t seen = 0;
  while (true) {
    WaitWhile(round_, seen);
    ++seen;  // the caller begins no round before this one has ended
    if (closing_) return;
    RunPart(part);
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
  }
}

}  // namespace sda::trainer
