#include "clients/cli/remote/run_follower.h"

#include <memory>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "clients/cli/remote/run_reports.h"
#include "common/base/error.h"
#include "common/rpc/error_details.h"

namespace sda::cli {
namespace {

using RunProto = advisor::v1::Run;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Plays back streams of runs, one script a call; after the last script the run is gone.
class ScriptedAdvisor final : public advisor::v1::AdvisorService::Service {
 public:
  struct Script {
    std::vector<RunProto> runs;
    grpc::Status end;
  };

  explicit ScriptedAdvisor(std::vector<Script> scripts) : scripts_(std::move(scripts)) {}

  grpc::Status WatchRun(grpc::ServerContext*, const advisor::v1::WatchRunRequest*,
                        grpc::ServerWriter<advisor::v1::WatchRunResponse>* writer) override {
    Script script;
    {
      std::lock_guard lock(mutex_);
      if (next_ == scripts_.size()) return rpc::ToGrpcStatus(absl::NotFoundError("runs/r does not exist"));
      script = scripts_[next_++];
    }
    for (const RunProto& run : script.runs) {
      advisor::v1::WatchRunResponse response;
      *response.mutable_run() = run;
      writer->Write(response);
    }
    return script.end;
  }

  grpc::Status ListRunTrials(grpc::ServerContext*, const advisor::v1::ListRunTrialsRequest* request,
                             advisor::v1::ListRunTrialsResponse* response) override {
    // Two pages, so that both are asked for.
    const int begin = request->page_token().empty() ? 1 : 2;
    for (int number = begin; number < begin + 1; ++number) {
      optimizer::v1::Trial& trial = *response->add_trials();
      trial.set_name("experiments/e/trials/" + std::to_string(number));
      trial.set_state(optimizer::v1::Trial::STATE_SUCCEEDED);
      trial.set_attempt(1);
      (*trial.mutable_metrics())["auc"].set_value(0.7 + number * 0.01);
    }
    if (begin == 1) response->set_next_page_token("2");
    return grpc::Status::OK;
  }

 private:
  std::mutex mutex_;
  const std::vector<Script> scripts_;
  size_t next_ = 0;
};

RunProto InState(RunProto::State state, RunProto::Stage stage, int done = 0) {
  RunProto run;
  run.set_name("runs/r");
  run.set_state(state);
  run.set_stage(stage);
  run.set_experiment("experiments/e");
  run.mutable_progress()->set_stage("trials");
  run.mutable_progress()->set_done_count(done);
  run.mutable_progress()->set_total_count(2);
  run.mutable_progress()->set_unit("trials");
  return run;
}

class RunFollowerTest : public ::testing::Test {
 protected:
  void Serve(std::vector<ScriptedAdvisor::Script> scripts) {
    service_ = std::make_unique<ScriptedAdvisor>(std::move(scripts));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    auto connection = rpc::Connection::Open("127.0.0.1:" + std::to_string(port), {});
    ASSERT_TRUE(connection.ok()) << connection.status();
    client_ = std::make_unique<AdvisorClient>("advisor", *connection, stop_.get_token());
  }

  absl::StatusOr<RunProto> Follow() {
    RunFollower::Listener listener;
    listener.on_progress = [this](const ProgressView& view) { progress_.push_back(RenderLine(view)); };
    listener.on_line = [this](const std::string& line) { lines_.push_back(line); };
    return RunFollower(*client_, listener).Follow("runs/r", absl::Seconds(20));
  }

  std::unique_ptr<ScriptedAdvisor> service_;
  std::unique_ptr<grpc::Server> server_;
  std::stop_source stop_;
  std::unique_ptr<AdvisorClient> client_;
  std::vector<std::string> progress_, lines_;
};

TEST_F(RunFollowerTest, FollowsToTheEndAndReportsEachTrialOnce) {
  Serve({{{InState(RunProto::STATE_RUNNING, RunProto::STAGE_ENCODE),
           InState(RunProto::STATE_RUNNING, RunProto::STAGE_TUNE, 1),
           InState(RunProto::STATE_RUNNING, RunProto::STAGE_TUNE, 2),
           InState(RunProto::STATE_SUCCEEDED, RunProto::STAGE_DELIVER)},
          grpc::Status::OK}});
  const auto run = Follow();
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->state(), RunProto::STATE_SUCCEEDED);
  EXPECT_THAT(lines_, ElementsAre("trial 1 SUCCEEDED: auc 0.71", "trial 2 SUCCEEDED: auc 0.72"));
  EXPECT_THAT(progress_.back(), HasSubstr("[3/4] tune: 2/2 trials (100%), best auc 0.72"));
}

TEST_F(RunFollowerTest, ABrokenStreamIsOpenedAgain) {
  const grpc::Status broken(grpc::StatusCode::UNAVAILABLE, "Socket closed");
  Serve({{{InState(RunProto::STATE_RUNNING, RunProto::STAGE_TUNE, 1)}, broken},
         {{}, broken},
         {{InState(RunProto::STATE_RUNNING, RunProto::STAGE_TUNE, 1)}, grpc::Status::OK},  // ended early
         {{InState(RunProto::STATE_FAILED, RunProto::STAGE_TUNE)}, grpc::Status::OK}});
  const auto run = Follow();
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->state(), RunProto::STATE_FAILED);
  EXPECT_EQ(lines_.size(), 2u);
  EXPECT_THAT(progress_, ::testing::Contains(HasSubstr("waiting for the advisor")));
}

TEST_F(RunFollowerTest, OtherErrorsEndIt) {
  Serve({});
  EXPECT_EQ(Follow().status(),
            rpc::FromGrpcStatus(rpc::ToGrpcStatus(absl::NotFoundError("runs/r does not exist"))));
}

TEST_F(RunFollowerTest, AnInterruptionEndsIt) {
  Serve({{{InState(RunProto::STATE_RUNNING, RunProto::STAGE_TUNE)},
          grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone")}});
  stop_.request_stop();
  EXPECT_TRUE(absl::IsCancelled(Follow().status()));
}

TEST_F(RunFollowerTest, AllPagesOfTrialsAreRead) {
  Serve({});
  const auto trials = ListTrialsOfRun(*client_, "runs/r");
  ASSERT_TRUE(trials.ok()) << trials.status();
  EXPECT_EQ(trials->size(), 2u);
}

TEST(RunReportsTest, AFailedRunSaysWhetherTheInputWasBad) {
  RunProto run = InState(RunProto::STATE_FAILED, RunProto::STAGE_ENCODE);
  run.mutable_error()->set_code(3);
  run.mutable_error()->set_message("clicks.csv:17: has 4 fields");
  EXPECT_EQ(ExitCodeOf(ToReport(run, {}, "")), ExitCode::kBadInput);
  run.mutable_error()->set_code(8);
  EXPECT_EQ(ExitCodeOf(ToReport(run, {}, "")), ExitCode::kFailed);
}

TEST(RunReportsTest, TestMetricsStandWithTheBestTrial) {
  RunProto run = InState(RunProto::STATE_SUCCEEDED, RunProto::STAGE_DELIVER);
  run.mutable_result()->set_goal_met(true);
  run.mutable_result()->set_model_uri("models/m");
  run.mutable_result()->mutable_best()->set_name("experiments/e/trials/1");
  (*run.mutable_result()->mutable_best()->mutable_metrics())["auc"].set_value(0.71);
  (*run.mutable_result()->mutable_test_metrics())["test_auc"] = 0.7;
  const RunReport report = ToReport(run, {}, "/s/artefacts");
  EXPECT_EQ(report.best->metrics.at("test_auc"), 0.7);
  EXPECT_EQ(report.best->metrics.at("auc"), 0.71);
  EXPECT_EQ(report.model, "/s/artefacts/models/m");
  EXPECT_EQ(ResolveArtefact("/s", "s3://b/m"), "s3://b/m");
  EXPECT_EQ(ResolveArtefact("", "models/m"), "models/m");
}

}  // namespace
}  // namespace sda::cli
