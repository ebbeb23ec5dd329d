#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/eventually.h"
#include "common/testing/fake_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_server.h"
#include "sda/advisor/v1/advisor_service.grpc.pb.h"
#include "services/advisor/server/advisor.h"
#include "services/advisor/server/testing/advisor_process.h"
#include "services/advisor/server/testing/fake_suite.h"

namespace sda::advisor {
namespace {

using sda::testing::Eventually;
using sda::testing::TempDir;
using testing::AdvisorProcess;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeSuite;
using ::testing::HasSubstr;
using testing::Moment;
using testing::RunSpecOfFile;

class RunEngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<AdvisorProcess> NewAdvisor(AdvisorProcess::Options options = {}) {
    options.database = folder_ / "advisor.db";
    return std::make_unique<AdvisorProcess>(suite_, options);
  }

  void ExpectDelivered(const v1::Run& run) {
    ASSERT_EQ(run.state(), v1::Run::STATE_SUCCEEDED) << run.ShortDebugString();
    EXPECT_EQ(run.stage(), v1::Run::STAGE_DELIVER);
    EXPECT_EQ(run.dataset(), "datasets/r1");
    EXPECT_EQ(run.recipe(), "recipes/r1");
    EXPECT_EQ(run.experiment(), "experiments/r1");
    EXPECT_EQ(run.model(), "models/r1");
    EXPECT_EQ(run.result().best().name(), "experiments/r1/trials/3");
    EXPECT_EQ(run.result().model_uri(), "models/r1");
    EXPECT_EQ(run.result().test_metrics().at("test_auc"), 0.75);
    EXPECT_EQ(run.result().test_metrics().at("test_logloss"), 0.5);
    EXPECT_TRUE(run.result().goal_met());
    EXPECT_TRUE(run.has_complete_time());
    EXPECT_TRUE(run.result().has_elapsed());
    EXPECT_EQ(run.waiting_for(), "");
    // Nothing twice.
    EXPECT_THAT(suite_.datasets(), ElementsAre("datasets/r1"));
    EXPECT_THAT(suite_.experiments(), ElementsAre("experiments/r1"));
    EXPECT_EQ(sda::testing::ReadFile(suite_.artefacts() + "/models/r1/model.json"), "{\"trial\": 3}\n");
    EXPECT_THAT(sda::testing::ReadFile(suite_.artefacts() + "/models/r1/report.json"),
                HasSubstr("\"test_auc\": 0.75"));
    EXPECT_THAT(sda::testing::ReadFile(suite_.artefacts() + "/models/r1/report.md"),
                HasSubstr("experiments/r1/trials/3"));
    int folders = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(suite_.artefacts() + "/models"))
      ++folders;
    EXPECT_EQ(folders, 1);
  }

  TempDir folder_;
  FakeSuite suite_;
};

TEST_F(RunEngineTest, CarriesARunFromRawDataToAModel) {
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  const v1::Run run = advisor->AwaitEnd("r1");
  ExpectDelivered(run);
  EXPECT_THAT(run.result().reason(), HasSubstr("auc 0.8"));
  // The default goes first, the recipe's spec goes to the workers with the dataset, every reported metric has
  // a place.
  const optimizer::v1::Experiment experiment = suite_.experiment("experiments/r1");
  EXPECT_TRUE(experiment.default_first());
  EXPECT_EQ(experiment.observation_budget(), 4);
  EXPECT_EQ(experiment.parallel_bandwidth(), 2);
  EXPECT_EQ(experiment.seed(), 5);
  EXPECT_EQ(experiment.metrics_size(), 7);
  trainer::v1::TrainingSpec work;
  ASSERT_TRUE(experiment.work().UnpackTo(&work));
  EXPECT_EQ(work.dataset_manifest_uri(), "datasets/r1/manifest.json");
  EXPECT_EQ(work.dataset_manifest_sha256(), std::string(64, 'a'));
  EXPECT_EQ(work.seed(), 5);
  EXPECT_EQ(suite_.count("Evaluate"), 1);

  v1::GetModelRequest get;
  get.set_name("models/r1");
  const v1::Model model = advisor->Call(&v1::AdvisorService::Stub::GetModel, get)->model();
  EXPECT_EQ(model.run(), "runs/r1");
  EXPECT_EQ(model.trial(), "experiments/r1/trials/3");
  EXPECT_EQ(model.dataset(), "datasets/r1");
  EXPECT_EQ(model.metrics().at("auc"), 0.8);
  EXPECT_EQ(model.metrics().at("test_auc"), 0.75);
  EXPECT_EQ(model.spec().dataset_manifest_uri(), "datasets/r1/manifest.json");
}

TEST_F(RunEngineTest, AGivenDatasetAndRecipeAreUsedAsTheyAre) {
  auto advisor = NewAdvisor();
  v1::CreateRecipeRequest create;
  create.set_request_id("q");
  create.set_recipe_id("mine");
  create.mutable_advice()->set_dataset("datasets/d");
  create.mutable_advice()->set_observation_budget(6);
  ASSERT_TRUE(advisor->Call(&v1::AdvisorService::Stub::CreateRecipe, create).ok());
  v1::RunSpec spec;
  spec.set_dataset("datasets/d");
  spec.set_recipe("recipes/mine");
  spec.set_parallel_bandwidth(3);
  advisor->CreateRun("r1", spec);
  const v1::Run run = advisor->AwaitEnd("r1");
  EXPECT_EQ(run.state(), v1::Run::STATE_SUCCEEDED) << run.ShortDebugString();
  EXPECT_EQ(run.recipe(), "recipes/mine");
  EXPECT_EQ(suite_.count("CreateDataset"), 0);
  EXPECT_EQ(suite_.experiment("experiments/r1").observation_budget(), 6);
  EXPECT_EQ(suite_.experiment("experiments/r1").parallel_bandwidth(), 3);
}

// What goes wrong at one moment of one call: the advisor dies there, with the call done or not, and another
// one takes over. Whatever the moment, everything is made once and the outcome is the same.
class CrashTest : public RunEngineTest, public ::testing::WithParamInterface<int> {};

TEST_P(CrashTest, AnotherAdvisorFinishesTheRun) {
  const int fatal = GetParam();
  std::atomic<int> moments = 0;
  std::atomic<bool> crashed = false;
  suite_.SetHook([&](const std::string&, Moment, grpc::ServerContext& context) {
    if (++moments != fatal) return grpc::Status::OK;
    crashed = true;  // the test now kills the advisor, whose call is cut off
    Eventually([&] { return context.IsCancelled(); });
    return grpc::Status(grpc::StatusCode::CANCELLED, "nobody listens");
  });
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ASSERT_TRUE(
      Eventually([&] { return crashed.load() || advisor->GetRun("r1").state() != v1::Run::STATE_RUNNING; }));
  if (!crashed) GTEST_SKIP() << "a run has only " << moments << " moments";
  advisor.reset();
  suite_.SetHook(nullptr);
  advisor = NewAdvisor();
  ExpectDelivered(advisor->AwaitEnd("r1"));
  v1::ListModelsRequest models;
  EXPECT_EQ(advisor->Call(&v1::AdvisorService::Stub::ListModels, models)->models_size(), 1);
  v1::ListRecipesRequest recipes;
  EXPECT_EQ(advisor->Call(&v1::AdvisorService::Stub::ListRecipes, recipes)->recipes_size(), 1);
}

// A run's calls have 25 moments; a few more to notice when they become more.
INSTANTIATE_TEST_SUITE_P(Moments, CrashTest, ::testing::Range(1, 30));

TEST_F(RunEngineTest, HalfADeliveryIsDoneAgain) {
  std::filesystem::create_directories(suite_.artefacts() + "/models/r1.pending");
  std::filesystem::create_directories(
      suite_.artefacts() + "/models/r1");  // published, but the advisor died before it could say so
  std::ofstream(suite_.artefacts() + "/models/r1/model.json") << "old";
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ExpectDelivered(advisor->AwaitEnd("r1"));
}

// Each call fails a few times before it works.
TEST_F(RunEngineTest, ServicesThatAreAwayForAWhileAreWaitedFor) {
  for (const grpc::StatusCode code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::DEADLINE_EXCEEDED}) {
    std::mutex mutex;
    std::map<std::string, int> failures;
    suite_.SetHook([&](const std::string& method, Moment moment, grpc::ServerContext&) {
      std::lock_guard lock(mutex);
      if (failures[method + (moment == Moment::kArrived ? "" : "'")]++ < 2) return grpc::Status(code, "away");
      return grpc::Status::OK;
    });
    FakeSuite& suite = suite_;
    auto advisor = NewAdvisor();
    const std::string id = code == grpc::StatusCode::UNAVAILABLE ? "r1" : "r2";
    advisor->CreateRun(id, RunSpecOfFile());
    EXPECT_EQ(advisor->AwaitEnd(id).state(), v1::Run::STATE_SUCCEEDED);
    EXPECT_THAT(suite.datasets(), Contains("datasets/" + id));
    suite_.SetHook(nullptr);
  }
  EXPECT_EQ(suite_.experiments().size(), 2u);
}

TEST_F(RunEngineTest, ARunSaysWhomItWaitsFor) {
  std::atomic<bool> away = true;
  suite_.SetHook([&](const std::string& method, Moment, grpc::ServerContext&) {
    return method == "CreateExperiment" && away ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone fishing")
                                                : grpc::Status::OK;
  });
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  EXPECT_TRUE(Eventually([&] { return advisor->GetRun("r1").waiting_for() != ""; }));
  const std::string waiting_for = advisor->GetRun("r1").waiting_for();
  EXPECT_THAT(waiting_for, HasSubstr("optimizer at 127.0.0.1:"));
  EXPECT_THAT(waiting_for, HasSubstr("gone fishing"));
  away = false;
  ExpectDelivered(advisor->AwaitEnd("r1"));
}

TEST_F(RunEngineTest, PatienceEndsWithTheRetryBudgetAndResumeGoesOn) {
  sda::testing::FakeClock clock;
  std::atomic<bool> away = true;
  suite_.SetHook([&](const std::string& method, Moment, grpc::ServerContext&) {
    return method == "Evaluate" && away ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "away")
                                        : grpc::Status::OK;
  });
  auto advisor = NewAdvisor({.clock = &clock, .retry_budget = absl::Minutes(10)});
  advisor->CreateRun("r1", RunSpecOfFile());
  const v1::Run failed = advisor->AwaitEnd("r1");
  EXPECT_EQ(failed.state(), v1::Run::STATE_FAILED);
  EXPECT_EQ(failed.stage(), v1::Run::STAGE_DELIVER);
  EXPECT_EQ(failed.error().code(), static_cast<int>(grpc::StatusCode::UNAVAILABLE));
  EXPECT_THAT(failed.error().message(), HasSubstr("trainer at 127.0.0.1:"));
  EXPECT_FALSE(failed.has_result());
  EXPECT_GE(clock.Monotonic(),
            absl::Hours(1) + absl::Minutes(9));  // where the fake clock begins, and ten minutes
  away = false;
  advisor->ResumeRun("r1");
  ExpectDelivered(advisor->AwaitEnd("r1"));
  EXPECT_EQ(suite_.count("CreateDataset"), 1);
  EXPECT_EQ(suite_.count("CreateExperiment"), 1);
}

TEST_F(RunEngineTest, OtherErrorsEndTheRunAtOnce) {
  suite_.SetHook([&](const std::string& method, Moment, grpc::ServerContext&) {
    return method == "CreateExperiment" ? grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such thing")
                                        : grpc::Status::OK;
  });
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  const v1::Run run = advisor->AwaitEnd("r1");
  EXPECT_EQ(run.state(), v1::Run::STATE_FAILED);
  EXPECT_EQ(run.stage(), v1::Run::STAGE_TUNE);
  EXPECT_EQ(run.error().code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  EXPECT_THAT(run.error().message(), HasSubstr("no such thing"));
  EXPECT_EQ(run.dataset(), "datasets/r1");
  EXPECT_EQ(suite_.count("CreateExperiment"), 1);
}

TEST_F(RunEngineTest, BadDataEndsTheRunWithTheJobsErrorAndResumeBeginsANewJob) {
  suite_.SetScript({.job_error = "RAGGED_ROW"});
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  const v1::Run run = advisor->AwaitEnd("r1");
  EXPECT_EQ(run.state(), v1::Run::STATE_FAILED);
  EXPECT_EQ(run.stage(), v1::Run::STAGE_ENCODE);
  EXPECT_EQ(run.error().code(), 3);
  EXPECT_EQ(run.error().reason(), "RAGGED_ROW");
  EXPECT_EQ(run.error().metadata().at("line"), "17");
  EXPECT_THAT(run.error().message(), HasSubstr("line 17"));
  suite_.SetScript({});
  advisor->ResumeRun("r1");
  EXPECT_EQ(advisor->AwaitEnd("r1").state(), v1::Run::STATE_SUCCEEDED);
  EXPECT_EQ(suite_.count("CreateDataset"), 2);
}

TEST_F(RunEngineTest, WithoutASuccessfulTrialTheRunFailsAndResumeSearchesAnew) {
  const auto bad = FakeSuite::TrialEnd::kInfeasible;
  suite_.SetScript({.trials = {bad, bad, FakeSuite::TrialEnd::kFailed, bad, bad}});
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  const v1::Run run = advisor->AwaitEnd("r1");
  EXPECT_EQ(run.state(), v1::Run::STATE_FAILED);
  EXPECT_EQ(run.stage(), v1::Run::STAGE_TUNE);
  EXPECT_EQ(run.error().reason(), "NO_SUCCESSFUL_TRIAL");
  EXPECT_THAT(run.error().message(), HasSubstr("DIVERGED: the loss is not finite"));
  EXPECT_EQ(run.experiment(), "experiments/r1");
  suite_.SetScript({});
  advisor->ResumeRun("r1");
  const v1::Run second = advisor->AwaitEnd("r1");
  EXPECT_EQ(second.state(), v1::Run::STATE_SUCCEEDED);
  EXPECT_EQ(second.experiment(), "experiments/r1-2");
  EXPECT_EQ(suite_.count("CreateDataset"), 1);
}

TEST_F(RunEngineTest, SingleTrialsMayFail) {
  suite_.SetScript({.trials = {FakeSuite::TrialEnd::kFailed, FakeSuite::TrialEnd::kInfeasible}});
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ExpectDelivered(advisor->AwaitEnd("r1"));
}

TEST_F(RunEngineTest, WhereNoThresholdIsMetTheNearestTrialIsDelivered) {
  suite_.SetScript({.thresholds_met = false});
  auto advisor = NewAdvisor();
  v1::RunSpec spec = RunSpecOfFile();
  auto& auc = *spec.mutable_goal()->add_metrics();
  auc.set_name("auc");
  auc.set_threshold(0.9);
  advisor->CreateRun("r1", spec);
  const v1::Run run = advisor->AwaitEnd("r1");
  EXPECT_EQ(run.state(), v1::Run::STATE_SUCCEEDED);
  EXPECT_FALSE(run.result().goal_met());
  EXPECT_EQ(run.result().best().name(), "experiments/r1/trials/3");
  EXPECT_THAT(run.result().reason(), HasSubstr("No trial reached auc at least 0.9"));
  EXPECT_EQ(run.result().pareto_size(), 0);
  EXPECT_THAT(sda::testing::ReadFile(suite_.artefacts() + "/models/r1/report.md"), HasSubstr("not met"));
}

TEST_F(RunEngineTest, WithoutTestRowsNothingIsEvaluated) {
  suite_.SetScript({.test_rows = 0});
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  const v1::Run run = advisor->AwaitEnd("r1");
  EXPECT_EQ(run.state(), v1::Run::STATE_SUCCEEDED);
  EXPECT_TRUE(run.result().test_metrics().empty());
  EXPECT_EQ(suite_.count("Evaluate"), 0);
}

TEST_F(RunEngineTest, AnEvaluationWithoutAResultIsAskedForAgain) {
  suite_.SetScript({.evaluate_stops_early = true});
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ExpectDelivered(advisor->AwaitEnd("r1"));
  EXPECT_EQ(suite_.count("Evaluate"), 2);
}

TEST_F(RunEngineTest, TrainersAreTriedInTurn) {
  auto advisor = NewAdvisor({.trainers_before = {"127.0.0.1:1"}});  // nobody listens there
  advisor->CreateRun("r1", RunSpecOfFile());
  ExpectDelivered(advisor->AwaitEnd("r1"));
}

TEST_F(RunEngineTest, CancelWhileEncodingStopsTheJob) {
  suite_.HoldJobs();
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ASSERT_TRUE(suite_.AwaitCalls("WatchJob", 1));
  EXPECT_EQ(advisor->CancelRun("r1").state(), v1::Run::STATE_CANCELLED);
  EXPECT_TRUE(Eventually([&] { return !suite_.cancelled_jobs().empty(); }));
  EXPECT_THAT(suite_.cancelled_jobs(), ElementsAre("datasets/r1/jobs/job-1"));
  EXPECT_EQ(advisor->GetRun("r1").state(), v1::Run::STATE_CANCELLED);
}

TEST_F(RunEngineTest, CancelWhileTuningStopsTheExperiment) {
  suite_.HoldTrials();
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ASSERT_TRUE(suite_.AwaitCalls("WatchExperiment", 1));
  EXPECT_EQ(advisor->CancelRun("r1").state(), v1::Run::STATE_CANCELLED);
  EXPECT_TRUE(Eventually([&] { return !suite_.stopped_experiments().empty(); }));
  // The run stays cancelled whatever the experiment does.
  suite_.ReleaseTrials();
  EXPECT_EQ(advisor->GetRun("r1").state(), v1::Run::STATE_CANCELLED);
  EXPECT_EQ(suite_.count("Evaluate"), 0);
}

TEST_F(RunEngineTest, ACancelledRunsExperimentIsStoppedAfterARestartToo) {
  suite_.HoldTrials();
  suite_.SetHook([](const std::string& method, Moment, grpc::ServerContext&) {
    return method == "StopExperiment" ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "away")
                                      : grpc::Status::OK;
  });
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ASSERT_TRUE(suite_.AwaitCalls("WatchExperiment", 1));
  advisor->CancelRun("r1");
  ASSERT_TRUE(suite_.AwaitCalls("StopExperiment", 1));
  advisor.reset();
  EXPECT_TRUE(suite_.stopped_experiments().empty());
  suite_.SetHook(nullptr);
  advisor = NewAdvisor();
  EXPECT_TRUE(Eventually([&] { return !suite_.stopped_experiments().empty(); }));
}

TEST_F(RunEngineTest, ProgressCountsTrials) {
  suite_.HoldTrials();
  auto advisor = NewAdvisor();
  advisor->CreateRun("r1", RunSpecOfFile());
  ASSERT_TRUE(Eventually([&] { return advisor->GetRun("r1").progress().unit() == "trials"; }));
  const v1::Run run = advisor->GetRun("r1");
  EXPECT_EQ(run.stage(), v1::Run::STAGE_TUNE);
  EXPECT_EQ(run.progress().stage(), "trials");
  EXPECT_EQ(run.progress().done_count(), 0);
  EXPECT_EQ(run.progress().total_count(), 4);
  suite_.ReleaseTrials();
  advisor->AwaitEnd("r1");
}

TEST_F(RunEngineTest, RunsBeyondTheThreadsWaitTheirTurn) {
  suite_.HoldTrials();
  auto advisor = NewAdvisor({.run_threads = 1});
  advisor->CreateRun("r1", RunSpecOfFile());
  advisor->CreateRun("r2", RunSpecOfFile());
  ASSERT_TRUE(suite_.AwaitCalls("WatchExperiment", 1));
  EXPECT_EQ(advisor->GetRun("r2").state(), v1::Run::STATE_RUNNING);
  EXPECT_EQ(advisor->GetRun("r2").progress().stage(), "waiting");
  suite_.ReleaseTrials();
  EXPECT_EQ(advisor->AwaitEnd("r1").state(), v1::Run::STATE_SUCCEEDED);
  EXPECT_EQ(advisor->AwaitEnd("r2").state(), v1::Run::STATE_SUCCEEDED);
}

}  // namespace
}  // namespace sda::advisor
