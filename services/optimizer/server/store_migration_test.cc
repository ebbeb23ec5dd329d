#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>

#include "common/base/error.h"
#include "common/storage/sql/postgres_connection.h"
#include "common/storage/sql/sqlite_connection.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine_fixture.h"

// Stores that earlier versions wrote, opened by this one.
namespace sda::optimizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreMigrationTest : public EngineTest {
 protected:
  void SetUp() override {
    if (sda::testing::OnPostgres() && !sda::testing::PostgresServer::IsInstalled())
      GTEST_SKIP() << sda::testing::PostgresServer::kWhyNot;
    url = sda::testing::NewTestDatabase(folder);
  }

  // Runs the statements of a file of testdata/.
  void RunScript(const std::string& name) {
    std::ifstream file(absl::StrCat(SDA_OPTIMIZER_TESTDATA, "/", name));
    const std::string script((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    ASSERT_FALSE(script.empty()) << name;
    auto connection = sda::testing::OnPostgres() ? sql::OpenPostgres(url) : sql::OpenSqlite(url, {});
    ASSERT_TRUE(connection.ok()) << connection.status();
    for (absl::string_view statement : absl::StrSplit(script, ";\n", absl::SkipWhitespace())) {
      const auto ran = (*connection)->Execute(std::string(statement), {});
      ASSERT_TRUE(ran.ok()) << ran.status() << "\n" << statement;
    }
  }

  std::vector<v1::Measurement> Measurements(const std::string& trial) {
    v1::ListMeasurementsRequest request;
    request.set_parent(trial);
    const auto listed = engine->ListMeasurements(request);
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed.ok()
               ? std::vector<v1::Measurement>(listed->measurements().begin(), listed->measurements().end())
               : std::vector<v1::Measurement>();
  }
};

TEST_F(StoreMigrationTest, EverythingOfTheFirstVersionIsThereAndGoesOn) {
  RunScript("store_version_1.sql");
  Restart();

  // Experiments, their counts and labels.
  EXPECT_EQ(Get("done").state(), v1::Experiment::STATE_COMPLETED);
  EXPECT_EQ(Get("done").metadata().at("note"), "old");
  EXPECT_EQ(Get("done").trial_counts().succeeded_count(), 1);
  EXPECT_EQ(Get("done").trial_counts().infeasible_count(), 1);
  const v1::Experiment tuned = Get("tuned");
  EXPECT_EQ(tuned.work().value(), "opaque");
  EXPECT_EQ(tuned.trial_counts().queued_count(), 1);
  EXPECT_EQ(tuned.trial_counts().active_count(), 1);
  EXPECT_EQ(tuned.trial_counts().succeeded_count(), 1);
  v1::ListExperimentsRequest list;
  EXPECT_EQ(engine->ListExperiments(list)->experiments_size(), 2);
  (*list.mutable_labels())["team"] = "ads";
  ASSERT_EQ(engine->ListExperiments(list)->experiments_size(), 1);
  list.add_states(v1::Experiment::STATE_COMPLETED);
  EXPECT_EQ(engine->ListExperiments(list)->experiments_size(), 0);

  // Trials and their measurements.
  EXPECT_EQ(GetTrial("experiments/done/trials/1").metrics().at("auc").stddev(), 0.01);
  EXPECT_EQ(GetTrial("experiments/done/trials/2").error().reason(), "DIVERGED");
  const auto readings = Measurements("experiments/tuned/trials/2");
  ASSERT_EQ(readings.size(), 3u);
  EXPECT_EQ(readings[0].checkpoint_uri(), "file:///tuned/2/1");
  EXPECT_TRUE(readings[1].superseded());
  EXPECT_FALSE(readings[2].superseded());

  // A watcher is told of each thing once.
  v1::WatchExperimentRequest watch;
  watch.set_name("experiments/done");
  std::vector<std::string> told;
  EXPECT_TRUE(engine
                  ->WatchExperiment(watch,
                                    [&](const v1::WatchExperimentResponse& event) {
                                      told.push_back(event.has_trial() ? event.trial().name()
                                                                       : event.experiment().name());
                                      return true;
                                    },
                                    {})
                  .ok());
  EXPECT_THAT(told,
              ElementsAre("experiments/done/trials/1", "experiments/done/trials/2", "experiments/done"));

  // A call of that time that comes again is answered as it was, and its lease is good.
  v1::AcquireTrialRequest again;
  again.set_request_id("acquire-two");
  again.set_worker("w");
  again.add_experiments("experiments/tuned");
  const auto acquired = engine->AcquireTrial(again, {});
  ASSERT_TRUE(acquired.ok()) << acquired.status();
  EXPECT_EQ(acquired->lease().token(), "token-of-two");
  EXPECT_EQ(Report(acquired->lease(), 2, 0.95).status().code(), absl::StatusCode::kInvalidArgument)
      << "step 2 was reported then";
  // The median of the other trial's readings up to step 3 is 0.7.
  const auto better = Report(acquired->lease(), 3, 0.2);
  ASSERT_TRUE(better.ok()) << better.status();
  EXPECT_FALSE(better->stop()) << "its best is 0.9";
  ASSERT_TRUE(Complete(acquired->lease(), 0.9, "complete-two").ok());

  // The queued trial is handed out next, and is stopped by what was reported then: 0.7 and 0.65 on average.
  const auto third = Acquire("third", "tuned");
  ASSERT_EQ(third.trial().name(), "experiments/tuned/trials/3");
  const auto worse = Report(third.lease(), 3, 0.1);
  ASSERT_TRUE(worse.ok()) << worse.status();
  EXPECT_TRUE(worse->stop());
  ASSERT_TRUE(Complete(third.lease(), 0.1, "complete-three").ok());

  // New points differ from those of that time, and the budget counts them all.
  for (int i = 4; i <= 5; ++i) {
    const auto next = Acquire(absl::StrCat("next", i), "tuned");
    ASSERT_EQ(next.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
    ASSERT_TRUE(Complete(next.lease(), 0.5, absl::StrCat("complete", i)).ok());
  }
  EXPECT_EQ(Get("tuned").state(), v1::Experiment::STATE_COMPLETED);
  EXPECT_EQ(Get("tuned").trial_counts().succeeded_count(), 5);
}

TEST_F(StoreMigrationTest, ANewerVersionIsRefusedAndLeftAlone) {
  Restart();
  const int newest = store::OptimizerSchema().migrations.back().version;
  ASSERT_TRUE(
      database
          ->Write([&](sql::Transaction& tx) {
            return tx.Execute("UPDATE sda_schema SET version = :version", {int64_t{newest} + 1}).status();
          })
          .ok());
  engine.reset();
  clock.Use(nullptr);
  database.reset();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const absl::Status refused = sql::Database::Open(url, store::OptimizerSchema()).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(GetErrorReason(refused), "SCHEMA_TOO_NEW");
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(absl::StrCat("has schema version ", newest + 1,
                                       " of optimizer, this program knows up to ", newest)));
  }
}

}  // namespace
}  // namespace sda::optimizer
