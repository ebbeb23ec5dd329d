#include "services/trainer_worker/core/training/thread_team.h"

namespace sda::trainer {

ThreadTeam::ThreadTeam(int threads) {
  for (int part = 1; part < threads; ++part) workers_.emplace_back([this, part] { Work(part); });
}

ThreadTeam::~ThreadTeam() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  begin_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::Run(const std::function<void(int)>& work) {
  {
    std::lock_guard lock(mutex_);
    work_ = &work;
    left_ = static_cast<int>(workers_.size());
    error_ = nullptr;
    ++round_;
  }
  begin_.notify_all();
  RunPart(0);
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return left_ == 0; });
  if (error_) std::rethrow_exception(error_);
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
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    begin_.wait(lock, [&] { return closing_ || round_ != seen; });
    if (closing_) return;
    seen = round_;
    lock.unlock();
    RunPart(part);
    lock.lock();
    if (--left_ == 0) done_.notify_one();
  }
}

}  // namespace sda::trainer
