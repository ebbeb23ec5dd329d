#include <cmath>
#include <set>

#include <gmock/gmock.h>

#include "common/base/error.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine_fixture.h"

namespace sda::optimizer {
namespace {

TEST_F(EngineTest, BudgetIsExactAndEndsTheExperiment) {
  Create("a", 3, 2);
  const auto first = Acquire("1"), second = Acquire("2");
  EXPECT_EQ(Acquire("3").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT) << "bandwidth";
  ASSERT_TRUE(Complete(first.lease(), 0.7, "c1").ok());
  const auto third = Acquire("3");
  EXPECT_EQ(third.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
  ASSERT_TRUE(Complete(second.lease(), 0.8, "c2").ok());
  EXPECT_EQ(Acquire("4").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT) << "budget";
  ASSERT_TRUE(Complete(third.lease(), 0.6, "c3").ok());
  EXPECT_EQ(Acquire("5").outcome(), v1::AcquireTrialResponse::OUTCOME_DONE);
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_COMPLETED);
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 3);
}

TEST_F(EngineTest, RepeatedCallsGetTheFirstReplyWhateverHappenedSince) {
  Create("a", 2, 1);
  EXPECT_TRUE(engine->CreateExperiment(CreateRequest("a", 2, 1)).ok());
  auto other = CreateRequest("a", 5, 1);
  EXPECT_EQ(engine->CreateExperiment(other).status().code(), absl::StatusCode::kAlreadyExists);
  const auto first = Acquire("1");
  EXPECT_EQ(DeterministicBytes(Acquire("1")), DeterministicBytes(first));
  ASSERT_TRUE(Complete(first.lease(), 0.7, "c").ok());
  Restart();
  EXPECT_EQ(Acquire("1").lease().token(), first.lease().token());
  EXPECT_TRUE(Complete(first.lease(), 0.7, "c").ok());
  EXPECT_EQ(GetErrorReason(Complete(first.lease(), 0.7, "d")), "LEASE_LOST");
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 1);
}

TEST_F(EngineTest, AnExpiredLeaseIsGoodUntilTheTrialIsReissued) {
  Create("a", 1, 1);
  const auto old_lease = Acquire("1").lease();
  clock.Advance(absl::Seconds(61));
  EXPECT_TRUE(Report(old_lease, 1, 0.5).ok()) << "late, but nobody else has the trial";
  clock.Advance(absl::Seconds(61));
  const auto again = Acquire("2");
  ASSERT_EQ(again.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
  EXPECT_EQ(again.trial().name(), old_lease.trial());
  EXPECT_EQ(again.lease().attempt(), 2);
  EXPECT_EQ(GetErrorReason(Report(old_lease, 2, 0.9).status()), "LEASE_LOST");
  EXPECT_EQ(GetErrorReason(Complete(old_lease, 0.9, "c")), "LEASE_LOST");
  EXPECT_TRUE(Complete(again.lease(), 0.6, "d").ok());
  EXPECT_EQ(GetTrial(old_lease.trial()).metrics().at("auc").value(), 0.6);
}

TEST_F(EngineTest, AWallClockJumpEndsNoLease) {
  Create("a", 1, 1);
  Acquire("1");
  clock.SetWallTime(clock.Now() + absl::Hours(1000));
  EXPECT_EQ(Acquire("2").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  clock.SetWallTime(clock.Now() - absl::Hours(2000));
  EXPECT_EQ(Acquire("2").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
}

TEST_F(EngineTest, ARestartGivesLiveLeasesAFullTerm) {
  Create("a", 1, 1);
  const auto lease = Acquire("1").lease();
  clock.Advance(absl::Seconds(59));
  Restart();
  EXPECT_EQ(Acquire("2").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  clock.Advance(absl::Seconds(59));
  EXPECT_EQ(Acquire("2").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  clock.Advance(absl::Seconds(2));
  EXPECT_EQ(Acquire("2").trial().name(), lease.trial());
}

TEST_F(EngineTest, TheLastLostAttemptFailsTheTrialAndUsesNoBudget) {
  Create("a", 1, 1);
  std::string trial;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto acquired = Acquire("a" + std::to_string(attempt));
    ASSERT_EQ(acquired.lease().attempt(), attempt);
    trial = acquired.trial().name();
    clock.Advance(absl::Seconds(61));
  }
  const auto next = Acquire("b");
  EXPECT_EQ(GetTrial(trial).state(), v1::Trial::STATE_FAILED);
  EXPECT_EQ(GetTrial(trial).error().reason(), "WORKER_LOST");
  EXPECT_NE(next.trial().name(), trial);
  EXPECT_TRUE(Complete(next.lease(), 0.5, "c").ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_COMPLETED);
}

TEST_F(EngineTest, TheNextAttemptResumesFromTheNewestAcceptedCheckpoint) {
  Create("a", 1, 1);
  const auto lease = Acquire("1").lease();
  ASSERT_TRUE(Report(lease, 10, 0.5, "c/10").ok());
  ASSERT_TRUE(Report(lease, 20, 0.6).ok());
  clock.Advance(absl::Seconds(61));
  const auto again = Acquire("2");
  EXPECT_EQ(again.resume_from().checkpoint_uri(), "c/10");
  EXPECT_EQ(again.resume_from().step(), 10);
  ASSERT_TRUE(Report(again.lease(), 20, 0.7).ok());
  v1::ListMeasurementsRequest list;
  list.set_parent(lease.trial());
  const auto measurements = engine->ListMeasurements(list);
  ASSERT_TRUE(measurements.ok());
  ASSERT_EQ(measurements->measurements_size(), 3);
  EXPECT_FALSE(measurements->measurements(0).superseded());
  EXPECT_TRUE(measurements->measurements(1).superseded());
  EXPECT_FALSE(measurements->measurements(2).superseded());
}

TEST_F(EngineTest, AReleasedTrialGoesToTheNextWithoutCountingTheAttempt) {
  Create("a", 1, 1);
  for (int i = 0; i < 5; ++i) {
    const auto acquired = Acquire("a" + std::to_string(i));
    ASSERT_EQ(acquired.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
    v1::ReleaseTrialRequest release;
    release.set_request_id("r" + std::to_string(i));
    *release.mutable_lease() = acquired.lease();
    ASSERT_TRUE(engine->ReleaseTrial(release).ok());
  }
  EXPECT_EQ(Get().trial_counts().queued_count(), 1);
}

TEST_F(EngineTest, WhoseFaultAFailureIsDecidesWhatBecomesOfTheTrial) {
  Create("a", 3, 3);
  const auto fail = [&](const v1::Lease& lease, v1::FailTrialRequest::Cause cause) {
    v1::FailTrialRequest request;
    request.set_request_id("f" + lease.token());
    *request.mutable_lease() = lease;
    request.set_cause(cause);
    request.set_reason("DIVERGED");
    EXPECT_TRUE(engine->FailTrial(request).ok());
    return GetTrial(lease.trial()).state();
  };
  EXPECT_EQ(fail(Acquire("1").lease(), v1::FailTrialRequest::CAUSE_POINT), v1::Trial::STATE_INFEASIBLE);
  EXPECT_EQ(fail(Acquire("2").lease(), v1::FailTrialRequest::CAUSE_ENVIRONMENT), v1::Trial::STATE_QUEUED);
  EXPECT_EQ(fail(Acquire("3").lease(), v1::FailTrialRequest::CAUSE_WORK), v1::Trial::STATE_FAILED);
}

TEST_F(EngineTest, StoppingTellsRunningTrialsAndWithdrawsQueuedOnes) {
  Create("a", 5, 2);
  const auto running = Acquire("1").lease();
  v1::SuggestTrialsRequest suggest;
  suggest.set_request_id("s");
  suggest.set_parent("experiments/a");
  suggest.set_count(1);
  ASSERT_TRUE(engine->SuggestTrials(suggest).ok());
  v1::StopExperimentRequest stop;
  stop.set_request_id("stop");
  stop.set_name("experiments/a");
  ASSERT_TRUE(engine->StopExperiment(stop).ok());
  EXPECT_EQ(Get().trial_counts().cancelled_count(), 1);
  const auto reported = Report(running, 1, 0.5);
  ASSERT_TRUE(reported.ok());
  EXPECT_TRUE(reported->stop());
  EXPECT_EQ(reported->stop_reason(), "EXPERIMENT_STOPPED");
  clock.Advance(absl::Seconds(61));
  ASSERT_TRUE(engine->Sweep().ok());
  EXPECT_EQ(GetTrial(running.trial()).state(), v1::Trial::STATE_STOPPED);
  EXPECT_TRUE(GetTrial(running.trial()).truncated());
}

TEST_F(EngineTest, BadInputNamesTheFieldAndStoresNothing) {
  auto request = CreateRequest("a", 0, 1);
  request.mutable_experiment()->mutable_parameters(0)->mutable_double_range()->set_max(std::nan(""));
  const absl::Status status = engine->CreateExperiment(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  std::set<std::string> fields;
  const auto detail = GetErrorDetail(status);
  ASSERT_TRUE(detail);
  for (const auto& violation : detail->violations) fields.insert(violation.field);
  EXPECT_THAT(fields, ::testing::ElementsAre("experiment.observation_budget",
                                             "experiment.parameters[0].double_range.max"));
  Create("b", 1, 1);
  const auto lease = Acquire("1", "b").lease();
  EXPECT_EQ(Report(lease, 1, std::nan("")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Complete(lease, INFINITY, "c").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Report(lease, 1, 0.5).ok());
  EXPECT_EQ(Report(lease, 1, 0.5, "other").status().code(), absl::StatusCode::kAlreadyExists)
      << "same request id";
}

TEST_F(EngineTest, AWatchSendsEveryTrialAndEndsWithTheExperiment) {
  Create("a", 2, 2);
  const auto first = Acquire("1").lease(), second = Acquire("2").lease();
  ASSERT_TRUE(Complete(first, 0.5, "c1").ok());
  ASSERT_TRUE(Complete(second, 0.6, "c2").ok());
  std::set<std::string> trials;
  v1::WatchExperimentRequest request;
  request.set_name("experiments/a");
  const absl::Status ended = engine->WatchExperiment(request,
                                                     [&](const v1::WatchExperimentResponse& event) {
                                                       if (event.has_trial())
                                                         trials.insert(event.trial().name());
                                                       return true;
                                                     },
                                                     {});
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(trials.size(), 2);
}

}  // namespace
}  // namespace sda::optimizer
