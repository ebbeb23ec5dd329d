#include "clients/cli/core/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TrialReport Trial(int number, double rate, double auc) {
  TrialReport trial;
  trial.name = "experiments/e/trials/" + std::to_string(number);
  trial.state = "SUCCEEDED";
  trial.parameters = {{"model.embedding_dim", 16},
                      {"model.top_layers", "[512, 256]"},
                      {"optimizer.dense.learning_rate", rate},
                      {"optimizer.sparse.learning_rate", rate / 2}};
  trial.metrics = {{"auc", auc}, {"logloss", 0.4}};
  trial.attempts = 1;
  return trial;
}

RunReport Report() {
  RunReport report;
  report.run = "runs/r";
  report.state = "SUCCEEDED";
  report.goal_met = true;
  report.reason = "trial 2 has the best auc";
  report.dataset = "datasets/d";
  report.recipe = "recipes/r";
  report.experiment = "experiments/e";
  report.trials = {Trial(1, 0.01, 0.70), Trial(2, 0.02, 0.72)};
  report.best = report.trials[1];
  report.best->metrics["test_auc"] = 0.71;
  report.pareto = {report.trials[1]};
  report.model = "/state/artefacts/models/m";
  report.seconds = 12.5;
  return report;
}

TEST(RunReportTest, DocumentHasTheDocumentedFieldsInOrder) {
  const Document document = ToDocument(Report());
  std::vector<std::string> keys;
  for (const auto& item : document.items()) keys.push_back(item.key());
  EXPECT_THAT(keys, ::testing::ElementsAre("run", "state", "goal_met", "reason", "dataset", "recipe",
                                           "experiment", "best", "pareto", "trials", "seconds"));
  EXPECT_EQ(document["best"]["metrics"]["test_auc"], 0.71);
  EXPECT_EQ(document["best"]["model"], "/state/artefacts/models/m");
  EXPECT_EQ(document["best"]["parameters"]["model.top_layers"], "[512, 256]");
  EXPECT_EQ(document["pareto"][0]["trial"], "experiments/e/trials/2");
  EXPECT_EQ(document["trials"].size(), 2u);
  EXPECT_EQ(document["trials"][0]["attempts"], 1);
}

TEST(RunReportTest, AFailedRunHasNullsForWhatWasNotMade) {
  RunReport report;
  report.run = "runs/r";
  report.state = "FAILED";
  report.reason = "clicks.csv:3: 4 fields, expected 5";
  const Document document = ToDocument(report);
  EXPECT_TRUE(document["best"].is_null());
  EXPECT_TRUE(document["experiment"].is_null());
  EXPECT_TRUE(document["trials"].is_array());
  EXPECT_THAT(RenderReport(report),
              HasSubstr("runs/r FAILED after 0.0s: clicks.csv:3: 4 fields, expected 5"));
}

TEST(RunReportTest, TableMarksTheBestAndShortensNames) {
  const std::string text = RenderTrials(Report().trials, "experiments/e/trials/2");
  EXPECT_THAT(text, HasSubstr("dense.learning_rate  sparse.learning_rate"));
  EXPECT_THAT(text, HasSubstr("    2  *  SUCCEEDED"));
  EXPECT_THAT(text, Not(HasSubstr("embedding_dim")));  // the same in all trials
}

TEST(RunReportTest, TableShowsTheMetricsPeopleLookAtFirst) {
  TrialReport trial = Trial(1, 0.01, 0.7);
  trial.metrics["calibration"] = 1.1;
  EXPECT_THAT(RenderTrials({trial}, ""), Not(HasSubstr("calibration")));
  trial.metrics = {{"clicks", 3}};
  EXPECT_THAT(RenderTrials({trial}, ""), HasSubstr("clicks"));
}

TEST(RunReportTest, TableOfOneTrialShowsAllItsParameters) {
  EXPECT_THAT(RenderTrials({Trial(1, 0.01, 0.7)}, ""), HasSubstr("embedding_dim"));
}

TEST(RunReportTest, ReportSaysWhereTheModelLies) {
  EXPECT_THAT(RenderReport(Report()), HasSubstr("model: /state/artefacts/models/m\n"));
}

TEST(RunReportTest, ExitCodes) {
  RunReport report = Report();
  EXPECT_EQ(ExitCodeOf(report), ExitCode::kDone);
  report.goal_met = false;
  EXPECT_EQ(ExitCodeOf(report), ExitCode::kGoalNotMet);
  report.state = "FAILED";
  EXPECT_EQ(ExitCodeOf(report), ExitCode::kFailed);
  report.bad_input = true;
  EXPECT_EQ(ExitCodeOf(report), ExitCode::kBadInput);
  report.state = "CANCELLED";
  report.bad_input = false;
  EXPECT_EQ(ExitCodeOf(report), ExitCode::kFailed);
}

}  // namespace
}  // namespace sda::cli
