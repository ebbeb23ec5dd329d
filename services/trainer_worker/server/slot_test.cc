#include <atomic>
#include <cmath>
#include <limits>
#include <new>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/testing/eventually.h"
#include "services/trainer_worker/server/testing/worker_fixture.h"

namespace sda::trainer::testing {
namespace {

using optimizer::v1::FailTrialRequest;
using optimizer::v1::ParameterValue;
using sda::testing::Eventually;
using ::testing::HasSubstr;

class SlotTest : public WorkerTest {
 protected:
  std::vector<int64_t> Steps(const std::string& trial) {
    std::vector<int64_t> steps;
    for (const auto& measurement : optimizer_.Get(trial).measurements) steps.push_back(measurement.step());
    return steps;
  }

  // What the worker said when it gave up on the trial.
  FailTrialRequest Failure(const std::string& trial) {
    EXPECT_TRUE(optimizer_.AwaitEnd(trial));
    return optimizer_.Get(trial).failed.value_or(FailTrialRequest());
  }
};

// Waits as training does that is never told to end.
AttemptOutcome UntilCancelled(std::stop_token stop) {
  EXPECT_TRUE(Eventually([&] { return stop.stop_requested(); }));
  AttemptOutcome outcome;
  outcome.end = AttemptOutcome::End::kCancelled;
  return outcome;
}

TEST_F(SlotTest, TrialIsTrainedReportedAndCompleted) {
  AttemptOrder seen;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder& order, AttemptListener& listener,
                                          std::stop_token) {
    seen = order;
    EXPECT_TRUE(listener.OnReading({.step = 10,
                                    .samples = 320,
                                    .train_seconds = 1.5,
                                    .metrics = {{"auc", 0.7}, {"logloss", std::nan("")}, {"unheard_of", 1.0}},
                                    .checkpoint = order.folder + "/checkpoint-10"}));
    AttemptOutcome outcome = Finished(0.75);
    outcome.metrics["unheard_of"] = 2;
    outcome.artifacts["model"] = order.folder + "/model";
    return outcome;
  });
  ParameterValue rate;
  rate.set_double_value(0.25);
  const std::string trial = optimizer_.AddTrial(Work(), {{"optimizer.dense.learning_rate", rate}});
  StartWorker(runner);
  ASSERT_TRUE(optimizer_.AwaitEnd(trial));

  EXPECT_EQ(seen.spec.optimizer().dense().learning_rate(), 0.25);
  EXPECT_EQ(seen.spec.training().batch_size(), 2048) << "defaults are filled in";
  EXPECT_EQ(seen.folder, "experiments/e/trials/1/attempt-1");
  EXPECT_EQ(seen.resume_checkpoint, "");
  const FakeTrial end = optimizer_.Get(trial);
  ASSERT_EQ(end.measurements.size(), 1u);
  EXPECT_EQ(end.measurements[0].samples_count(), 320);
  EXPECT_EQ(end.measurements[0].elapsed().seconds(), 1);
  EXPECT_EQ(end.measurements[0].elapsed().nanos(), 500'000'000);
  EXPECT_EQ(end.measurements[0].checkpoint_uri(), "experiments/e/trials/1/attempt-1/checkpoint-10");
  ASSERT_EQ(end.measurements[0].metrics_size(), 1) << "only metrics of the experiment, only finite ones";
  EXPECT_EQ(end.measurements[0].metrics().at("auc"), 0.7);
  ASSERT_TRUE(end.completed.has_value());
  EXPECT_FALSE(end.completed->truncated());
  EXPECT_EQ(end.completed->metrics_size(), 2);
  EXPECT_EQ(end.completed->metrics().at("auc").value(), 0.75);
  EXPECT_EQ(end.completed->artifacts().at("model"), "experiments/e/trials/1/attempt-1/model");
  EXPECT_EQ(end.memory_required_bytes, 1000);
}

TEST_F(SlotTest, TrainingGoesOnWhileTheOptimizerIsAwayAndReadingsFollowInOrder) {
  std::atomic<bool> trained = false;
  ScriptedRunner& runner =
      MakeRunner([&](const AttemptOrder&, AttemptListener& listener, std::stop_token stop) {
        EXPECT_TRUE(listener.OnReading({.step = 1, .metrics = {{"auc", 0.6}}}));
        optimizer_.SetAway(true);
        for (int64_t step = 2; step <= 5; ++step)
          EXPECT_TRUE(listener.OnReading({.step = step, .metrics = {{"auc", 0.6}}}));
        EXPECT_FALSE(stop.stop_requested());
        trained = true;
        return Finished(0.8);
      });
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  ASSERT_TRUE(Eventually([&] { return trained.load(); }));
  EXPECT_FALSE(optimizer_.Get(trial).ended());
  optimizer_.SetAway(false);
  ASSERT_TRUE(optimizer_.AwaitEnd(trial));
  EXPECT_THAT(Steps(trial), ::testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_TRUE(optimizer_.Get(trial).completed.has_value());
}

TEST_F(SlotTest, LostRepliesLeadToNoSecondTrialReadingOrEnd) {
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener& listener, std::stop_token) {
    optimizer_.LoseReplies(1);
    EXPECT_TRUE(listener.OnReading({.step = 1, .metrics = {{"auc", 0.6}}}));
    EXPECT_TRUE(Eventually([&] {  // the repeated report was answered
      return listener.OnReading({.step = 2, .metrics = {{"auc", 0.6}}}) &&
             Steps("experiments/e/trials/1").size() == 2;
    }));
    optimizer_.LoseReplies(1);
    return Finished(0.8);
  });
  optimizer_.LoseReplies(1);
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  ASSERT_TRUE(optimizer_.AwaitEnd(trial));
  worker_->Stop();
  const FakeTrial end = optimizer_.Get(trial);
  EXPECT_EQ(end.attempt, 1);
  EXPECT_THAT(Steps(trial), ::testing::ElementsAre(1, 2));
  EXPECT_TRUE(end.completed.has_value());
  EXPECT_FALSE(end.failed.has_value());
  EXPECT_EQ(end.releases, 0);
}

TEST_F(SlotTest, LostLeaseStopsTrainingSaysNothingAndTakesTheNextTrial) {
  std::atomic<int> runs = 0;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener&, std::stop_token stop) {
    if (++runs > 1) return Finished(0.8);
    optimizer_.Revoke("experiments/e/trials/1");
    return UntilCancelled(stop);
  });
  const std::string lost = optimizer_.AddTrial(Work());
  const std::string next = optimizer_.AddTrial(Work());
  StartWorker(runner);
  ASSERT_TRUE(optimizer_.AwaitEnd(next));
  EXPECT_TRUE(optimizer_.Get(next).completed.has_value());
  const FakeTrial trial = optimizer_.Get(lost);
  EXPECT_FALSE(trial.ended());
  EXPECT_EQ(trial.releases, 0);
  EXPECT_TRUE(trial.measurements.empty());
  EXPECT_THAT(metrics_.Text(), HasSubstr("sda_worker_attempts_total{outcome=\"lease_lost\"} 1"));
}

TEST_F(SlotTest, FinishedTrainingOfALostLeaseIsNotCompleted) {
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder& order, AttemptListener&, std::stop_token) {
    if (order.folder == "experiments/e/trials/1/attempt-1") optimizer_.Revoke("experiments/e/trials/1");
    return Finished(0.8);
  });
  const std::string lost = optimizer_.AddTrial(Work());
  const std::string next = optimizer_.AddTrial(Work());
  StartWorker(runner);
  ASSERT_TRUE(optimizer_.AwaitEnd(next));
  EXPECT_FALSE(optimizer_.Get(lost).ended());
}

TEST_F(SlotTest, TrialToldToStopIsCompletedTruncatedWithItsLastReading) {
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener& listener, std::stop_token) {
    optimizer_.TellToStop("experiments/e/trials/1");
    EXPECT_FALSE(listener.OnReading({.step = 3, .metrics = {{"auc", 0.61}}}));
    AttemptOutcome outcome = Finished(0.61);
    outcome.end = AttemptOutcome::End::kStopped;
    return outcome;
  });
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  ASSERT_TRUE(optimizer_.AwaitEnd(trial));
  const FakeTrial end = optimizer_.Get(trial);
  ASSERT_TRUE(end.completed.has_value());
  EXPECT_TRUE(end.completed->truncated());
  EXPECT_EQ(end.completed->metrics().at("auc").value(), 0.61);
}

TEST_F(SlotTest, DivergenceIsThePointsFault) {
  ScriptedRunner& runner = MakeRunner([](const AttemptOrder&, AttemptListener&, std::stop_token) {
    AttemptOutcome outcome;
    outcome.end = AttemptOutcome::End::kDiverged;
    outcome.reason = "LOSS_NOT_FINITE";
    outcome.message = "the loss is NaN at step 7";
    return outcome;
  });
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  const FailTrialRequest failure = Failure(trial);
  EXPECT_EQ(failure.cause(), FailTrialRequest::CAUSE_POINT);
  EXPECT_EQ(failure.reason(), "LOSS_NOT_FINITE");
  EXPECT_EQ(failure.message(), "the loss is NaN at step 7");
}

TEST_F(SlotTest, BadSpecIsTheWorksFaultAndNamesTheField) {
  ScriptedRunner& runner = MakeRunner(
      [](const AttemptOrder&, AttemptListener&, std::stop_token) -> absl::StatusOr<AttemptOutcome> {
        ADD_FAILURE() << "must not be trained";
        return absl::InternalError("trained");
      });
  ParameterValue rate, word;
  rate.set_double_value(std::numeric_limits<double>::quiet_NaN());
  word.set_string_value("many");
  const std::string out_of_range = optimizer_.AddTrial(Work(), {{"optimizer.dense.learning_rate", rate}});
  const std::string wrong_type = optimizer_.AddTrial(Work(), {{"model.embedding_dim", word}});
  const std::string unknown = optimizer_.AddTrial(Work(), {{"model.depth", word}});
  const std::string not_ours = optimizer_.AddTrial({});
  StartWorker(runner);
  for (const auto& [trial, field] : {std::pair(out_of_range, "optimizer.dense.learning_rate"),
                                     std::pair(wrong_type, "model.embedding_dim"),
                                     std::pair(unknown, "model.depth"), std::pair(not_ours, "work")}) {
    const FailTrialRequest failure = Failure(trial);
    EXPECT_EQ(failure.cause(), FailTrialRequest::CAUSE_WORK);
    EXPECT_EQ(failure.reason(), "BAD_SPEC");
    EXPECT_THAT(failure.message(), HasSubstr(field));
  }
}

TEST_F(SlotTest, PointThatCannotFitIsRefusedBeforeTraining) {
  ScriptedRunner& runner = MakeRunner(
      [](const AttemptOrder&, AttemptListener&, std::stop_token) -> absl::StatusOr<AttemptOutcome> {
        ADD_FAILURE() << "must not be trained";
        return absl::InternalError("trained");
      });
  runner.memory_bytes = 1'000'001;
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  const FailTrialRequest failure = Failure(trial);
  EXPECT_EQ(failure.cause(), FailTrialRequest::CAUSE_POINT);
  EXPECT_EQ(failure.reason(), "OUT_OF_MEMORY");
  EXPECT_EQ(optimizer_.Get(trial).memory_required_bytes, 1'000'001) << "declared before it is judged";
}

TEST_F(SlotTest, MemoryThatRunsOutIsThePointsFault) {
  ScriptedRunner& runner =
      MakeRunner([](const AttemptOrder&, AttemptListener&,
                    std::stop_token) -> absl::StatusOr<AttemptOutcome> { throw std::bad_alloc(); });
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  const FailTrialRequest failure = Failure(trial);
  EXPECT_EQ(failure.cause(), FailTrialRequest::CAUSE_POINT);
  EXPECT_EQ(failure.reason(), "OUT_OF_MEMORY");
}

TEST_F(SlotTest, ErrorsAreTheWorksFaultWhereRepeatingIsInVainElseTheEnvironments) {
  ScriptedRunner& runner = MakeRunner(
      [](const AttemptOrder& order, AttemptListener&, std::stop_token) -> absl::StatusOr<AttemptOutcome> {
        if (order.folder == "experiments/e/trials/1/attempt-1") {
          return MakeError(absl::StatusCode::kFailedPrecondition, "the manifest has another digest",
                           {.reason = "MANIFEST_CHANGED", .metadata = {}, .violations = {}});
        }
        return absl::ResourceExhaustedError("no space left on the disk");
      });
  const std::string changed = optimizer_.AddTrial(Work());
  const std::string disk = optimizer_.AddTrial(Work());
  StartWorker(runner);
  EXPECT_EQ(Failure(changed).cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_EQ(Failure(changed).reason(), "MANIFEST_CHANGED");
  EXPECT_EQ(Failure(disk).cause(), FailTrialRequest::CAUSE_ENVIRONMENT);
  EXPECT_EQ(Failure(disk).reason(), "TRAINING_ERROR");
  EXPECT_THAT(Failure(disk).message(), HasSubstr("no space left"));
}

TEST_F(SlotTest, MetricsThatTheExperimentRefusesEndTheTrial) {
  ScriptedRunner& runner = MakeRunner([](const AttemptOrder&, AttemptListener&, std::stop_token) {
    return Finished(std::numeric_limits<double>::quiet_NaN());
  });
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  const FailTrialRequest failure = Failure(trial);
  EXPECT_EQ(failure.cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_EQ(failure.reason(), "METRICS_REFUSED");
}

TEST_F(SlotTest, ResumesFromTheCheckpointOfAnEarlierAttempt) {
  AttemptOrder seen;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder& order, AttemptListener&, std::stop_token) {
    seen = order;
    return Finished(0.8);
  });
  optimizer::v1::Measurement resume_from;
  resume_from.set_step(40);
  resume_from.set_checkpoint_uri("experiments/e/trials/1/attempt-1/checkpoint-40");
  const std::string trial = optimizer_.AddTrial(Work(), {}, resume_from, /*earlier_attempts=*/1);
  StartWorker(runner);
  ASSERT_TRUE(optimizer_.AwaitEnd(trial));
  EXPECT_EQ(seen.resume_checkpoint, "experiments/e/trials/1/attempt-1/checkpoint-40");
  EXPECT_EQ(seen.folder, "experiments/e/trials/1/attempt-2");
}

TEST_F(SlotTest, ShutdownGivesTheTrialBack) {
  std::atomic<bool> training = false;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener&, std::stop_token stop) {
    training = true;
    return UntilCancelled(stop);
  });
  const std::string trial = optimizer_.AddTrial(Work());
  StartWorker(runner);
  ASSERT_TRUE(Eventually([&] { return training.load(); }));
  EXPECT_EQ(worker_->Describe().slots(0).trial(), trial);
  EXPECT_EQ(worker_->Describe().slots(0).attempt(), 1);
  worker_->Stop();
  EXPECT_EQ(optimizer_.Get(trial).releases, 1);
  EXPECT_FALSE(optimizer_.Get(trial).ended());
  EXPECT_EQ(worker_->Describe().slots(0).trial(), "");
}

TEST_F(SlotTest, ShutdownWithoutAnOptimizerEndsAfterTheTimeToGiveBack) {
  std::atomic<bool> training = false;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener&, std::stop_token stop) {
    training = true;
    return UntilCancelled(stop);
  });
  const std::string trial = optimizer_.AddTrial(Work());
  Worker::Options options;
  options.worker_id = "worker-1";
  options.give_back_time = absl::Milliseconds(100);
  worker_ = std::make_unique<Worker>(options, *client_, runner, metrics_);
  worker_->Start();
  ASSERT_TRUE(Eventually([&] { return training.load(); }));
  optimizer_.SetAway(true);
  worker_->Stop();
  EXPECT_EQ(optimizer_.Get(trial).releases, 0);
}

TEST_F(SlotTest, TrialWhoseHandOverWasNotHeardIsGivenBackAtShutdown) {
  ScriptedRunner& runner =
      MakeRunner([](const AttemptOrder&, AttemptListener&, std::stop_token) { return Finished(0.8); });
  optimizer_.LoseReplies(1);
  const std::string trial = optimizer_.AddTrial(Work());
  Worker::Options options;
  options.worker_id = "worker-1";
  worker_ = std::make_unique<Worker>(options, *client_, runner, metrics_);
  worker_->Start();
  ASSERT_TRUE(optimizer_.Await(trial, [](const FakeTrial& t) { return !t.token.empty(); }));
  worker_->Stop();
  // Stopped before or after the repeated call was answered: never is the trial held and forgotten.
  const FakeTrial end = optimizer_.Get(trial);
  EXPECT_TRUE(end.releases == 1 || end.completed.has_value());
  EXPECT_EQ(end.attempt, 1);
}

}  // namespace
}  // namespace sda::trainer::testing
