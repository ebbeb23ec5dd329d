#include <set>

#include <gmock/gmock.h>

#include "common/base/error.h"
#include "services/optimizer/server/engine_fixture.h"

// What the store keeps beside the messages: counts, orders, indices, ends of leases.
namespace sda::optimizer {
namespace {

using ::testing::ElementsAre;
using EngineStoreTest = EngineTest;

std::vector<std::string> Names(const v1::ListExperimentsResponse& page) {
  std::vector<std::string> names;
  for (const auto& experiment : page.experiments()) names.push_back(experiment.name().substr(12));
  return names;
}

TEST_F(EngineStoreTest, PagesOfExperimentsInEitherOrderByStateAndLabel) {
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    auto request = CreateRequest(id, 3, 1);
    (*request.mutable_experiment()->mutable_labels())["team"] = id[0] < 'd' ? "ads" : "search";
    if (id[0] == 'b') (*request.mutable_experiment()->mutable_labels())["tier"] = "gold";
    ASSERT_TRUE(engine->CreateExperiment(request).ok());
  }
  v1::PauseExperimentRequest pause;
  pause.set_request_id("p");
  pause.set_name("experiments/b");
  ASSERT_TRUE(engine->PauseExperiment(pause).ok());

  v1::ListExperimentsRequest list;
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("e", "d", "c", "b", "a"));
  list.set_order_by("create_time");
  list.set_page_size(2);
  auto page = engine->ListExperiments(list);
  EXPECT_THAT(Names(*page), ElementsAre("a", "b"));
  list.set_page_token(page->next_page_token());
  page = engine->ListExperiments(list);
  EXPECT_THAT(Names(*page), ElementsAre("c", "d"));
  list.set_page_token(page->next_page_token());
  page = engine->ListExperiments(list);
  EXPECT_THAT(Names(*page), ElementsAre("e"));
  EXPECT_EQ(page->next_page_token(), "");

  list.Clear();
  list.add_states(v1::Experiment::STATE_ACTIVE);
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("e", "d", "c", "a"));
  list.add_states(v1::Experiment::STATE_PAUSED);
  list.set_page_size(3);
  page = engine->ListExperiments(list);
  EXPECT_THAT(Names(*page), ElementsAre("e", "d", "c"));
  list.set_page_token(page->next_page_token());
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("b", "a"));

  list.Clear();
  (*list.mutable_labels())["team"] = "ads";
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("c", "b", "a"));
  list.set_page_size(2);
  page = engine->ListExperiments(list);
  list.set_page_token(page->next_page_token());
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("a"));
  list.clear_page_token();
  (*list.mutable_labels())["tier"] = "gold";
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("b"));

  // A changed label is found by its new value.
  v1::UpdateExperimentRequest update;
  update.set_request_id("u");
  update.mutable_experiment()->set_name("experiments/a");
  (*update.mutable_experiment()->mutable_labels())["team"] = "mail";
  update.mutable_update_mask()->add_paths("labels");
  ASSERT_TRUE(engine->UpdateExperiment(update).ok());
  list.Clear();
  (*list.mutable_labels())["team"] = "mail";
  EXPECT_THAT(Names(*engine->ListExperiments(list)), ElementsAre("a"));
}

TEST_F(EngineStoreTest, OrdersWithoutAnIndexAreRefusedNamingTheField) {
  v1::ListExperimentsRequest experiments;
  experiments.set_order_by("display_name");
  EXPECT_THAT(std::string(engine->ListExperiments(experiments).status().message()),
              ::testing::StartsWith("order_by:"));
  experiments.Clear();
  experiments.add_states(static_cast<v1::Experiment::State>(77));
  EXPECT_THAT(std::string(engine->ListExperiments(experiments).status().message()),
              ::testing::StartsWith("states[0]:"));
  Create("a", 1, 1);
  v1::ListTrialsRequest trials;
  trials.set_parent("experiments/a");
  trials.set_order_by("create_time");
  EXPECT_EQ(engine->ListTrials(trials).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(EngineStoreTest, PagesOfTrialsInEitherOrderByState) {
  Create("a", 9, 9);
  for (int i = 0; i < 6; ++i) {
    const auto lease = Acquire("a" + std::to_string(i)).lease();
    if (i % 2 == 1) continue;
    ASSERT_TRUE(Complete(lease, 0.5, "c" + std::to_string(i)).ok());
  }
  const auto numbers = [&](v1::ListTrialsRequest& list) {
    std::vector<std::string> all;
    list.set_parent("experiments/a");
    list.set_page_size(2);
    do {
      const auto page = engine->ListTrials(list);
      EXPECT_TRUE(page.ok()) << page.status();
      for (const auto& trial : page->trials()) all.push_back(trial.name().substr(21));
      list.set_page_token(page->next_page_token());
    } while (!list.page_token().empty());
    return all;
  };
  v1::ListTrialsRequest list;
  EXPECT_THAT(numbers(list), ElementsAre("1", "2", "3", "4", "5", "6"));
  list.set_order_by("number desc");
  EXPECT_THAT(numbers(list), ElementsAre("6", "5", "4", "3", "2", "1"));
  list.add_states(v1::Trial::STATE_SUCCEEDED);
  EXPECT_THAT(numbers(list), ElementsAre("5", "3", "1"));
  list.add_states(v1::Trial::STATE_ACTIVE);
  list.set_order_by("");
  EXPECT_THAT(numbers(list), ElementsAre("1", "2", "3", "4", "5", "6"));
  EXPECT_EQ(Get().trial_counts().succeeded_count(), 3);
  EXPECT_EQ(Get().trial_counts().active_count(), 3);
}

TEST_F(EngineStoreTest, ASuggestionDoesNotChangeTheEtag) {
  Create("a", 3, 3);
  const std::string before = Get().etag();
  Acquire("1");
  EXPECT_EQ(Get().etag(), before);
}

TEST_F(EngineStoreTest, TheSameSequenceComesAgainAfterARestart) {
  const auto suggested = [&](const std::string& id, bool restart) {
    auto request = CreateRequest(id, 20, 20);
    request.mutable_experiment()->set_seed(5);
    request.mutable_experiment()->set_algorithm(v1::Experiment::ALGORITHM_BAYESIAN);
    EXPECT_TRUE(engine->CreateExperiment(request).ok());
    std::vector<std::string> points;
    for (int i = 0; i < 14; ++i) {
      const std::string call = id + std::to_string(i);
      const auto acquired = Acquire(call, id);
      points.push_back(acquired.trial().assignments().at("rate").ShortDebugString());
      EXPECT_TRUE(Complete(acquired.lease(), 0.1 * (i % 7), "c" + call).ok());
      if (restart && i % 4 == 3) Restart();
    }
    return points;
  };
  EXPECT_EQ(suggested("x", false), suggested("y", true));
}

TEST_F(EngineStoreTest, ARenewedLeaseLastsAFullTermAndWakesNobody) {
  Create("a", 1, 1);
  const auto lease = Acquire("1").lease();
  for (int i = 0; i < 3; ++i) {
    clock.Advance(absl::Seconds(50));
    v1::RenewLeaseRequest renew;
    *renew.mutable_lease() = lease;
    ASSERT_TRUE(engine->RenewLease(renew).ok());
  }
  clock.Advance(absl::Seconds(50));
  EXPECT_EQ(Acquire("2").outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  clock.Advance(absl::Seconds(11));
  EXPECT_EQ(Acquire("2").trial().name(), lease.trial());
}

TEST_F(EngineStoreTest, AWorkerOfAnyExperimentGetsALostTrialToo) {
  auto request = CreateRequest("a", 1, 1);
  request.mutable_experiment()->mutable_work()->set_type_url("type.example.com/Work");
  ASSERT_TRUE(engine->CreateExperiment(request).ok());
  v1::AcquireTrialRequest any;
  any.set_worker("w");
  any.set_work_type_url("type.example.com/Work");
  any.set_request_id("1");
  const auto first = engine->AcquireTrial(any, {});
  ASSERT_EQ(first->outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL) << first.status();
  any.set_request_id("2");
  EXPECT_EQ(engine->AcquireTrial(any, {})->outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
  clock.Advance(absl::Seconds(61));
  EXPECT_EQ(engine->AcquireTrial(any, {})->trial().name(), first->trial().name());
  any.set_work_type_url("type.example.com/Other");
  any.set_request_id("3");
  clock.Advance(absl::Seconds(61));
  EXPECT_EQ(engine->AcquireTrial(any, {})->outcome(), v1::AcquireTrialResponse::OUTCOME_WAIT);
}

TEST_F(EngineStoreTest, ADeletedExperimentsNameMayBeUsedAgain) {
  Create("a", 1, 1);
  ASSERT_TRUE(Complete(Acquire("1").lease(), 0.5, "c").ok());
  v1::DeleteExperimentRequest remove;
  remove.set_request_id("d");
  remove.set_name("experiments/a");
  ASSERT_TRUE(engine->DeleteExperiment(remove).ok());
  ASSERT_TRUE(engine->DeleteExperiment(remove).ok()) << "the first reply again";
  clock.Advance(absl::Seconds(1));
  auto again = CreateRequest("a", 2, 1);
  again.set_request_id("again");
  ASSERT_TRUE(engine->CreateExperiment(again).ok());
  EXPECT_EQ(Acquire("2").trial().name(), "experiments/a/trials/1");
  EXPECT_EQ(Get().trial_counts().active_count(), 1);
}

TEST_F(EngineStoreTest, AnIdleEngineHasNothingToSettle) {
  Create("a", 1, 1);
  Acquire("1");
  EXPECT_TRUE(engine->Sweep().ok());
  EXPECT_EQ(Get().trial_counts().active_count(), 1);
}

}  // namespace
}  // namespace sda::optimizer
