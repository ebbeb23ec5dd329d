#include <atomic>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "services/trainer_worker/server/testing/worker_fixture.h"

namespace sda::trainer::testing {
namespace {

class WorkerConcurrencyTest : public WorkerTest {};

// Slots side by side, an optimizer that comes and goes and loses replies: each trial is trained to its end
// exactly once.
TEST_F(WorkerConcurrencyTest, EachTrialEndsOnceHoweverOftenTheOptimizerFails) {
  constexpr int kTrials = 60;
  std::atomic<int> runs = 0;
  ScriptedRunner& runner =
      MakeRunner([&](const AttemptOrder&, AttemptListener& listener, std::stop_token stop) {
        const int run = ++runs;
        for (int64_t step = 1; step <= 4; ++step) {
          if (run % 7 == 0) optimizer_.SetAway(step % 2 == 1);
          if (run % 5 == 0) optimizer_.LoseReplies(2);
          EXPECT_TRUE(listener.OnReading(
              {.step = step, .samples = step * 8, .metrics = {{"auc", 0.5 + 0.1 * step}}}));
          listener.OnProgress(step * 8, 32);
        }
        EXPECT_FALSE(stop.stop_requested());
        return Finished(0.9);
      });
  std::vector<std::string> trials;
  for (int i = 0; i < kTrials; ++i) trials.push_back(optimizer_.AddTrial(Work()));
  StartWorker(runner, /*slots=*/6);
  for (const std::string& trial : trials) {
    ASSERT_TRUE(optimizer_.AwaitEnd(trial)) << trial;
    worker_->Describe();
  }
  worker_->Stop();
  EXPECT_EQ(runs, kTrials);
  EXPECT_EQ(runner.discards, kTrials);
  for (const std::string& trial : trials) {
    const FakeTrial end = optimizer_.Get(trial);
    EXPECT_TRUE(end.completed.has_value()) << trial;
    EXPECT_EQ(end.attempt, 1) << trial;
    EXPECT_EQ(end.measurements.size(), 4u) << trial;
  }
}

TEST_F(WorkerConcurrencyTest, StopAmidWorkGivesEveryTrialBackOrEndsIt) {
  constexpr int kTrials = 40;
  std::atomic<int> runs = 0;
  ScriptedRunner& runner =
      MakeRunner([&](const AttemptOrder&, AttemptListener& listener, std::stop_token stop) {
        ++runs;
        for (int64_t step = 1; step <= 20; ++step) {
          if (stop.stop_requested()) {
            AttemptOutcome cancelled;
            cancelled.end = AttemptOutcome::End::kCancelled;
            return cancelled;
          }
          listener.OnReading({.step = step, .metrics = {{"auc", 0.5}}});
        }
        return Finished(0.9);
      });
  std::vector<std::string> trials;
  for (int i = 0; i < kTrials; ++i) trials.push_back(optimizer_.AddTrial(Work()));
  StartWorker(runner, /*slots=*/4);
  ASSERT_TRUE(optimizer_.AwaitEnd(trials[5]));
  worker_->Stop();
  for (const std::string& trial : trials) {
    const FakeTrial end = optimizer_.Get(trial);
    EXPECT_TRUE(end.queued || end.ended() || end.releases == 1) << trial;
    EXPECT_EQ(end.token, "") << trial << " is still held";
  }
}

}  // namespace
}  // namespace sda::trainer::testing
