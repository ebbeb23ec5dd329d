#include "common/base/worker_pool.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace sda {
namespace {

// Tasks that wait for a gate, so that tests decide how long threads are busy.
class Gate {
 public:
  std::function<void()> Task() {
    return [this, opened = opened_] {
      ++entered_;
      opened.wait();
    };
  }
  void Open() { open_.set_value(); }
  int entered() const { return entered_; }

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_ = open_.get_future().share();
  std::atomic<int> entered_ = 0;
};

TEST(WorkerPoolTest, StopRunsEverythingTaken) {
  std::atomic<int> done = 0;
  WorkerPool pool("test", {.threads = 3, .max_queued = 1000});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(pool.Submit([&] { ++done; }));
  pool.Stop();
  EXPECT_EQ(done, 1000);
}

TEST(WorkerPoolTest, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  WorkerPool pool("test", {.threads = 1, .max_queued = 100});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.Submit([&order, i] { order.push_back(i); }));
  pool.Stop();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST(WorkerPoolTest, RefusesWhatFitsNeitherThreadsNorQueue) {
  Gate gate;
  WorkerPool pool("test", {.threads = 2, .max_queued = 3});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.Submit(gate.Task())) << i;
  EXPECT_FALSE(pool.Submit(gate.Task()));
  gate.Open();
  pool.Stop();
  EXPECT_EQ(gate.entered(), 5);
}

TEST(WorkerPoolTest, WithoutQueueOnlyFreeThreadsTakeTasks) {
  Gate gate;
  WorkerPool pool("test", {.threads = 2, .max_queued = 0});
  EXPECT_TRUE(pool.Submit(gate.Task()));
  EXPECT_TRUE(pool.Submit(gate.Task()));
  EXPECT_FALSE(pool.Submit(gate.Task()));
  gate.Open();
  // A thread is free again only when its task is gone; Submit says so itself.
  while (!pool.Submit([] {})) std::this_thread::yield();
}

TEST(WorkerPoolTest, ThreadsServeAgain) {
  WorkerPool pool("test", {.threads = 1, .max_queued = 0});
  for (int i = 0; i < 100; ++i) {
    std::promise<void> done;
    while (!pool.Submit([&] { done.set_value(); })) std::this_thread::yield();
    done.get_future().wait();
  }
}

TEST(WorkerPoolTest, RefusesAfterStop) {
  WorkerPool pool("test", {.threads = 1, .max_queued = 1});
  pool.Stop();
  EXPECT_FALSE(pool.Submit([] {}));
  pool.Stop();
}

TEST(WorkerPoolTest, TaskIsDestroyedBeforeStopReturns) {
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> watch = held;
  WorkerPool pool("test", {.threads = 1, .max_queued = 1});
  ASSERT_TRUE(pool.Submit([held = std::move(held)] {}));
  pool.Stop();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace sda
