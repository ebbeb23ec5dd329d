#include "common/base/worker_pool.h"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace sda {

WorkerPool::WorkerPool(std::string name, Limits limits) : name_(std::move(name)), limits_(limits) {}

WorkerPool::~WorkerPool() {
  Stop();
}

bool WorkerPool::Submit(std::function<void()> task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    const int waiting = static_cast<int>(queue_.size());
    // Idle threads each take one waiting task; only what is beyond them needs a new thread or a place in the
    // queue.
    if (waiting >= idle_) {
      if (static_cast<int>(threads_.size()) < limits_.threads) {
        threads_.emplace_back([this] { Work(); });
        ++idle_;
      } else if (waiting - idle_ >= limits_.max_queued) {
        return false;
      }
    }
    queue_.push_back(std::move(task));
  }
  work_.notify_one();
  return true;
}

void WorkerPool::Work() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    std::function<void()> task = std::move(queue_.front());
    queue_.pop_front();
    --idle_;
    lock.unlock();
    task();
    task = nullptr;  // what the task holds goes before the thread counts as idle
    lock.lock();
    ++idle_;
  }
}

void WorkerPool::Stop() {
  std::lock_guard stop_lock(stop_mutex_);
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

int WorkerPool::queued() const {
  std::lock_guard lock(mutex_);
  return std::max(0, static_cast<int>(queue_.size()) - idle_);
}

int WorkerPool::running() const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(threads_.size()) - idle_;
}

}  // namespace sda
