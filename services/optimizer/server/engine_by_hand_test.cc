#include <cmath>
#include <set>

#include <gmock/gmock.h>

#include "common/base/error.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine_fixture.h"

namespace sda::optimizer {
namespace {

using ::testing::ElementsAre;

class ByHandTest : public EngineTest {
 protected:
  // Runs the experiment's budget out; trial n gets auc n/10.
  void Finish(const std::string& id, int trials) {
    for (int i = 1; i <= trials; ++i) {
      const auto acquired = Acquire("a" + std::to_string(i), id);
      ASSERT_EQ(acquired.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
      ASSERT_TRUE(Complete(acquired.lease(), i / 10.0, "c" + std::to_string(i)).ok());
    }
  }

  absl::StatusOr<v1::AmendTrialResponse> Amend(const std::string& trial, double auc,
                                               const std::string& request_id = "amend") {
    v1::AmendTrialRequest request;
    request.set_request_id(request_id);
    request.set_name(trial);
    request.set_reason("wrong validation split");
    (*request.mutable_metrics())["auc"].set_value(auc);
    return engine->AmendTrial(request);
  }

  absl::StatusOr<v1::VoidTrialResponse> Void(const std::string& trial,
                                             const std::string& request_id = "void") {
    v1::VoidTrialRequest request;
    request.set_request_id(request_id);
    request.set_name(trial);
    request.set_reason("measured on the training set");
    return engine->VoidTrial(request);
  }

  std::string Recommended(const std::string& id = "a") {
    v1::ListBestTrialsRequest request;
    request.set_parent("experiments/" + id);
    const auto best = engine->ListBestTrials(request);
    EXPECT_TRUE(best.ok()) << best.status();
    return best.ok() ? best->recommended().name() : "";
  }

  absl::StatusOr<v1::UpdateExperimentResponse> Update(const std::string& path,
                                                      const std::function<void(v1::Experiment&)>& change) {
    v1::UpdateExperimentRequest request;
    request.set_request_id("u" + std::to_string(++updates_));
    request.mutable_experiment()->set_name("experiments/a");
    request.mutable_update_mask()->add_paths(path);
    change(*request.mutable_experiment());
    return engine->UpdateExperiment(request);
  }

  std::vector<std::string> Fields(const absl::Status& status) {
    std::vector<std::string> fields;
    const auto detail = GetErrorDetail(status);
    if (detail) {
      for (const auto& violation : detail->violations) fields.push_back(violation.field);
    }
    return fields;
  }

 private:
  int updates_ = 0;
};

TEST_F(ByHandTest, AnAmendedValueCountsAtOnceAndTheOldOneStaysOnRecord) {
  Create("a", 3, 1);
  Finish("a", 3);
  EXPECT_EQ(Recommended(), "experiments/a/trials/3");
  const auto amended = Amend("experiments/a/trials/1", 0.9);
  ASSERT_TRUE(amended.ok()) << amended.status();
  EXPECT_EQ(Recommended(), "experiments/a/trials/1");
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 3) << "the budget is as it was";
  EXPECT_EQ(DeterministicBytes(*Amend("experiments/a/trials/1", 0.9)), DeterministicBytes(*amended))
      << "repeated";
  Restart();
  const v1::Trial trial = GetTrial("experiments/a/trials/1");
  EXPECT_EQ(trial.metrics().at("auc").value(), 0.9);
  ASSERT_EQ(trial.amendments_size(), 1);
  EXPECT_EQ(trial.amendments(0).kind(), v1::Amendment::KIND_AMENDED);
  EXPECT_EQ(trial.amendments(0).reason(), "wrong validation split");
  EXPECT_EQ(trial.amendments(0).previous_metrics().at("auc").value(), 0.1);
  EXPECT_EQ(trial.amendments(0).previous_state(), v1::Trial::STATE_SUCCEEDED);
}

TEST_F(ByHandTest, OnlyGoodValuesOfFinishedTrialsAreAmended) {
  Create("a", 3, 1);
  const auto open = Acquire("1").lease();
  EXPECT_EQ(GetErrorReason(Amend(open.trial(), 0.9).status()), "WRONG_STATE");
  ASSERT_TRUE(Complete(open, 0.5, "c").ok());
  EXPECT_THAT(Fields(Amend(open.trial(), std::nan("")).status()), ElementsAre("metrics[auc]"));
  v1::AmendTrialRequest request;
  request.set_request_id("x");
  request.set_name(open.trial());
  request.set_reason("r");
  EXPECT_THAT(Fields(engine->AmendTrial(request).status()), ElementsAre("metrics"));
  (*request.mutable_metrics())["unknown"].set_value(1);
  (*request.mutable_metrics())["auc"].set_stddev(-1);
  EXPECT_THAT(Fields(engine->AmendTrial(request).status()),
              ::testing::UnorderedElementsAre("metrics[auc].stddev", "metrics[unknown]"));
  request.clear_reason();
  EXPECT_THAT(Fields(engine->AmendTrial(request).status()), ElementsAre("reason"));
  EXPECT_EQ(GetTrial(open.trial()).metrics().at("auc").value(), 0.5);
}

TEST_F(ByHandTest, AVoidedObservationFreesItsBudgetAndInformsNothing) {
  Create("a", 3, 1);
  Finish("a", 3);
  ASSERT_EQ(Get().state(), v1::Experiment::STATE_COMPLETED);
  const auto voided = Void("experiments/a/trials/3");
  ASSERT_TRUE(voided.ok()) << voided.status();
  EXPECT_EQ(voided->trial().state(), v1::Trial::STATE_CANCELLED);
  EXPECT_EQ(voided->trial().error().reason(), "VOIDED");
  EXPECT_TRUE(voided->trial().metrics().empty());
  EXPECT_EQ(voided->trial().amendments(0).previous_metrics().at("auc").value(), 0.3);
  EXPECT_EQ(Recommended(), "experiments/a/trials/2");
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_ACTIVE) << "goes on";
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 2);
  EXPECT_TRUE(Void("experiments/a/trials/3", "again").ok()) << "no change";
  EXPECT_EQ(GetTrial("experiments/a/trials/3").amendments_size(), 1);
  const auto next = Acquire("n");
  ASSERT_EQ(next.trial().name(), "experiments/a/trials/4");
  ASSERT_TRUE(Complete(next.lease(), 0.4, "cn").ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_COMPLETED);
  EXPECT_EQ(GetErrorReason(Void(Acquire("m").trial().name()).status()), "INVALID_FIELD");
}

TEST_F(ByHandTest, CorrectionsReachWhoWatches) {
  Create("a", 2, 1);
  Finish("a", 2);
  std::string token;
  v1::WatchExperimentRequest watch;
  watch.set_name("experiments/a");
  const auto follow = [&] {
    std::vector<std::string> trials;
    watch.set_resume_token(token);
    const absl::Status ended = engine->WatchExperiment(watch,
                                                       [&](const v1::WatchExperimentResponse& event) {
                                                         if (event.has_trial())
                                                           trials.push_back(event.trial().name());
                                                         token = event.resume_token();
                                                         return true;
                                                       },
                                                       {});
    EXPECT_TRUE(ended.ok()) << ended;
    return trials;
  };
  EXPECT_EQ(follow().size(), 2);
  ASSERT_TRUE(Amend("experiments/a/trials/1", 0.9).ok());
  EXPECT_THAT(follow(), ElementsAre("experiments/a/trials/1"));
}

TEST_F(ByHandTest, ManyTrialsAreMadeTogetherOrNotAtAll) {
  Create("a", 4, 2);
  v1::BatchCreateTrialsRequest request;
  request.set_request_id("b");
  request.set_parent("experiments/a");
  for (int i = 1; i <= 3; ++i) {
    v1::Trial& trial = *request.add_trials();
    (*trial.mutable_assignments())["rate"].set_double_value(0.1 * i);
    (*trial.mutable_assignments())["size"].set_int_value(i);
    if (i < 3) (*trial.mutable_metrics())["auc"].set_value(0.5 + 0.1 * i);
  }
  auto bad = request;
  (*bad.mutable_trials(2)->mutable_assignments())["size"].set_int_value(1000);
  (*bad.mutable_trials(1)->mutable_metrics())["auc"].set_value(INFINITY);
  EXPECT_THAT(Fields(engine->BatchCreateTrials(bad).status()),
              ElementsAre("trials[1].metrics[auc]", "trials[2].assignments[size]"));
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 0);
  const auto made = engine->BatchCreateTrials(request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->trials(2).name(), "experiments/a/trials/3");
  EXPECT_EQ(made->trials(2).state(), v1::Trial::STATE_QUEUED);
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 2);
  request.set_request_id("c");
  EXPECT_EQ(GetErrorReason(engine->BatchCreateTrials(request).status()), "BUDGET_USED_UP");
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 2);
  EXPECT_EQ(Acquire("q").trial().name(), "experiments/a/trials/3") << "the queued one first";
}

TEST_F(ByHandTest, ATrialWithoutAValueInAnAssignmentIsRefused) {
  Create("a", 1, 1);
  v1::CreateTrialRequest request;
  request.set_request_id("x");
  request.set_parent("experiments/a");
  (*request.mutable_trial()->mutable_assignments())["rate"];
  (*request.mutable_trial()->mutable_assignments())["size"].set_int_value(3);
  EXPECT_THAT(Fields(engine->CreateTrial(request).status()), ElementsAre("trial.assignments[rate]"));
}

TEST_F(ByHandTest, ManySuggestionsAreQueuedUpToTheBandwidth) {
  Create("a", 10, 4);
  v1::SuggestTrialsRequest request;
  request.set_request_id("s");
  request.set_parent("experiments/a");
  request.set_count(7);
  const auto suggested = engine->SuggestTrials(request);
  ASSERT_TRUE(suggested.ok()) << suggested.status();
  EXPECT_EQ(suggested->trials_size(), 4);
  std::set<std::string> points;
  for (const v1::Trial& trial : suggested->trials()) {
    EXPECT_EQ(trial.state(), v1::Trial::STATE_QUEUED);
    points.insert(std::to_string(trial.assignments().at("rate").double_value()));
  }
  EXPECT_EQ(points.size(), 4) << "all different";
  EXPECT_EQ(Acquire("1").trial().name(), suggested->trials(0).name());
}

TEST_F(ByHandTest, StandardDeviationsAreKept) {
  Create("a", 2, 1);
  v1::CompleteTrialRequest request;
  request.set_request_id("c");
  *request.mutable_lease() = Acquire("1").lease();
  (*request.mutable_metrics())["auc"].set_value(0.7);
  (*request.mutable_metrics())["auc"].set_stddev(0.01);
  ASSERT_TRUE(engine->CompleteTrial(request).ok());
  EXPECT_EQ(GetTrial("experiments/a/trials/1").metrics().at("auc").stddev(), 0.01);
}

TEST_F(ByHandTest, ABudgetBelowWhatIsCountedIsRefusedAndAHigherOneReopens) {
  Create("a", 3, 1);
  Finish("a", 3);
  EXPECT_THAT(Fields(Update("observation_budget", [](auto& e) { e.set_observation_budget(2); }).status()),
              ElementsAre("experiment.observation_budget"));
  EXPECT_EQ(Get().observation_budget(), 3);
  ASSERT_TRUE(Update("observation_budget", [](auto& e) { e.set_observation_budget(5); }).ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_ACTIVE);
  EXPECT_FALSE(Get().has_complete_time());
  ASSERT_EQ(Acquire("n").outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
  // Four trials are counted or under way: down to that, and no further.
  EXPECT_FALSE(Update("observation_budget", [](auto& e) { e.set_observation_budget(3); }).ok());
  EXPECT_TRUE(Update("observation_budget", [](auto& e) { e.set_observation_budget(4); }).ok());
  EXPECT_EQ(Acquire("m").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
}

TEST_F(ByHandTest, BandwidthChangesWhileItRuns) {
  Create("a", 10, 1);
  Acquire("1");
  EXPECT_EQ(Acquire("2").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  ASSERT_TRUE(Update("parallel_bandwidth", [](auto& e) { e.set_parallel_bandwidth(3); }).ok());
  Acquire("2");
  EXPECT_EQ(Acquire("3").outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
  ASSERT_TRUE(Update("parallel_bandwidth", [](auto& e) { e.set_parallel_bandwidth(2); }).ok());
  EXPECT_EQ(Acquire("4").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  EXPECT_EQ(Get().trial_counts().active_count(), 3) << "running ones go on";
}

TEST_F(ByHandTest, ThresholdsChangeTheBestTrials) {
  auto create = CreateRequest("a", 3, 1);
  auto& seconds = *create.mutable_experiment()->mutable_metrics(1);
  seconds.set_strategy(v1::Metric::STRATEGY_CONSTRAINT);
  seconds.set_objective(v1::Metric::OBJECTIVE_MINIMIZE);
  seconds.set_threshold(100);
  ASSERT_TRUE(engine->CreateExperiment(create).ok());
  for (int i = 1; i <= 3; ++i) {
    v1::CompleteTrialRequest request;
    request.set_request_id("c" + std::to_string(i));
    *request.mutable_lease() = Acquire("a" + std::to_string(i)).lease();
    (*request.mutable_metrics())["auc"].set_value(0.1 * i);
    (*request.mutable_metrics())["seconds"].set_value(10 * i);
    ASSERT_TRUE(engine->CompleteTrial(request).ok());
  }
  EXPECT_EQ(Recommended(), "experiments/a/trials/3");
  const auto set = [&](double threshold) {
    return Update("metrics", [&](v1::Experiment& e) {
      *e.mutable_metrics() = Get().metrics();
      e.mutable_metrics(1)->set_threshold(threshold);
    });
  };
  ASSERT_TRUE(set(25).ok());
  EXPECT_EQ(Recommended(), "experiments/a/trials/2");
  EXPECT_THAT(Fields(set(std::nan("")).status()), ElementsAre("experiment.metrics[1].threshold"));
  EXPECT_EQ(Recommended(), "experiments/a/trials/2");
}

TEST_F(ByHandTest, AWallClockBudgetEndsTheSearch) {
  auto create = CreateRequest("a", 5, 2);
  create.mutable_experiment()->mutable_wall_clock_budget()->set_seconds(100);
  ASSERT_TRUE(engine->CreateExperiment(create).ok());
  const auto running = Acquire("1").lease();
  clock.Advance(absl::Seconds(50));
  ASSERT_TRUE(engine->Sweep().ok());
  ASSERT_TRUE(Report(running, 1, 0.5).ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_ACTIVE);
  // More time while it runs.
  ASSERT_TRUE(
      Update("wall_clock_budget", [](auto& e) { e.mutable_wall_clock_budget()->set_seconds(120); }).ok());
  clock.Advance(absl::Seconds(55));
  ASSERT_TRUE(engine->Sweep().ok());
  ASSERT_TRUE(Report(running, 2, 0.5).ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_ACTIVE);
  clock.Advance(absl::Seconds(16));
  ASSERT_TRUE(engine->Sweep().ok());
  EXPECT_EQ(Get().state(), v1::Experiment::STATE_STOPPED);
  EXPECT_EQ(Get().state_reason(), "WALL_CLOCK_BUDGET");
  const auto told = Report(running, 3, 0.5);
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_TRUE(told->stop());
  EXPECT_EQ(told->stop_reason(), "EXPERIMENT_STOPPED");
}

TEST_F(ByHandTest, ACloneIsTheSameSearchAnew) {
  auto create = CreateRequest("a", 3, 1);
  create.mutable_experiment()->mutable_work()->set_type_url("type.googleapis.com/x.Y");
  create.mutable_experiment()->mutable_work()->set_value("abc");
  (*create.mutable_experiment()->mutable_labels())["team"] = "ads";
  ASSERT_TRUE(engine->CreateExperiment(create).ok());
  Finish("a", 3);
  v1::CloneExperimentRequest request;
  request.set_request_id("clone");
  request.set_name("experiments/a");
  request.set_experiment_id("b");
  const auto clone = engine->CloneExperiment(request);
  ASSERT_TRUE(clone.ok()) << clone.status();
  EXPECT_EQ(clone->experiment().state(), v1::Experiment::STATE_ACTIVE);
  EXPECT_EQ(clone->experiment().trial_counts().succeeded_count(), 0);
  v1::Experiment a = Get("a"), b = Get("b");
  for (v1::Experiment* e : {&a, &b}) {
    e->clear_name();
    e->clear_display_name();
    e->clear_state();
    e->clear_create_time();
    e->clear_update_time();
    e->clear_complete_time();
    e->clear_etag();
    e->clear_trial_counts();
  }
  EXPECT_EQ(DeterministicBytes(a), DeterministicBytes(b));
  EXPECT_EQ(GetErrorReason(engine
                               ->CloneExperiment([&] {
                                 auto again = request;
                                 again.set_request_id("other");
                                 return again;
                               }())
                               .status()),
            "EXPERIMENT_EXISTS");
  // Same seed, same data: same suggestions.
  EXPECT_EQ(Acquire("b1", "b").trial().assignments().at("rate").double_value(),
            GetTrial("experiments/a/trials/1").assignments().at("rate").double_value());
}

TEST_F(ByHandTest, ACloneMayDifferAndTakeTheTrialsAlong) {
  Create("a", 3, 1);
  Finish("a", 3);
  v1::CloneExperimentRequest request;
  request.set_request_id("clone");
  request.set_name("experiments/a");
  request.set_experiment_id("b");
  request.set_copy_trials(true);
  request.mutable_update_mask()->add_paths("observation_budget");
  request.mutable_update_mask()->add_paths("parameters");
  request.mutable_experiment()->set_observation_budget(2);
  *request.mutable_experiment()->mutable_parameters() = Get("a").parameters();
  EXPECT_THAT(Fields(engine->CloneExperiment(request).status()),
              ElementsAre("experiment.observation_budget"));
  request.mutable_experiment()->set_observation_budget(9);
  request.mutable_experiment()->mutable_parameters(1)->mutable_int_range()->set_max(2);
  EXPECT_FALSE(engine->CloneExperiment(request).ok()) << "the trials lie outside";
  request.mutable_experiment()->mutable_parameters(1)->mutable_int_range()->set_max(200);
  const auto clone = engine->CloneExperiment(request);
  ASSERT_TRUE(clone.ok()) << clone.status();
  EXPECT_EQ(clone->experiment().trial_counts().succeeded_count(), 3);
  EXPECT_EQ(clone->experiment().observation_budget(), 9);
  EXPECT_EQ(clone->experiment().parallel_bandwidth(), 1) << "not named: as in the source";
  EXPECT_EQ(Recommended("b"), "experiments/b/trials/3");
  request.set_request_id("x");
  request.set_experiment_id("c");
  request.mutable_update_mask()->add_paths("state");
  EXPECT_THAT(Fields(engine->CloneExperiment(request).status()), ElementsAre("update_mask"));
}

}  // namespace
}  // namespace sda::optimizer
