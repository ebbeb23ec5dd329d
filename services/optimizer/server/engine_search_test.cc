#include <cmath>
#include <map>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <gmock/gmock.h>

#include "common/base/error.h"
#include "services/optimizer/server/engine_fixture.h"

// What an experiment may say of its space and its stopping, seen through the engine.
namespace sda::optimizer {
namespace {

using EngineSearchTest = EngineTest;

v1::SuggestTrialsResponse Suggest(Engine& engine, int count) {
  v1::SuggestTrialsRequest request;
  request.set_request_id("suggest");
  request.set_parent("experiments/a");
  request.set_count(count);
  const auto response = engine.SuggestTrials(request);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *response : v1::SuggestTrialsResponse();
}

TEST_F(EngineSearchTest, PriorsShapeTheFirstPoints) {
  auto create = CreateRequest("a", 600, 600);
  auto& experiment = *create.mutable_experiment();
  experiment.set_algorithm(v1::Experiment::ALGORITHM_SOBOL);
  experiment.clear_parameters();
  for (const char* name : {"normal", "beta", "steps"}) {
    auto& parameter = *experiment.add_parameters();
    parameter.set_name(name);
    parameter.mutable_double_range()->set_min(0);
    parameter.mutable_double_range()->set_max(10);
  }
  auto& normal = *experiment.mutable_parameters(0)->mutable_prior()->mutable_normal();
  normal.set_mean(3);
  normal.set_stddev(1);
  auto& beta = *experiment.mutable_parameters(1)->mutable_prior()->mutable_beta();
  beta.set_alpha(2);
  beta.set_beta(6);
  for (const double weight : {1, 0, 3, 0, 0}) {
    experiment.mutable_parameters(2)->mutable_prior()->mutable_histogram()->add_weights(weight);
  }
  ASSERT_TRUE(engine->CreateExperiment(create).ok());
  std::map<std::string, double> sum;
  int in_third = 0;
  const auto suggested = Suggest(*engine, 512);
  ASSERT_EQ(suggested.trials_size(), 512);
  for (const v1::Trial& trial : suggested.trials()) {
    for (const auto& [name, value] : trial.assignments()) sum[name] += value.double_value() / 512;
    const double steps = trial.assignments().at("steps").double_value();
    EXPECT_TRUE(steps <= 2 || (steps >= 4 && steps <= 6)) << steps;
    in_third += steps >= 4;
  }
  EXPECT_NEAR(sum["normal"], 3, 0.05);
  EXPECT_NEAR(sum["beta"], 10 * 2.0 / 8, 0.05);
  EXPECT_NEAR(in_third / 512.0, 0.75, 0.01);
}

// The promise of latency: whatever the model would still do, a valid point is at hand in time, and says so.
TEST_F(EngineSearchTest, ADeadlineCutsTheSearchButNotTheSuggestion) {
  Create("a", 40, 4);
  for (int i = 0; i < 12; ++i) {
    const auto acquired = Acquire(absl::StrCat("acquire-", i));
    ASSERT_EQ(acquired.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
    ASSERT_TRUE(Complete(acquired.lease(), 0.5 + 0.01 * i, absl::StrCat("complete-", i)).ok());
  }
  v1::SuggestTrialsRequest request;
  request.set_request_id("in no time");
  request.set_parent("experiments/a");
  request.set_count(2);
  const auto cut = engine->SuggestTrials(request, absl::Now());
  ASSERT_TRUE(cut.ok()) << cut.status();
  ASSERT_EQ(cut->trials_size(), 2);
  for (const v1::Trial& trial : cut->trials()) {
    EXPECT_TRUE(trial.explanation().deadline_cut()) << trial.explanation().text();
    EXPECT_EQ(trial.explanation().source(), v1::Explanation::SOURCE_SOBOL);
  }
  const auto acquired = engine->AcquireTrial(AcquireRequest("of a model"), {}, absl::Now() + absl::Hours(1));
  ASSERT_TRUE(acquired.ok()) << acquired.status();
  const auto next = Suggest(*engine, 1);
  ASSERT_EQ(next.trials_size(), 1);
  EXPECT_FALSE(next.trials(0).explanation().deadline_cut());
  EXPECT_EQ(next.trials(0).explanation().source(), v1::Explanation::SOURCE_BAYESIAN);
}

TEST_F(EngineSearchTest, BadHistogramsAreNamed) {
  auto create = CreateRequest("a", 5, 1);
  create.mutable_experiment()->mutable_parameters(0)->mutable_prior()->mutable_histogram();
  const auto field = [&] {
    const auto detail = GetErrorDetail(engine->CreateExperiment(create).status());
    return detail ? detail->violations[0].field : "";
  };
  EXPECT_EQ(field(), "experiment.parameters[0].prior.histogram.weights");
  auto& histogram = *create.mutable_experiment()->mutable_parameters(0)->mutable_prior()->mutable_histogram();
  histogram.add_weights(0);
  EXPECT_EQ(field(), "experiment.parameters[0].prior.histogram.weights");
  histogram.add_weights(std::nan(""));
  EXPECT_EQ(field(), "experiment.parameters[0].prior.histogram.weights[1]");
  histogram.set_weights(1, 1e308);
  histogram.add_weights(1e308);
  EXPECT_EQ(field(), "experiment.parameters[0].prior.histogram.weights");
}

TEST_F(EngineSearchTest, AnExpectedCostIsUsedAndSaid) {
  auto create = CreateRequest("a", 30, 1);
  auto& seconds = *create.mutable_experiment()->mutable_metrics(1);
  seconds.set_strategy(v1::Metric::STRATEGY_OPTIMIZE);
  seconds.set_objective(v1::Metric::OBJECTIVE_MINIMIZE);
  seconds.set_expected("2 + size ^ 2 * log(1 + 100 * rate)");
  const auto created = engine->CreateExperiment(create);
  ASSERT_TRUE(created.ok()) << created.status();
  std::string text;
  for (int i = 0; i < 10; ++i) {
    const v1::AcquireTrialResponse acquired = Acquire(absl::StrCat("acquire-", i));
    const v1::Trial& trial = acquired.trial();
    const double size = static_cast<double>(trial.assignments().at("size").int_value());
    const double rate = trial.assignments().at("rate").double_value();
    text = trial.explanation().text();
    v1::CompleteTrialRequest complete;
    complete.set_request_id(absl::StrCat("complete-", i));
    *complete.mutable_lease() = acquired.lease();
    (*complete.mutable_metrics())["auc"].set_value(0.7 + 0.01 * std::log(size));
    (*complete.mutable_metrics())["seconds"].set_value(5e-3 * size * size * std::log(1 + 100 * rate));
    ASSERT_TRUE(engine->CompleteTrial(complete).ok());
  }
  EXPECT_THAT(text, ::testing::HasSubstr("seconds starts from a prediction given beforehand"));
}

// A running trial whose readings tell how it will end counts with that value; one without as unknown.
TEST_F(EngineSearchTest, ReadingsOfRunningTrialsInformTheModel) {
  ASSERT_TRUE(engine->CreateExperiment(CreateRequest("a", 30, 3)).ok());
  const auto report = [&](const v1::Lease& lease, double end) {
    for (int64_t step = 1; step <= 3; ++step)
      ASSERT_TRUE(Report(lease, step, end - 0.1 / static_cast<double>(step)).ok());
  };
  for (int i = 0; i < 8; ++i) {
    const auto acquired = Acquire(absl::StrCat("acquire-", i));
    const double end = 0.7 + 0.01 * i;
    report(acquired.lease(), end);
    ASSERT_TRUE(Complete(acquired.lease(), end, absl::StrCat("complete-", i)).ok());
  }
  const auto running = Acquire("running");
  EXPECT_THAT(Acquire("beside").trial().explanation().text(),
              ::testing::HasSubstr("1 pending trials taken into account"));
  report(running.lease(), 0.75);
  const std::string text = Acquire("informed").trial().explanation().text();
  EXPECT_THAT(text, ::testing::HasSubstr("over 9 trials"));
  EXPECT_THAT(text, ::testing::HasSubstr("1 pending trials taken into account"));
}

TEST_F(EngineSearchTest, BadFormulasAreNamed) {
  auto create = CreateRequest("a", 5, 1);
  const auto complaint = [&](const std::string& formula) {
    create.mutable_experiment()->mutable_metrics(0)->set_expected(formula);
    const auto detail = GetErrorDetail(engine->CreateExperiment(create).status());
    return detail ? absl::StrCat(detail->violations[0].field, " ", detail->violations[0].description) : "";
  };
  EXPECT_EQ(
      complaint("rate *"),
      "experiment.metrics[0].expected is no formula over the parameters: it wants a value at character 7");
  EXPECT_EQ(complaint("depth + rate"),
            "experiment.metrics[0].expected is no formula over the parameters: it names depth, which is no "
            "parameter");
  EXPECT_EQ(complaint(std::string(2'001, '1')),
            "experiment.metrics[0].expected has 2001 bytes; must have at most 2000");
}

TEST_F(EngineSearchTest, NestedConditionsAndConstraintsHoldForEverySuggestion) {
  for (const auto algorithm : {v1::Experiment::ALGORITHM_SOBOL, v1::Experiment::ALGORITHM_RANDOM,
                               v1::Experiment::ALGORITHM_BAYESIAN}) {
    const std::string id = "a" + std::to_string(algorithm);
    auto create = CreateRequest(id, 40, 40);
    auto& experiment = *create.mutable_experiment();
    experiment.set_algorithm(algorithm);
    experiment.clear_parameters();
    auto& optimizer = *experiment.add_parameters();
    optimizer.set_name("optimizer");
    optimizer.mutable_categories()->add_values("sgd");
    optimizer.mutable_categories()->add_values("adam");
    auto& schedule = *experiment.add_parameters();
    schedule.set_name("schedule");
    schedule.mutable_categories()->add_values("flat");
    schedule.mutable_categories()->add_values("decay");
    schedule.add_conditions()->set_parameter("optimizer");
    schedule.mutable_conditions(0)->add_values()->set_string_value("sgd");
    auto& rate = *experiment.add_parameters();
    rate.set_name("decay_rate");
    rate.mutable_double_range()->set_min(0.1);
    rate.mutable_double_range()->set_max(0.9);
    rate.add_conditions()->set_parameter("schedule");
    rate.mutable_conditions(0)->add_values()->set_string_value("decay");
    for (const char* name : {"x", "y"}) {
      auto& parameter = *experiment.add_parameters();
      parameter.set_name(name);
      parameter.mutable_double_range()->set_min(0);
      parameter.mutable_double_range()->set_max(1);
    }
    auto& constraint = *experiment.add_linear_constraints();
    for (const char* name : {"x", "y"}) {
      auto& term = *constraint.add_terms();
      term.set_parameter(name);
      term.set_weight(1);
    }
    constraint.set_comparison(v1::LinearConstraint::COMPARISON_AT_MOST);
    constraint.set_bound(0.6);
    const auto created = engine->CreateExperiment(create);
    ASSERT_TRUE(created.ok()) << created.status();
    std::set<bool> seen;
    for (int i = 0; i < 24; ++i) {
      const auto acquired = Acquire(id + "-" + std::to_string(i), id);
      const auto& point = acquired.trial().assignments();
      const bool sgd = point.at("optimizer").string_value() == "sgd";
      EXPECT_EQ(point.contains("schedule"), sgd);
      const bool decay = sgd && point.at("schedule").string_value() == "decay";
      EXPECT_EQ(point.contains("decay_rate"), decay);
      seen.insert(decay);
      EXPECT_LE(point.at("x").double_value() + point.at("y").double_value(), 0.6 + 1e-9);
      ASSERT_TRUE(
          Complete(acquired.lease(), point.at("x").double_value(), id + "c" + std::to_string(i)).ok());
    }
    EXPECT_EQ(seen.size(), 2) << "both kinds of point occur";
  }
}

TEST_F(EngineSearchTest, TheThresholdRuleStopsWithItsReasonAndNotBeforeTheMinimum) {
  auto create = CreateRequest("a", 5, 2);
  auto& experiment = *create.mutable_experiment();
  experiment.mutable_metrics(0)->set_threshold(0.8);
  auto& rule = *experiment.mutable_early_stopping()->mutable_threshold();
  rule.set_max_steps(1000);
  rule.set_min_steps(300);
  ASSERT_TRUE(engine->CreateExperiment(create).ok());
  // Levels off at 0.6, long before the threshold.
  const auto curve = [](double end, int64_t step) {
    return end - 0.3 * std::exp(-0.01 * static_cast<double>(step));
  };
  const auto hopeless = Acquire("1").lease(), good = Acquire("2").lease();
  int64_t stopped_at = 0;
  for (int64_t step = 25; step <= 600 && stopped_at == 0; step += 25) {
    const auto reply = Report(hopeless, step, curve(0.6, step));
    ASSERT_TRUE(reply.ok()) << reply.status();
    stopped_at = reply->stop() ? step : 0;
    if (!reply->stop()) continue;
    EXPECT_EQ(reply->stop_reason(), "THRESHOLD_OUT_OF_REACH");
  }
  EXPECT_EQ(stopped_at, 300) << "as soon as it may";
  const v1::Trial trial = GetTrial(hopeless.trial());
  EXPECT_EQ(trial.stop_reason(), "THRESHOLD_OUT_OF_REACH");
  EXPECT_THAT(trial.stop_message(), ::testing::HasSubstr("at step 300, extrapolated to step 1000"));
  for (int64_t step = 25; step <= 1000; step += 25) {
    const auto reply = Report(good, step, curve(0.9, step));
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_FALSE(reply->stop()) << step;
  }
  ASSERT_TRUE(Complete(good, 0.9, "c").ok());
  // A third that meets the threshold but stays behind the second.
  const auto behind = Acquire("3").lease();
  std::string reason;
  for (int64_t step = 25; step <= 1000 && reason.empty(); step += 25) {
    reason = Report(behind, step, curve(0.82, step))->stop_reason();
  }
  EXPECT_EQ(reason, "FRONT_OUT_OF_REACH");
  // A changed threshold changes the verdict: at 0.5 the next such trial may go on until the front decides.
  v1::UpdateExperimentRequest update;
  update.set_request_id("u");
  update.mutable_experiment()->set_name("experiments/a");
  update.mutable_update_mask()->add_paths("metrics");
  *update.mutable_experiment()->mutable_metrics() = Get().metrics();
  update.mutable_experiment()->mutable_metrics(0)->set_threshold(0.95);
  ASSERT_TRUE(engine->UpdateExperiment(update).ok());
  v1::CompleteTrialRequest truncated;
  truncated.set_request_id("t");
  *truncated.mutable_lease() = behind;
  truncated.set_truncated(true);
  ASSERT_TRUE(engine->CompleteTrial(truncated).ok());
  const auto next = Acquire("4").lease();
  reason.clear();
  for (int64_t step = 25; step <= 1000 && reason.empty(); step += 25)
    reason = Report(next, step, curve(0.9, step))->stop_reason();
  EXPECT_EQ(reason, "THRESHOLD_OUT_OF_REACH");
  EXPECT_EQ(GetTrial(behind.trial()).stop_reason(), "FRONT_OUT_OF_REACH") << "kept with the trial";
}

TEST_F(EngineSearchTest, BadThresholdRulesAreNamed) {
  auto create = CreateRequest("a", 5, 1);
  auto& rule = *create.mutable_experiment()->mutable_early_stopping()->mutable_threshold();
  rule.set_min_steps(-1);
  rule.set_min_readings(3);
  rule.set_probability(std::nan(""));
  const auto detail = GetErrorDetail(engine->CreateExperiment(create).status());
  ASSERT_TRUE(detail);
  std::vector<std::string> fields;
  for (const auto& violation : detail->violations) fields.push_back(violation.field);
  EXPECT_THAT(fields, ::testing::ElementsAre("experiment.early_stopping.threshold.max_steps",
                                             "experiment.early_stopping.threshold.min_steps",
                                             "experiment.early_stopping.threshold.min_readings",
                                             "experiment.early_stopping.threshold.probability"));
}

TEST_F(EngineSearchTest, InsightsTellWhatMatters) {
  Create("a", 30, 1);
  v1::GetInsightsRequest request;
  request.set_name("experiments/a");
  EXPECT_EQ(GetErrorReason(engine->GetInsights(request).status()), "TOO_FEW_OBSERVATIONS");
  for (int i = 0; i < 25; ++i) {
    const auto acquired = Acquire("a" + std::to_string(i));
    const double rate = acquired.trial().assignments().at("rate").double_value();
    ASSERT_TRUE(
        Complete(acquired.lease(), 1 - std::pow(std::log10(rate) + 1.5, 2), "c" + std::to_string(i)).ok());
    clock.Advance(absl::Seconds(1));
  }
  const auto got = engine->GetInsights(request);
  ASSERT_TRUE(got.ok()) << got.status();
  const v1::Insights& insights = got->insights();
  EXPECT_EQ(insights.metric(), "auc");
  EXPECT_EQ(insights.observation_count(), 25);
  ASSERT_EQ(insights.importance_size(), 2);
  EXPECT_EQ(insights.importance(0).parameter(), "rate");
  EXPECT_GT(insights.importance(0).total_share(), 0.9);
  ASSERT_EQ(insights.convergence_size(), 25);
  for (int i = 1; i < 25; ++i)
    EXPECT_GE(insights.convergence(i).best_value(), insights.convergence(i - 1).best_value());
  EXPECT_EQ(insights.predictions_size(), 25);
  EXPECT_GT(insights.explained_variance(), 0.8);
  ASSERT_EQ(insights.dependence_size(), 2);
  EXPECT_EQ(insights.dependence(0).points_size(), 20);
  request.set_metric("seconds");
  EXPECT_EQ(GetErrorDetail(engine->GetInsights(request).status())->violations[0].field, "metric");
}

}  // namespace
}  // namespace sda::optimizer
