#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/numerics/rng.h"
#include "common/storage/sql/migrations.h"
#include "common/storage/sql/postgres_connection.h"
#include "common/storage/sql/sqlite_connection.h"
#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/server/engine_fixture.h"
#include "services/optimizer/server/store_curves.h"

// Early stopping over the store: the answers are those of the rules over whole curves, and what a report
// reads does not grow with what was reported before.
namespace sda::optimizer {
namespace {

// Counts the rows that statements of the thread that made it read, over one connection.
class CountingDatabase final : public sql::Database {
 public:
  explicit CountingDatabase(std::unique_ptr<sql::Connection> connection) : counted_(std::move(connection)) {}

  sql::Dialect dialect() const override { return counted_.dialect(); }
  absl::Status Write(WriteFunction function) override { return Run(function); }
  absl::Status Read(const ReadFunction& function) override { return Run(function); }

  // Since the last call.
  int64_t TakeRows() {
    std::lock_guard lock(mutex_);
    return std::exchange(counted_.rows, 0);
  }

 private:
  struct Counted final : sql::Connection {
    explicit Counted(std::unique_ptr<sql::Connection> connection) : inner(std::move(connection)) {}
    sql::Dialect dialect() const override { return inner->dialect(); }
    absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<sql::Value>& args) override {
      return inner->Execute(sql, args);
    }
    absl::Status Defer(std::string_view sql, const std::vector<sql::Value>& args) override {
      return inner->Defer(sql, args);
    }
    absl::Status ReadAhead(std::string_view sql, const std::vector<sql::Value>& args) override {
      return inner->ReadAhead(sql, args);
    }
    void DropDeferred() override { inner->DropDeferred(); }
    absl::StatusOr<std::vector<std::vector<sql::Value>>> Query(
        std::string_view sql, const std::vector<sql::Value>& args,
        const std::vector<sql::ColumnType>& columns) override {
      auto found = inner->Query(sql, args, columns);
      // The engine's own threads look now and then; they are not counted.
      if (found.ok() && std::this_thread::get_id() == counts_for) rows += static_cast<int64_t>(found->size());
      return found;
    }
    bool InTransaction() const override { return inner->InTransaction(); }
    bool IsBroken() const override { return inner->IsBroken(); }

    std::unique_ptr<sql::Connection> inner;
    const std::thread::id counts_for = std::this_thread::get_id();
    int64_t rows = 0;
  };

  absl::Status Run(const WriteFunction& function) {
    std::lock_guard lock(mutex_);
    SDA_RETURN_IF_ERROR(counted_.Execute("BEGIN", {}).status());
    sql::Transaction transaction(counted_);
    absl::Status status = function(transaction);
    if (status.ok()) status = counted_.Execute("COMMIT", {}).status();
    if (counted_.InTransaction()) counted_.Execute("ROLLBACK", {}).IgnoreError();
    return status;
  }

  std::mutex mutex_;
  Counted counted_;  // guarded by mutex_
};

class EngineStoppingTest : public EngineTest {
 protected:
  void CreateStopping(int budget, const std::function<void(v1::EarlyStopping&)>& rule) {
    auto request = CreateRequest("a", budget, budget);
    request.mutable_experiment()->set_algorithm(v1::Experiment::ALGORITHM_RANDOM);
    rule(*request.mutable_experiment()->mutable_early_stopping());
    const auto created = engine->CreateExperiment(request);
    ASSERT_TRUE(created.ok()) << created.status();
  }

  // Trials report in turn at steps of their own, some are lost and come back at their checkpoint; each answer
  // is held against the rule over the whole curves.
  void HoldAgainstWholeCurves(const StoppingRule& rule, uint64_t seed) {
    constexpr int kTrials = 12;
    Rng rng(seed);
    std::vector<v1::Lease> leases;
    for (int i = 0; i < kTrials; ++i) leases.push_back(Acquire(absl::StrCat("a", i)).lease());
    std::map<std::string, Curve> curves;  // by trial
    std::map<std::string, int64_t> checkpoints;
    int stops = 0, calls = 0;
    std::vector<bool> told(kTrials);
    for (int round = 0; round < 300; ++round) {
      const auto i = static_cast<size_t>(rng.Below(kTrials));
      const std::string trial = leases[i].trial();
      Curve& curve = curves[trial];
      if (rng.Below(20) == 0 && !told[i]) {
        // Handed back and taken again: readings behind the checkpoint no longer stand.
        v1::ReleaseTrialRequest release;
        release.set_request_id(absl::StrCat("r", round));
        *release.mutable_lease() = leases[i];
        ASSERT_TRUE(engine->ReleaseTrial(release).ok());
        const auto again = Acquire(absl::StrCat("again", round));
        ASSERT_EQ(again.trial().name(), trial);
        leases[i] = again.lease();
        const int64_t stands = checkpoints.contains(trial) ? checkpoints[trial] : -1;
        while (!curve.steps.empty() && curve.steps.back() > stands) {
          curve.steps.pop_back();
          curve.values.pop_back();
        }
        continue;
      }
      const int64_t step =
          (curve.steps.empty() ? 0 : curve.steps.back()) + 1 + static_cast<int64_t>(rng.Below(3));
      const double value = rng.Uniform();
      const bool checkpoint = rng.Below(3) == 0;
      const auto reported =
          Report(leases[i], step, value, checkpoint ? absl::StrCat("file:///", trial, "/", step) : "");
      ASSERT_TRUE(reported.ok()) << reported.status();
      if (checkpoint) checkpoints[trial] = step;
      curve.steps.push_back(step);
      curve.values.push_back(value);
      if (told[i]) continue;
      std::vector<Curve> others;
      for (const auto& [name, other] : curves) {
        if (name != trial && !other.steps.empty()) others.push_back(other);
      }
      const bool expected = ShouldStop(rule, /*maximize=*/true, curve, others);
      EXPECT_EQ(reported->stop(), expected) << trial << " at step " << step << ", seed " << seed;
      told[i] = reported->stop();
      stops += expected;
      ++calls;
    }
    EXPECT_GT(stops, 0);
    EXPECT_LT(stops, calls);
  }

  // Rows that one more report reads, with `trials` finished ones of `steps` readings before it.
  int64_t RowsOfAReport(int trials, int steps, const std::function<void(v1::EarlyStopping&)>& rule) {
    const std::string fresh = sda::testing::OnPostgres() ? sda::testing::NewTestDatabase(folder)
                                                         : folder / absl::StrCat("count-", ++counted_, ".db");
    auto connection = sda::testing::OnPostgres() ? sql::OpenPostgres(fresh) : sql::OpenSqlite(fresh, {});
    EXPECT_TRUE(connection.ok()) << connection.status();
    // What is counted does not hang on the disk.
    if (!sda::testing::OnPostgres()) {
      EXPECT_TRUE((*connection)->Execute("PRAGMA synchronous = OFF", {}).ok());
    }
    EXPECT_TRUE(sql::Migrate(**connection, store::OptimizerSchema()).ok());
    engine.reset();
    clock.Use(nullptr);
    CountingDatabase counting(*std::move(connection));
    engine = std::make_unique<Engine>(counting, clock);
    CreateStopping(trials + 1, rule);
    for (int t = 0; t < trials; ++t) {
      const auto lease = Acquire(absl::StrCat("a", t)).lease();
      for (int step = 1; step <= steps; ++step) EXPECT_TRUE(Report(lease, step, 0.5 + 0.001 * t).ok());
      EXPECT_TRUE(Complete(lease, 0.5 + 0.001 * t, absl::StrCat("c", t)).ok());
    }
    const auto lease = Acquire("last").lease();
    for (int step = 1; step < steps; ++step) EXPECT_TRUE(Report(lease, step, 0.9).ok());
    counting.TakeRows();
    EXPECT_TRUE(Report(lease, steps, 0.9).ok());
    const int64_t rows = counting.TakeRows();
    engine.reset();  // before its database
    return rows;
  }

 private:
  int counted_ = 0;
};

TEST_F(EngineStoppingTest, TheMedianRuleAnswersAsOverWholeCurves) {
  for (uint64_t seed : {1, 2}) {
    CreateStopping(12, [](v1::EarlyStopping& stopping) {
      stopping.mutable_median()->set_min_trials(3);
      stopping.mutable_median()->set_min_steps(2);
    });
    HoldAgainstWholeCurves(MedianRule{.min_trials = 3, .min_steps = 2}, seed);
    if (HasFailure() || seed == 2) return;
    url = sda::testing::OnPostgres() ? sda::testing::NewTestDatabase(folder) : folder / "second.db";
    Restart();
  }
}

TEST_F(EngineStoppingTest, HalvingAnswersAsOverWholeCurves) {
  CreateStopping(12, [](v1::EarlyStopping& stopping) {
    stopping.mutable_halving()->set_min_steps(2);
    stopping.mutable_halving()->set_factor(2);
  });
  HoldAgainstWholeCurves(HalvingRule{.min_steps = 2, .factor = 2}, 3);
}

TEST_F(EngineStoppingTest, WhatAReportReadsDoesNotGrowWithTheReadings) {
  const auto median = [](v1::EarlyStopping& stopping) { stopping.mutable_median()->set_min_trials(2); };
  const auto halving = [](v1::EarlyStopping& stopping) { stopping.mutable_halving()->set_min_steps(1); };
  EXPECT_EQ(RowsOfAReport(6, 8, median), RowsOfAReport(6, 32, median));
  EXPECT_EQ(RowsOfAReport(6, 16, halving), RowsOfAReport(6, 64, halving));
  // One row for each other trial.
  EXPECT_EQ(RowsOfAReport(12, 8, median), RowsOfAReport(6, 8, median) + 6);
}

TEST_F(EngineStoppingTest, TheThresholdRuleReadsItsOwnCurveAndTheFront) {
  const auto threshold = [](v1::EarlyStopping& stopping) {
    stopping.mutable_threshold()->set_max_steps(100);
  };
  const int64_t few = RowsOfAReport(4, 8, threshold);
  EXPECT_EQ(RowsOfAReport(40, 8, threshold), few) << "finished trials are not read again";
  EXPECT_EQ(RowsOfAReport(4, 20, threshold), few + 12) << "its own readings";
}

TEST_F(EngineStoppingTest, ALongCurveIsReadAtPlacesSpreadOverAllOfIt) {
  Create("a", 1, 1);
  const TrialId id = {"a", 1};
  Acquire("1");
  const absl::Status done = database->Write([&](sql::Transaction& tx) -> absl::Status {
    for (int64_t step = 1; step <= 1000; ++step) {
      v1::Measurement measurement;
      measurement.set_step(step);
      if (step % 10 == 0) (*measurement.mutable_metrics())["auc"] = 0.5;
      SDA_RETURN_IF_ERROR(store::AppendMeasurement(tx, id, measurement));
    }
    for (int64_t most : {1, 7, 100, 333, 999, 1000, 5000}) {
      SDA_ASSIGN_OR_RETURN(const auto spread, store::SpreadMeasurements(tx, id, most));
      EXPECT_LE(static_cast<int64_t>(spread.size()), most);
      EXPECT_GE(static_cast<int64_t>(spread.size()), std::min<int64_t>(most, 1000) / 2);
      EXPECT_EQ(spread.back().step(), 1000);
      for (size_t i = 1; i < spread.size(); ++i) EXPECT_LT(spread[i - 1].step(), spread[i].step());
      if (most == 100) {
        const auto with_auc =
            std::count_if(spread.begin(), spread.end(), [](const auto& m) { return !m.metrics().empty(); });
        EXPECT_GT(with_auc, 3) << "readings of every tenth step are there too";
        EXPECT_LT(with_auc, 40);
      }
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(done.ok()) << done;
}

TEST_F(EngineStoppingTest, TheKeptFrontFollowsCompletionsCorrectionsAndThresholds) {
  CreateStopping(8, [](v1::EarlyStopping& stopping) { stopping.mutable_threshold()->set_max_steps(100); });
  const auto front = [&] {
    std::vector<double> values;
    const absl::Status read = database->Write([&](sql::Transaction& tx) -> absl::Status {
      values.clear();
      SDA_ASSIGN_OR_RETURN(const auto experiment, store::GetExperiment(tx, "a"));
      SDA_ASSIGN_OR_RETURN(const auto found, store::FrontValues(tx, "a", experiment.message));
      for (const MetricValues& trial : found) values.push_back(trial.at("auc"));
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return values;
  };
  EXPECT_EQ(front(), std::vector<double>());
  for (double auc : {0.5, 0.8, 0.7})
    ASSERT_TRUE(Complete(Acquire(absl::StrCat("a", auc)).lease(), auc, absl::StrCat("c", auc)).ok());
  EXPECT_EQ(front(), std::vector<double>({0.8}));
  ASSERT_TRUE(Complete(Acquire("more").lease(), 0.9, "c").ok());
  EXPECT_EQ(front(), std::vector<double>({0.9}));
  v1::AmendTrialRequest amend;
  amend.set_request_id("amend");
  amend.set_name("experiments/a/trials/4");
  amend.set_reason("a slip");
  (*amend.mutable_metrics())["auc"].set_value(0.1);
  ASSERT_TRUE(engine->AmendTrial(amend).ok());
  EXPECT_EQ(front(), std::vector<double>({0.8}));
  v1::VoidTrialRequest take_back;
  take_back.set_request_id("void");
  take_back.set_name("experiments/a/trials/2");
  take_back.set_reason("wrong data");
  ASSERT_TRUE(engine->VoidTrial(take_back).ok());
  EXPECT_EQ(front(), std::vector<double>({0.7}));
  v1::UpdateExperimentRequest update;
  update.set_request_id("update");
  *update.mutable_experiment() = Get();
  update.mutable_experiment()->mutable_metrics(0)->set_threshold(0.95);
  update.mutable_update_mask()->add_paths("metrics");
  ASSERT_TRUE(engine->UpdateExperiment(update).ok());
  EXPECT_EQ(front(), std::vector<double>()) << "none meets the threshold";
}

}  // namespace
}  // namespace sda::optimizer
