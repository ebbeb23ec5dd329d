#include "services/trainer_worker/server/retention.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/eventually.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/server/testing/worker_fixture.h"

namespace sda::trainer::testing {
namespace {

namespace fs = std::filesystem;
using optimizer::v1::Experiment;
using optimizer::v1::ListBestTrialsResponse;
using optimizer::v1::Metric;
using optimizer::v1::Trial;
using sda::testing::Eventually;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

Trial Succeeded(int number, double auc) {
  Trial trial;
  trial.set_name(absl::StrCat("experiments/e/trials/", number));
  trial.set_state(Trial::STATE_SUCCEEDED);
  (*trial.mutable_metrics())["auc"].set_value(auc);
  return trial;
}

Experiment MaximizeAuc() {
  Experiment experiment;
  experiment.add_metrics()->set_name("train_seconds");
  experiment.mutable_metrics(0)->set_strategy(Metric::STRATEGY_STORE);
  experiment.add_metrics()->set_name("auc");
  return experiment;
}

std::set<std::string> Numbers(const std::set<std::string>& names) {
  std::set<std::string> numbers;
  for (const std::string& name : names) numbers.insert(name.substr(name.rfind('/') + 1));
  return numbers;
}

TEST(TrialsToKeepTest, TheFrontComesBeforeOthersAndBetterBeforeWorse) {
  const std::vector<Trial> trials = {Succeeded(1, 0.9), Succeeded(2, 0.5), Succeeded(3, 0.7),
                                     Succeeded(4, 0.6), Succeeded(5, 0.8)};
  ListBestTrialsResponse best;
  *best.mutable_recommended() = trials[2];
  *best.add_pareto() = trials[1];
  *best.add_pareto() = trials[2];
  *best.add_pareto() = trials[3];
  const auto keep = [&](int count) { return Numbers(TrialsToKeep(MaximizeAuc(), trials, best, count)); };
  EXPECT_THAT(keep(1), ElementsAre("3"));
  EXPECT_THAT(keep(2), ElementsAre("3", "4"));
  EXPECT_THAT(keep(3), ElementsAre("2", "3", "4"));
  EXPECT_THAT(keep(4), ElementsAre("1", "2", "3", "4")) << "beyond the front, the best that met no threshold";
  EXPECT_THAT(keep(9), ElementsAre("1", "2", "3", "4", "5"));
}

TEST(TrialsToKeepTest, WhatARunDeliversAndTheBestOfEachMetricStayBeyondTheNumber) {
  const std::vector<Trial> trials = {Succeeded(1, 0.9), Succeeded(2, 0.5), Succeeded(3, 0.7)};
  ListBestTrialsResponse best;
  *best.mutable_recommended() = trials[1];
  *best.add_best_by_metric()->mutable_trial() = trials[0];
  *best.add_best_by_metric()->mutable_trial() = trials[2];
  EXPECT_THAT(Numbers(TrialsToKeep(MaximizeAuc(), trials, best, 1)), ElementsAre("1", "2", "3"));
}

TEST(TrialsToKeepTest, TrialsThatDidNotSucceedAreNotKept) {
  std::vector<Trial> trials = {Succeeded(1, 0.9), Succeeded(2, 0.95)};
  trials[1].set_state(Trial::STATE_STOPPED);
  EXPECT_THAT(Numbers(TrialsToKeep(MaximizeAuc(), trials, {}, 5)), ElementsAre("1"));
}

class RetentionTest : public WorkerTest {
 protected:
  static void Touch(const fs::path& path) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }

  // An attempt's folder as a training leaves it.
  std::string Model(int trial, int attempt = 1) {
    const std::string folder = absl::StrCat("experiments/e/trials/", trial, "/attempt-", attempt);
    Touch(root_ / (folder + "/model/model.json"));
    Touch(root_ / (folder + "/model/vocabularies/site.arrow"));
    return folder + "/model";
  }

  // Ends the next trial with this AUC, its model beside leftovers of all kinds; returns its name.
  std::string EndTrial(double auc, bool truncated = false) {
    const std::string name = optimizer_.AddTrial(Work());
    const int number = ++trials_;
    optimizer::v1::AcquireTrialRequest acquire;
    acquire.set_request_id(name);
    acquire.set_worker("w");
    acquire.set_work_type_url("type.googleapis.com/sda.trainer.v1.TrainingSpec");
    const auto acquired = client_->AcquireTrial(acquire, {});
    SDA_EXPECT_OK(acquired.status());
    optimizer::v1::CompleteTrialRequest complete;
    complete.set_request_id(name + "/complete");
    *complete.mutable_lease() = acquired->lease();
    (*complete.mutable_metrics())["auc"].set_value(auc);
    (*complete.mutable_artifacts())["model"] = Model(number);
    complete.set_truncated(truncated);
    SDA_EXPECT_OK(client_->CompleteTrial(complete).status());
    return name;
  }

  // Files but one that every model has, below the folder of the trials; taken while others remove.
  std::set<std::string> Left() const {
    std::set<std::string> left;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(root_ / "experiments", error), end; entry != end;
         entry.increment(error)) {
      if (error) break;
      if (!entry->is_regular_file(error) || entry->path().filename() == "site.arrow") continue;
      left.insert(entry->path().lexically_relative(root_ / "experiments/e/trials"));
    }
    return left;
  }

  std::unique_ptr<Retention> Keep(int models) {
    // The thread looks once at the start, when there is nothing yet; tests look themselves.
    return std::make_unique<Retention>(Retention::Options{.keep_models = models},
                                       ArtefactFolders(root_.path()), *client_, metrics_);
  }

  sda::testing::TempDir root_;
  int trials_ = 0;
};

TEST_F(RetentionTest, TheBestModelsStayAndTheRestGoes) {
  const auto retention = Keep(2);
  EndTrial(0.7);
  EndTrial(0.9);
  EndTrial(0.6);
  EndTrial(0.8);
  EndTrial(0.95, /*truncated=*/true);
  Model(2, /*attempt=*/2);  // of an attempt that lost its lease
  SDA_ASSERT_OK(retention->Sweep("experiments/e"));
  EXPECT_THAT(Left(), UnorderedElementsAre("2/attempt-1/model/model.json", "4/attempt-1/model/model.json"));
  EXPECT_THAT(metrics_.Text(), ::testing::HasSubstr("sda_worker_models_removed_total 4"));
  SDA_ASSERT_OK(retention->Sweep("experiments/e"));
  EXPECT_EQ(Left().size(), 2u);
}

TEST_F(RetentionTest, TrialsThatRunOrWaitAreNotTouched) {
  const auto retention = Keep(1);
  EndTrial(0.7);
  optimizer_.AddTrial(Work());  // waits
  Touch(root_ / "experiments/e/trials/2/attempt-1/checkpoint-8.ckpt");
  Model(2);
  Touch(root_ / "experiments/e/trials/99/attempt-1/checkpoint-8.ckpt");  // nobody knows whose
  Touch(root_ / "experiments/e/trials/1/attempt-1/checkpoint-8.ckpt");
  SDA_ASSERT_OK(retention->Sweep("experiments/e"));
  EXPECT_THAT(Left(),
              UnorderedElementsAre("1/attempt-1/model/model.json", "2/attempt-1/model/model.json",
                                   "2/attempt-1/checkpoint-8.ckpt", "99/attempt-1/checkpoint-8.ckpt"));
}

TEST_F(RetentionTest, ZeroKeepsAllModels) {
  const auto retention = Keep(0);
  for (const double auc : {0.7, 0.8, 0.9}) EndTrial(auc);
  Touch(root_ / "experiments/e/trials/1/attempt-1/checkpoint-8.ckpt");
  SDA_ASSERT_OK(retention->Sweep("experiments/e"));
  EXPECT_THAT(Left(), UnorderedElementsAre("1/attempt-1/model/model.json", "2/attempt-1/model/model.json",
                                           "3/attempt-1/model/model.json"));
}

TEST_F(RetentionTest, WhatAKilledWorkerLeftIsFoundAtTheNextStart) {
  for (const double auc : {0.9, 0.8}) EndTrial(auc);
  Touch(root_ / "experiments/e/trials/2/attempt-1/model.tmp.removed.4711/weights.bin");
  Touch(root_ / "experiments/e/trials/2/attempt-1/checkpoint-8.ckpt.tmp.4711");
  Touch(root_ / "experiments/e/trials/1/attempt-1/checkpoint-4.ckpt");
  optimizer_.SetAway(true);
  {
    const auto retention = Keep(1);
    EXPECT_FALSE(retention->Sweep("experiments/e").ok());
    EXPECT_EQ(Left().size(), 5u);
  }
  optimizer_.SetAway(false);
  const auto retention = Keep(1);
  EXPECT_TRUE(Eventually([&] { return Left() == std::set<std::string>{"1/attempt-1/model/model.json"}; }));
}

TEST_F(RetentionTest, ATrialThatEndsIsLookedAfter) {
  const auto retention = Keep(1);
  for (const double auc : {0.7, 0.9}) {
    EndTrial(auc);
    retention->TrialEnded("experiments/e");
  }
  EXPECT_TRUE(Eventually([&] { return Left() == std::set<std::string>{"2/attempt-1/model/model.json"}; }));
}

TEST_F(RetentionTest, SeveralWorkersMayLookAtTheSameTime) {
  for (int i = 0; i < 20; ++i) EndTrial(0.5 + 0.01 * i);
  std::vector<std::unique_ptr<Retention>> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(Keep(3));
  EXPECT_TRUE(Eventually([&] { return Left().size() == 3u; }));
  workers.clear();
  EXPECT_THAT(Left(), UnorderedElementsAre("18/attempt-1/model/model.json", "19/attempt-1/model/model.json",
                                           "20/attempt-1/model/model.json"));
}

}  // namespace
}  // namespace sda::trainer::testing
