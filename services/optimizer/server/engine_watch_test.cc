#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine_fixture.h"

// Watchers: every change in order, without gaps, however often they are cut off; with PostgreSQL through
// another server than the one that made the change.
namespace sda::optimizer {
namespace {

using sda::testing::Eventually;

// What a client of a watch knows, resuming from its last token whenever its stream was cut.
class Watcher {
 public:
  // `cut_after` events of each stream it goes away; 0: never.
  Watcher(Engine& server, int cut_after)
      : server_(server), cut_after_(cut_after), thread_([this] { Run(); }) {}
  ~Watcher() {
    stop_.request_stop();
    thread_.join();
  }

  bool AwaitStep(int64_t step) {
    return Eventually([&] {
      std::lock_guard lock(mutex_);
      return !steps_.empty() && steps_.back() >= step;
    });
  }
  bool AwaitEnd() {
    return Eventually([&] { return ended_.load(); });
  }

  // Of last measurements, each change of trial 1 in the order of its coming.
  std::vector<int64_t> steps() const {
    std::lock_guard lock(mutex_);
    return steps_;
  }
  std::map<std::string, v1::Trial> trials() const {
    std::lock_guard lock(mutex_);
    return trials_;
  }
  v1::Experiment experiment() const {
    std::lock_guard lock(mutex_);
    return experiment_;
  }
  int streams() const { return streams_; }

 private:
  void Run() {
    std::string token;
    int64_t last_event = 0;
    while (!stop_.stop_requested() && !ended_) {
      v1::WatchExperimentRequest request;
      request.set_name("experiments/a");
      request.set_resume_token(token);
      int events = 0;
      ++streams_;
      const absl::Status status = server_.WatchExperiment(
          request,
          [&](const v1::WatchExperimentResponse& event) {
            std::lock_guard lock(mutex_);
            int64_t number = 0;
            EXPECT_TRUE(absl::SimpleAtoi(event.resume_token(), &number));
            EXPECT_GT(number, last_event) << "out of order, or seen before";
            last_event = number;
            token = event.resume_token();
            if (event.has_experiment()) experiment_ = event.experiment();
            if (event.has_trial()) {
              trials_[event.trial().name()] = event.trial();
              if (event.trial().name() == "experiments/a/trials/1" && event.trial().has_last_measurement())
                steps_.push_back(event.trial().last_measurement().step());
            }
            return cut_after_ == 0 || ++events < cut_after_;
          },
          stop_.get_token());
      EXPECT_TRUE(status.ok() || absl::IsCancelled(status)) << status;
      ended_ = status.ok();
    }
  }

  Engine& server_;
  const int cut_after_;
  std::stop_source stop_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> streams_ = 0;
  mutable std::mutex mutex_;
  std::vector<int64_t> steps_;               // guarded by mutex_
  std::map<std::string, v1::Trial> trials_;  // guarded by mutex_
  v1::Experiment experiment_;                // guarded by mutex_
  std::thread thread_;
};

class EngineWatchTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (engine == nullptr || !sda::testing::OnPostgres()) return;
    auto opened = sql::Database::Open(url, store::OptimizerSchema());
    ASSERT_TRUE(opened.ok()) << opened.status();
    other_database = *std::move(opened);
    other = std::make_unique<Engine>(*other_database, clock);
  }
  void TearDown() override { other.reset(); }

  // The servers that a watcher may have asked: that of the changes, and with PostgreSQL the other.
  std::vector<Engine*> Servers() {
    std::vector<Engine*> servers = {engine.get()};
    if (other != nullptr) servers.push_back(other.get());
    return servers;
  }

  std::unique_ptr<sql::Database> other_database;
  std::unique_ptr<Engine> other;
};

TEST_F(EngineWatchTest, EachChangeComesOnceAndInOrderThroughAnyNumberOfResumes) {
  constexpr int64_t kSteps = 24;
  Create("a", 1, 1);
  const v1::Lease lease = Acquire("1").lease();
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (Engine* server : Servers()) {
    watchers.push_back(std::make_unique<Watcher>(*server, /*cut_after=*/0));
    watchers.push_back(std::make_unique<Watcher>(*server, /*cut_after=*/1));
    watchers.push_back(std::make_unique<Watcher>(*server, /*cut_after=*/3));
  }
  // The next change waits for the one before to be seen, so that none is told together with another.
  for (int64_t step = 1; step <= kSteps; ++step) {
    ASSERT_TRUE(Report(lease, step, 0.5).ok());
    for (const auto& watcher : watchers) ASSERT_TRUE(watcher->AwaitStep(step)) << step;
  }
  ASSERT_TRUE(Complete(lease, 0.5, "c").ok());
  for (const auto& watcher : watchers) {
    ASSERT_TRUE(watcher->AwaitEnd());
    std::vector<int64_t> steps = watcher->steps();
    ASSERT_EQ(steps.size(), static_cast<size_t>(kSteps) + 1) << "reports, and the completion";
    steps.pop_back();
    for (int64_t step = 1; step <= kSteps; ++step) EXPECT_EQ(steps[static_cast<size_t>(step - 1)], step);
    EXPECT_EQ(watcher->experiment().state(), v1::Experiment::STATE_COMPLETED);
  }
  EXPECT_GE(watchers[1]->streams(), kSteps) << "was never cut off";
}

TEST_F(EngineWatchTest, WhatIsToldTogetherEndsWithTheSameStateForAll) {
  constexpr int kTrials = 60;
  Create("a", kTrials, 4);
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (Engine* server : Servers()) {
    for (int cut_after : {0, 1, 2, 7}) watchers.push_back(std::make_unique<Watcher>(*server, cut_after));
  }
  std::vector<std::thread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&, w] {
      for (int i = 0;; ++i) {
        auto request = AcquireRequest(absl::StrCat("w", w, "-", i));
        request.mutable_wait()->set_seconds(5);
        const auto acquired = engine->AcquireTrial(request, {});
        ASSERT_TRUE(acquired.ok()) << acquired.status();
        if (acquired->outcome() == v1::AcquireTrialResponse::OUTCOME_DONE) return;
        if (acquired->outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL) continue;
        ASSERT_TRUE(Report(acquired->lease(), 1, 0.25).ok());
        ASSERT_TRUE(Complete(acquired->lease(), 0.5, absl::StrCat("c", w, "-", i)).ok());
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const auto& watcher : watchers) {
    ASSERT_TRUE(watcher->AwaitEnd());
    const auto trials = watcher->trials();
    EXPECT_EQ(trials.size(), static_cast<size_t>(kTrials));
    for (const auto& [name, trial] : trials)
      EXPECT_EQ(DeterministicBytes(trial), DeterministicBytes(GetTrial(name))) << name;
    EXPECT_EQ(DeterministicBytes(watcher->experiment()), DeterministicBytes(Get()));
  }
}

TEST_F(EngineWatchTest, AnExperimentLargerThanOnePageIsToldWhole) {
  constexpr int kTrials = 1100;
  Create("a", kTrials, 1);
  for (int first = 0; first < kTrials; first += 100) {
    v1::BatchCreateTrialsRequest request;
    request.set_request_id(absl::StrCat("b", first));
    request.set_parent("experiments/a");
    for (int i = first; i < first + 100; ++i) {
      v1::Trial& trial = *request.add_trials();
      (*trial.mutable_assignments())["rate"].set_double_value(0.5);
      (*trial.mutable_assignments())["size"].set_int_value(1 + i % 100);
      (*trial.mutable_metrics())["auc"].set_value(0.5);
    }
    const auto created = engine->BatchCreateTrials(request);
    ASSERT_TRUE(created.ok()) << created.status();
  }
  Watcher watcher(*engine, /*cut_after=*/0);
  ASSERT_TRUE(watcher.AwaitEnd());
  EXPECT_EQ(watcher.trials().size(), static_cast<size_t>(kTrials));
}

TEST_F(EngineWatchTest, ATokenThatNoEventOfTheExperimentHadIsRefused) {
  Create("a", 1, 1);
  v1::WatchExperimentRequest request;
  request.set_name("experiments/a");
  for (const char* token : {"x", "-1", "99"}) {
    request.set_resume_token(token);
    const absl::Status refused = engine->WatchExperiment(request, [](const auto&) { return true; }, {});
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << token;
    EXPECT_EQ(std::string(refused.message()).rfind("resume_token:", 0), 0u) << refused;
  }
}

}  // namespace
}  // namespace sda::optimizer
