#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine_fixture.h"

// Several servers over one PostgreSQL: nothing is handed out, counted or done twice.
namespace sda::optimizer {
namespace {

class EngineReplicasTest : public EngineTest {
 protected:
  void SetUp() override {
    if (!sda::testing::OnPostgres()) GTEST_SKIP() << "a SQLite file has one server";
    EngineTest::SetUp();
    if (engine == nullptr) return;
    auto opened = sql::Database::Open(url, store::OptimizerSchema());
    ASSERT_TRUE(opened.ok()) << opened.status();
    other_database = *std::move(opened);
    other = std::make_unique<Engine>(*other_database, clock);
  }
  void TearDown() override { other.reset(); }

  Engine& Either(int i) { return i % 2 == 0 ? *engine : *other; }

  void WorkOff(v1::Experiment::Algorithm algorithm, int budget, int bandwidth, int workers) {
    auto create = CreateRequest("a", budget, bandwidth);
    create.mutable_experiment()->set_algorithm(algorithm);
    ASSERT_TRUE(engine->CreateExperiment(create).ok());
    std::mutex mutex;
    std::map<std::string, int> completed;  // guarded by mutex
    std::set<std::string> points;          // guarded by mutex
    std::atomic<int> active = 0;
    std::vector<std::thread> threads;
    for (int w = 0; w < workers; ++w) {
      threads.emplace_back([&, w] {
        for (int i = 0;; ++i) {
          Engine& server = Either(w);
          auto request = AcquireRequest("w" + std::to_string(w) + "-" + std::to_string(i));
          request.mutable_wait()->set_seconds(1);
          const auto acquired = server.AcquireTrial(request, {});
          ASSERT_TRUE(acquired.ok()) << acquired.status();
          if (acquired->outcome() == v1::AcquireTrialResponse::OUTCOME_DONE) return;
          if (acquired->outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL) continue;
          EXPECT_LE(++active, bandwidth);
          // Repeated through the other server: the same trial.
          const auto again = Either(w + 1).AcquireTrial(request, {});
          ASSERT_TRUE(again.ok()) << again.status();
          EXPECT_EQ(again->lease().token(), acquired->lease().token());
          v1::CompleteTrialRequest complete;
          complete.set_request_id("c" + acquired->lease().token());
          *complete.mutable_lease() = acquired->lease();
          (*complete.mutable_metrics())["auc"].set_value(0.5 + 0.001 * i);
          --active;
          const auto done = Either(w + i).CompleteTrial(complete);
          ASSERT_TRUE(done.ok()) << done.status();
          std::lock_guard lock(mutex);
          ++completed[acquired->trial().name()];
          std::string point;
          for (const char* name : {"rate", "size"}) {
            point += acquired->trial().assignments().at(name).ShortDebugString();
          }
          EXPECT_TRUE(points.insert(point).second) << "suggested twice: " << point;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(completed.size(), static_cast<size_t>(budget));
    for (const auto& [trial, times] : completed) EXPECT_EQ(times, 1) << trial;
    EXPECT_EQ(Get().trial_counts().succeeded_count(), budget);
    EXPECT_EQ(Get().state(), v1::Experiment::STATE_COMPLETED);
  }

  std::unique_ptr<sql::Database> other_database;
  std::unique_ptr<Engine> other;
};

TEST_F(EngineReplicasTest, BudgetBandwidthAndSequenceHoldWithoutAModel) {
  WorkOff(v1::Experiment::ALGORITHM_SOBOL, 40, 3, 6);
}

TEST_F(EngineReplicasTest, BudgetBandwidthAndSequenceHoldWithAModel) {
  WorkOff(v1::Experiment::ALGORITHM_BAYESIAN, 16, 3, 4);
}

TEST_F(EngineReplicasTest, ATokenIsVoidOnceTheOtherServerReissuedTheTrial) {
  Create("a", 1, 1);
  const auto old_lease = Acquire("1").lease();
  clock.Advance(absl::Seconds(61));
  const auto again = other->AcquireTrial(AcquireRequest("2"), {});
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(again->lease().trial(), old_lease.trial());
  EXPECT_FALSE(Report(old_lease, 1, 0.5).ok());
  EXPECT_TRUE(Report(again->lease(), 1, 0.5).ok()) << "the other server's lease is good here too";
}

TEST_F(EngineReplicasTest, AWaitingWorkerAndAWatcherHearOfTheOtherServerWithinATenthOfASecond) {
  Create("a", 2, 1);
  const auto lease = Acquire("1").lease();
  std::atomic<int> events = 0;
  std::atomic<int64_t> heard_micros = 0;
  std::stop_source stop;
  std::thread watcher([&] {
    v1::WatchExperimentRequest request;
    request.set_name("experiments/a");
    other
        ->WatchExperiment(
            request,
            [&](const v1::WatchExperimentResponse& event) {
              if (event.has_trial() && event.trial().has_last_measurement())
                heard_micros = absl::ToInt64Microseconds(RealClock::Get().Monotonic());
              ++events;
              return true;
            },
            stop.get_token())
        .IgnoreError();
  });
  ASSERT_TRUE(sda::testing::Eventually([&] { return events >= 2; }));
  const absl::Duration reported = RealClock::Get().Monotonic();
  ASSERT_TRUE(Report(lease, 1, 0.5).ok());
  ASSERT_TRUE(sda::testing::Eventually([&] { return heard_micros > 0; }));
  // The bound of a quiet machine is 100 ms; a busy one gets more, still far below the 5 s of a missed word.
  EXPECT_LT(absl::Microseconds(heard_micros.load()) - reported, absl::Seconds(2));
  stop.request_stop();

  std::atomic<bool> got = false;
  std::thread worker([&] {
    auto request = AcquireRequest("2");
    request.mutable_wait()->set_seconds(30);
    const auto acquired = other->AcquireTrial(request, {});
    got = acquired.ok() && acquired->outcome() == v1::AcquireTrialResponse::OUTCOME_TRIAL;
  });
  ASSERT_TRUE(Complete(lease, 0.5, "c").ok());
  worker.join();
  EXPECT_TRUE(got);
  engine->WakeAll();
  other->WakeAll();
  watcher.join();
}

}  // namespace
}  // namespace sda::optimizer
