#include <filesystem>
#include <functional>
#include <string>

#include <absl/strings/str_cat.h>
#include <sys/mount.h>

#include "common/base/error.h"
#include "services/optimizer/server/engine_fixture.h"

// A store that fails in the middle of a call: what was acknowledged is there, what was not has left nothing,
// and the same call goes through once the store is well again. And clocks that jump.
namespace sda::optimizer {
namespace {

class EngineFaultsTest : public EngineTest {
 protected:
  // What one experiment holds, to compare before and after a failed call.
  std::string State() {
    std::string state = Get().ShortDebugString();
    v1::ListTrialsRequest trials;
    trials.set_parent("experiments/a");
    const auto listed = engine->ListTrials(trials);
    EXPECT_TRUE(listed.ok()) << listed.status();
    for (const v1::Trial& trial : listed->trials()) {
      absl::StrAppend(&state, "\n", trial.ShortDebugString());
      v1::ListMeasurementsRequest measurements;
      measurements.set_parent(trial.name());
      const auto readings = engine->ListMeasurements(measurements);
      EXPECT_TRUE(readings.ok()) << readings.status();
      for (const auto& reading : readings->measurements())
        absl::StrAppend(&state, "\n  ", reading.ShortDebugString());
    }
    return state;
  }

  // Every changing call of a worker's way fails while `fail` is in force with the code, leaves nothing, and
  // goes through with the same request id after `mend`.
  void EachCallFailsWhole(const std::function<void()>& fail, const std::function<void()>& mend,
                          absl::StatusCode code, const std::string& reason) {
    const auto through = [&](const char* what, const std::function<absl::Status()>& call) {
      const std::string before = State();
      fail();
      for (int i = 0; i < 2; ++i) {
        const absl::Status failed = call();
        EXPECT_EQ(failed.code(), code) << what << ": " << failed;
        EXPECT_EQ(GetErrorReason(failed), reason) << what << ": " << failed;
      }
      mend();
      EXPECT_EQ(State(), before) << what << " left something";
      const absl::Status done = call();
      EXPECT_TRUE(done.ok()) << what << ": " << done;
      const std::string after = State();
      EXPECT_NE(after, before) << what << " did nothing";
      EXPECT_TRUE(call().ok()) << what << ": the first reply again";
      EXPECT_EQ(State(), after) << what << " was done twice";
    };
    Create("a", 3, 1);
    v1::AcquireTrialResponse acquired;
    through("acquire", [&]() -> absl::Status {
      SDA_ASSIGN_OR_RETURN(acquired, engine->AcquireTrial(AcquireRequest("1"), {}));
      return absl::OkStatus();
    });
    through("report", [&] { return Report(acquired.lease(), 1, 0.5).status(); });
    through("complete", [&] { return Complete(acquired.lease(), 0.5, "c"); });
    through("batch", [&] {
      v1::BatchCreateTrialsRequest request;
      request.set_request_id("b");
      request.set_parent("experiments/a");
      for (int i = 1; i <= 2; ++i) {
        v1::Trial& trial = *request.add_trials();
        (*trial.mutable_assignments())["rate"].set_double_value(0.5);
        (*trial.mutable_assignments())["size"].set_int_value(i);
      }
      return engine->BatchCreateTrials(request).status();
    });
    through("update", [&] {
      v1::UpdateExperimentRequest request;
      request.set_request_id("u");
      request.mutable_experiment()->set_name("experiments/a");
      request.mutable_experiment()->set_observation_budget(9);
      request.mutable_update_mask()->add_paths("observation_budget");
      return engine->UpdateExperiment(request).status();
    });
    through("stop", [&] {
      v1::StopExperimentRequest request;
      request.set_request_id("s");
      request.set_name("experiments/a");
      return engine->StopExperiment(request).status();
    });
  }

  void MustRun(const std::string& statement) {
    const absl::Status ran =
        database->Write([&](sql::Transaction& tx) { return tx.Execute(statement).status(); });
    ASSERT_TRUE(ran.ok()) << ran << "\n" << statement;
  }

  // PostgreSQL runs `body` at the last write of every changing call, with the others done, or when it
  // commits.
  void FailsOnPostgres(const std::string& body, bool at_commit, absl::StatusCode code,
                       const std::string& reason) {
    if (!sda::testing::OnPostgres()) GTEST_SKIP() << "needs triggers in PL/pgSQL";
    MustRun(absl::StrCat("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ", body,
                         "; RETURN NULL; END'"));
    EachCallFailsWhole(
        [&] {
          MustRun(absl::StrCat("CREATE ", at_commit ? "CONSTRAINT " : "", "TRIGGER fails AFTER INSERT ",
                               at_commit ? "" : "OR UPDATE ", "ON sda_replies ",
                               at_commit ? "DEFERRABLE INITIALLY DEFERRED " : "",
                               "FOR EACH ROW EXECUTE FUNCTION fail()"));
        },
        [&] { MustRun("DROP TRIGGER fails ON sda_replies"); }, code, reason);
  }
};

TEST_F(EngineFaultsTest, AFullDiskOfPostgresLeavesNothingHalfStored) {
  FailsOnPostgres("RAISE EXCEPTION ''no space left on device'' USING ERRCODE = ''53100''",
                  /*at_commit=*/false, absl::StatusCode::kResourceExhausted, "DISK_FULL");
}

TEST_F(EngineFaultsTest, AFullDiskOfPostgresAtCommitLeavesNothingHalfStored) {
  FailsOnPostgres("RAISE EXCEPTION ''no space left on device'' USING ERRCODE = ''53100''", /*at_commit=*/true,
                  absl::StatusCode::kResourceExhausted, "DISK_FULL");
}

TEST_F(EngineFaultsTest, AConnectionThatIsCutInATransactionLeavesNothingHalfStored) {
  FailsOnPostgres("PERFORM pg_terminate_backend(pg_backend_pid())", /*at_commit=*/false,
                  absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE");
}

TEST_F(EngineFaultsTest, AConnectionThatIsCutAtCommitLeavesNothingHalfStored) {
  FailsOnPostgres("PERFORM pg_terminate_backend(pg_backend_pid())", /*at_commit=*/true,
                  absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE");
}

TEST_F(EngineFaultsTest, AFullDiskUnderSqliteLeavesNothingHalfStored) {
  if (sda::testing::OnPostgres()) GTEST_SKIP() << "its files are a server's";
  const std::string disk = folder / "disk";
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "mounting a tmpfs is not permitted";
  url = disk + "/test.db";
  Restart();
  Create("a", 3, 1);
  const v1::Lease lease = Acquire("1").lease();
  int64_t stored = 0;
  absl::Status status;
  // Long URIs fill it soon.
  const std::string checkpoint(1'900, 'x');
  while (status.ok() && stored < 10'000) {
    status = Report(lease, stored + 1, 0.5, checkpoint).status();
    if (status.ok()) ++stored;
  }
  EXPECT_EQ(GetErrorReason(status), "DISK_FULL") << status;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetTrial(lease.trial()).last_measurement().step(), stored);
  const absl::Status completed = Complete(lease, 0.5, "c");  // may or may not fit any more
  EXPECT_TRUE(completed.ok() || GetErrorReason(completed) == "DISK_FULL") << completed;
  ASSERT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
  EXPECT_TRUE(Complete(lease, 0.5, "c").ok());
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 1);
  Restart();
  EXPECT_EQ(GetTrial(lease.trial()).last_measurement().step(), stored);
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 1);
  engine.reset();
  clock.Use(nullptr);
  database.reset();
  umount(disk.c_str());
}

TEST_F(EngineFaultsTest, AWallClockThatJumpsEitherWayLosesAndDoublesNothing) {
  constexpr int kTrials = 6;
  Create("a", kTrials, 2);
  const absl::Time start = clock.Now();
  int jump = 0;
  const auto jumps = [&] {
    // A year ahead, a year back, by turns.
    clock.SetWallTime(start + (jump++ % 2 == 0 ? 1 : -1) * absl::Hours(24 * 365));
  };
  for (int i = 0; i < kTrials; ++i) {
    const auto acquired = Acquire(absl::StrCat("a", i));
    ASSERT_EQ(acquired.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
    jumps();
    ASSERT_TRUE(engine->Sweep().ok());
    ASSERT_TRUE(Report(acquired.lease(), 1, 0.5).ok());
    jumps();
    jumps();
    // The same calls again: their replies are not forgotten by a clock that says a year has passed.
    EXPECT_EQ(Acquire(absl::StrCat("a", i)).lease().token(), acquired.lease().token());
    ASSERT_TRUE(Report(acquired.lease(), 1, 0.5).ok());
    ASSERT_TRUE(engine->Sweep().ok());
    EXPECT_EQ(GetTrial(acquired.trial().name()).attempt(), 1) << "a lease ended by the wall clock";
    if (i % 2 == 0) Restart();
    ASSERT_TRUE(Complete(acquired.lease(), 0.5, absl::StrCat("c", i)).ok());
  }
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_COMPLETED);
  EXPECT_EQ(Get().trial_counts().succeeded_count(), kTrials);
}

TEST_F(EngineFaultsTest, AWallClockBudgetFollowsTheWallClock) {
  auto request = CreateRequest("a", 9, 9);
  request.mutable_experiment()->mutable_wall_clock_budget()->set_seconds(3600);
  ASSERT_TRUE(engine->CreateExperiment(request).ok());
  const absl::Time start = clock.Now();
  clock.SetWallTime(start - absl::Hours(5));
  ASSERT_TRUE(engine->Sweep().ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_ACTIVE) << "a clock set back gives more time";
  clock.SetWallTime(start + absl::Seconds(3599));
  ASSERT_TRUE(engine->Sweep().ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_ACTIVE);
  clock.SetWallTime(start + absl::Seconds(3601));
  ASSERT_TRUE(engine->Sweep().ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_STOPPED);
  EXPECT_EQ(Get().state_reason(), "WALL_CLOCK_BUDGET");
}

}  // namespace
}  // namespace sda::optimizer
