#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "services/optimizer/server/engine_fixture.h"

namespace sda::optimizer {
namespace {

using EngineConcurrencyTest = EngineTest;

// Many workers, one experiment: no trial is held by two at once, and exactly the budget is counted.
TEST_F(EngineConcurrencyTest, ManyWorkersShareOneBudget) {
  constexpr int kWorkers = 8;
  constexpr int kBudget = 48;
  Create("a", kBudget, 6);
  std::mutex mutex;
  std::map<std::string, int> completed;  // by trial; guarded by mutex
  std::vector<std::thread> workers;
  for (int w = 0; w < kWorkers; ++w) {
    workers.emplace_back([&, w] {
      for (int i = 0;; ++i) {
        auto request = AcquireRequest("w" + std::to_string(w) + "-" + std::to_string(i));
        request.mutable_wait()->set_seconds(1);
        const auto acquired = engine->AcquireTrial(request, {});
        ASSERT_TRUE(acquired.ok()) << acquired.status();
        if (acquired->outcome() == v1::AcquireTrialResponse::OUTCOME_DONE) return;
        if (acquired->outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL) continue;
        ASSERT_TRUE(Report(acquired->lease(), 1, 0.5).ok());
        ASSERT_TRUE(Complete(acquired->lease(), 0.5, "c" + acquired->lease().token()).ok());
        std::lock_guard lock(mutex);
        ++completed[acquired->trial().name()];
      }
    });
  }
  std::thread watcher([&] {
    v1::WatchExperimentRequest request;
    request.set_name("experiments/a");
    EXPECT_TRUE(engine->WatchExperiment(request, [](const auto&) { return true; }, {}).ok());
  });
  for (std::thread& worker : workers) worker.join();
  watcher.join();
  EXPECT_EQ(completed.size(), kBudget);
  for (const auto& [trial, times] : completed) EXPECT_EQ(times, 1) << trial;
  EXPECT_EQ(Get().trial_counts().succeeded_count(), kBudget);
}

}  // namespace
}  // namespace sda::optimizer
