#ifndef SDA_COMMON_BASE_WORKER_POOL_H_
#define SDA_COMMON_BASE_WORKER_POOL_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sda {

// A bounded number of threads that run tasks in the order given, with a bounded queue before them. Threads
// start when they are first needed, so a wide pool costs nothing while it is idle. Thread-safe. Tasks must
// not throw.
class WorkerPool {
 public:
  struct Limits {
    int threads = 1;     // >= 1
    int max_queued = 0;  // tasks that may wait while all threads are busy; 0: none may wait
  };

  // `name` appears as the threads' name (15 bytes of it).
  WorkerPool(std::string name, Limits limits);

  // Stops the pool as Stop() does.
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Takes the task, or returns false without running it: every thread is busy and the queue full, or the pool
  // stops.
  [[nodiscard]] bool Submit(std::function<void()> task);

  // Refuses new tasks, runs all that were taken, joins the threads. Idempotent; not to be called from a task.
  void Stop();

  // Tasks that wait for a thread, and tasks that run, at this moment.
  int queued() const;
  int running() const;

  const Limits& limits() const { return limits_; }

 private:
  void Work();

  const std::string name_;
  const Limits limits_;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  std::vector<std::thread> threads_;         // guarded by mutex_ until stopping_
  int idle_ = 0;                             // guarded by mutex_: threads without a task
  bool stopping_ = false;                    // guarded by mutex_

  std::mutex stop_mutex_;  // serialises Stop()
};

}  // namespace sda

#endif  // SDA_COMMON_BASE_WORKER_POOL_H_
