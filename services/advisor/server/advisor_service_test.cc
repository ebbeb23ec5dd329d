#include "services/advisor/server/advisor_service.h"

#include <filesystem>
#include <set>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/testing/eventually.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/advisor/server/testing/advisor_process.h"
#include "services/advisor/server/testing/fake_suite.h"

namespace sda::advisor {
namespace {

using sda::testing::StatusIs;
using sda::testing::TempDir;
using testing::AdvisorProcess;
using ::testing::ElementsAre;
using testing::FakeSuite;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Moment;
using testing::RunSpecOfFile;
using ::testing::SizeIs;
using Stub = v1::AdvisorService::Stub;

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  if (const auto detail = GetErrorDetail(status)) {
    for (const FieldViolation& violation : detail->violations) fields.push_back(violation.field);
  }
  return fields;
}

v1::CreateRecipeRequest AdviceRequestFor(const std::string& id, int64_t budget = 8) {
  v1::CreateRecipeRequest request;
  request.set_request_id("create " + id);
  request.set_recipe_id(id);
  request.mutable_advice()->set_dataset("datasets/clicks");
  request.mutable_advice()->set_observation_budget(budget);
  return request;
}

v1::CreateRunRequest RunRequest(const std::string& id) {
  v1::CreateRunRequest request;
  request.set_request_id("create " + id);
  request.set_run_id(id);
  *request.mutable_spec() = RunSpecOfFile();
  return request;
}

class AdvisorServiceTest : public ::testing::Test {
 protected:
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    return advisor_->Call(method, request);
  }

  void Restart() {
    advisor_.reset();
    advisor_ =
        std::make_unique<AdvisorProcess>(suite_, AdvisorProcess::Options{.database = folder_ / "advisor.db"});
  }

  v1::Recipe MustCreateRecipe(const v1::CreateRecipeRequest& request) {
    const auto response = Call(&Stub::CreateRecipe, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->recipe() : v1::Recipe();
  }

  TempDir folder_;
  FakeSuite suite_;
  std::unique_ptr<AdvisorProcess> advisor_ =
      std::make_unique<AdvisorProcess>(suite_, AdvisorProcess::Options{.database = folder_ / "advisor.db"});
};

// --- recipes ---

TEST_F(AdvisorServiceTest, AnAdvisedRecipeIsCompleteAndItsYamlIsGood) {
  v1::CreateRecipeRequest request = AdviceRequestFor("first", 12);
  auto& auc = *request.mutable_advice()->mutable_goal()->add_metrics();
  auc.set_name("auc");
  auc.set_threshold(0.7);
  request.mutable_advice()->set_parallel_bandwidth(2);
  request.mutable_advice()->set_seed(9);
  const v1::Recipe recipe = MustCreateRecipe(request);
  EXPECT_EQ(recipe.name(), "recipes/first");
  EXPECT_EQ(recipe.dataset(), "datasets/clicks");
  EXPECT_EQ(recipe.observation_budget(), 12);
  EXPECT_EQ(recipe.parallel_bandwidth(), 2);
  EXPECT_EQ(recipe.spec().seed(), 9);
  EXPECT_EQ(recipe.spec().dataset_manifest_uri(), "datasets/clicks/manifest.json");
  EXPECT_EQ(recipe.metrics(0).threshold(), 0.7);
  EXPECT_EQ(recipe.machine().cpu_model(), "Example CPU");
  EXPECT_GT(recipe.memory_required_bytes(), 0);
  ASSERT_GT(recipe.parameters_size(), 3);
  for (const auto& parameter : recipe.parameters()) {
    EXPECT_TRUE(parameter.has_default_value()) << parameter.name();
    EXPECT_NE(parameter.reason(), "");
  }
  v1::ValidateRecipeRequest validate;
  validate.set_yaml(recipe.yaml());
  const auto valid = Call(&Stub::ValidateRecipe, validate);
  ASSERT_TRUE(valid.ok());
  EXPECT_THAT(valid->violations(), IsEmpty());
  // What the text says is what was stored, but for the dataset's manifest, which stands outside it.
  v1::Recipe said = valid->recipe();
  said.mutable_spec()->set_dataset_manifest_uri(recipe.spec().dataset_manifest_uri());
  said.mutable_spec()->set_dataset_manifest_sha256(recipe.spec().dataset_manifest_sha256());
  said.set_name(recipe.name());
  *said.mutable_create_time() = recipe.create_time();
  EXPECT_EQ(said.DebugString(), recipe.DebugString());
}

TEST_F(AdvisorServiceTest, AnEditedRecipeIsStoredAsItWasWritten) {
  std::string yaml = "# mine\n" + MustCreateRecipe(AdviceRequestFor("first")).yaml();
  v1::CreateRecipeRequest request;
  request.set_request_id("edited");
  request.set_yaml(yaml);
  const v1::Recipe recipe = MustCreateRecipe(request);
  EXPECT_EQ(recipe.yaml(), yaml);
  EXPECT_THAT(recipe.name(), HasSubstr("recipes/recipe-"));
  v1::GetRecipeRequest get;
  get.set_name(recipe.name());
  EXPECT_EQ(Call(&Stub::GetRecipe, get)->recipe().DebugString(), recipe.DebugString());
}

TEST_F(AdvisorServiceTest, ViolationsOfARecipeHaveLineColumnAndPath) {
  const std::string yaml = MustCreateRecipe(AdviceRequestFor("first")).yaml();
  std::string bad = yaml;
  bad.replace(bad.find("trials: 8"), 9, "trials: 0");
  bad += "sead: 1\n";
  v1::ValidateRecipeRequest validate;
  validate.set_yaml(bad);
  const auto checked = Call(&Stub::ValidateRecipe, validate);
  ASSERT_TRUE(checked.ok());
  EXPECT_FALSE(checked->has_recipe());
  ASSERT_EQ(checked->violations_size(), 2);
  EXPECT_EQ(checked->violations(0).field(), "budget.trials");
  EXPECT_EQ(checked->violations(0).line(), 7);
  EXPECT_EQ(checked->violations(0).column(), 11);
  EXPECT_EQ(checked->violations(1).field(), "sead");

  v1::CreateRecipeRequest create;
  create.set_request_id("bad");
  create.set_yaml(bad);
  const auto refused = Call(&Stub::CreateRecipe, create);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("line 7, column 11: budget.trials is 0")));
  EXPECT_EQ(GetErrorReason(refused.status()), "INVALID_RECIPE");
  EXPECT_THAT(FieldsOf(refused.status()), ElementsAre("budget.trials", "sead"));
  v1::ListRecipesRequest list;
  EXPECT_EQ(Call(&Stub::ListRecipes, list)->recipes_size(), 1);
}

TEST_F(AdvisorServiceTest, RecipesAreCheckedByTheRulesOfTrainers) {
  std::string yaml = MustCreateRecipe(AdviceRequestFor("first")).yaml();
  yaml.replace(yaml.find("algorithm: adam"), 15, "algorithm: rowwise_adagrad");
  v1::ValidateRecipeRequest validate;
  validate.set_yaml(yaml);
  const auto checked = Call(&Stub::ValidateRecipe, validate);
  ASSERT_EQ(checked->violations_size(), 1);
  EXPECT_EQ(checked->violations(0).field(), "optimizer.dense.algorithm");
}

TEST_F(AdvisorServiceTest, RecipesComeInPagesNewestFirst) {
  for (int i = 0; i < 7; ++i) MustCreateRecipe(AdviceRequestFor(absl::StrCat("r", i)));
  v1::ListRecipesRequest list;
  list.set_page_size(3);
  std::vector<std::string> names;
  int pages = 0;
  do {
    const auto page = Call(&Stub::ListRecipes, list);
    ASSERT_TRUE(page.ok());
    for (const auto& recipe : page->recipes()) names.push_back(recipe.name());
    list.set_page_token(page->next_page_token());
    ++pages;
  } while (!list.page_token().empty());
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(names, ElementsAre("recipes/r6", "recipes/r5", "recipes/r4", "recipes/r3", "recipes/r2",
                                 "recipes/r1", "recipes/r0"));
  list.set_page_token("nonsense");
  EXPECT_THAT(Call(&Stub::ListRecipes, list),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_token")));
  list.set_page_size(1001);
  EXPECT_THAT(Call(&Stub::ListRecipes, list),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_size")));
}

TEST_F(AdvisorServiceTest, ADeletedRecipeIsGone) {
  MustCreateRecipe(AdviceRequestFor("first"));
  v1::DeleteRecipeRequest request;
  request.set_request_id("d1");
  request.set_name("recipes/first");
  EXPECT_TRUE(Call(&Stub::DeleteRecipe, request).ok());
  EXPECT_TRUE(Call(&Stub::DeleteRecipe, request).ok());  // the first reply again
  request.set_request_id("d2");
  const auto second = Call(&Stub::DeleteRecipe, request);
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(GetErrorReason(second.status()), "RECIPE_NOT_FOUND");
}

TEST_F(AdvisorServiceTest, ARepeatedRequestHasTheFirstReplyWhateverHasHappenedSince) {
  const v1::CreateRecipeRequest request = AdviceRequestFor("first");
  const v1::Recipe first = MustCreateRecipe(request);
  v1::DeleteRecipeRequest remove;
  remove.set_request_id("d1");
  remove.set_name("recipes/first");
  ASSERT_TRUE(Call(&Stub::DeleteRecipe, remove).ok());
  Restart();
  suite_.SetHook([](const std::string&, Moment, grpc::ServerContext&) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "nobody is to be asked again");
  });
  EXPECT_EQ(MustCreateRecipe(request).DebugString(), first.DebugString());
  v1::CreateRecipeRequest other = request;
  other.mutable_advice()->set_observation_budget(9);
  const auto reused = Call(&Stub::CreateRecipe, other);
  EXPECT_THAT(reused, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(GetErrorReason(reused.status()), "REQUEST_ID_REUSED");
}

TEST_F(AdvisorServiceTest, TakenIdsAreRefused) {
  MustCreateRecipe(AdviceRequestFor("first"));
  v1::CreateRecipeRequest request = AdviceRequestFor("first");
  request.set_request_id("another");
  EXPECT_EQ(GetErrorReason(Call(&Stub::CreateRecipe, request).status()), "RESOURCE_EXISTS");
}

TEST_F(AdvisorServiceTest, AdviceOnAMissingDatasetSaysWhoMissesIt) {
  suite_.SetHook([](const std::string& method, Moment, grpc::ServerContext&) {
    return method == "GetDataset"
               ? grpc::Status(grpc::StatusCode::NOT_FOUND, "datasets/clicks does not exist")
               : grpc::Status::OK;
  });
  EXPECT_THAT(Call(&Stub::CreateRecipe, AdviceRequestFor("first")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("datasets/clicks does not exist")));
}

// --- bad requests ---

TEST_F(AdvisorServiceTest, EveryFieldThatBreaksARuleIsNamed) {
  v1::CreateRecipeRequest recipe;
  EXPECT_THAT(FieldsOf(Call(&Stub::CreateRecipe, recipe).status()), ElementsAre("request_id", "source"));
  recipe.set_request_id(std::string(129, 'x'));
  recipe.set_recipe_id("1st");
  recipe.mutable_advice()->set_model("wide");
  recipe.mutable_advice()->set_parallel_bandwidth(-1);
  EXPECT_THAT(FieldsOf(Call(&Stub::CreateRecipe, recipe).status()),
              ElementsAre("request_id", "recipe_id", "advice.dataset", "advice.model",
                          "advice.observation_budget", "advice.parallel_bandwidth"));

  v1::CreateRunRequest run;
  EXPECT_THAT(FieldsOf(Call(&Stub::CreateRun, run).status()),
              ElementsAre("request_id", "spec.input", "spec.observation_budget"));
  run = RunRequest("r1");
  run.mutable_spec()->mutable_dataset_spec()->Clear();
  run.mutable_spec()->set_observation_budget(1'000'001);
  auto& nan = *run.mutable_spec()->mutable_goal()->add_metrics();
  nan.set_name("auc");
  nan.set_threshold(std::nan(""));
  run.mutable_spec()->mutable_goal()->add_metrics()->set_name("speed");
  EXPECT_THAT(
      FieldsOf(Call(&Stub::CreateRun, run).status()),
      ElementsAre("spec.dataset_spec.data_uris", "spec.dataset_spec.label", "spec.goal.metrics[0].threshold",
                  "spec.goal.metrics[1].name", "spec.observation_budget"));
}

TEST_F(AdvisorServiceTest, ANewRunsRecipeMustExistAndBeForItsDataset) {
  MustCreateRecipe(AdviceRequestFor("first"));
  v1::CreateRunRequest request = RunRequest("r1");
  request.mutable_spec()->set_recipe("recipes/none");
  EXPECT_THAT(Call(&Stub::CreateRun, request), StatusIs(absl::StatusCode::kNotFound));
  request.mutable_spec()->set_recipe("recipes/first");
  EXPECT_THAT(Call(&Stub::CreateRun, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("datasets/clicks")));
  request.mutable_spec()->set_dataset("datasets/clicks");
  request.mutable_spec()->mutable_goal()->add_metrics()->set_name("auc");
  EXPECT_THAT(FieldsOf(Call(&Stub::CreateRun, request).status()), ElementsAre("spec.goal"));
  request.mutable_spec()->clear_goal();
  EXPECT_TRUE(Call(&Stub::CreateRun, request).ok());
}

TEST_F(AdvisorServiceTest, UnknownNamesAreNotFound) {
  v1::GetRunRequest run;
  run.set_name("runs/none");
  EXPECT_EQ(GetErrorReason(Call(&Stub::GetRun, run).status()), "RUN_NOT_FOUND");
  run.set_name("run/none");
  EXPECT_THAT(Call(&Stub::GetRun, run),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be runs/{id}")));
  v1::GetModelRequest model;
  model.set_name("models/none");
  EXPECT_EQ(GetErrorReason(Call(&Stub::GetModel, model).status()), "MODEL_NOT_FOUND");
  v1::CancelRunRequest cancel;
  cancel.set_request_id("c");
  cancel.set_name("runs/none");
  EXPECT_THAT(Call(&Stub::CancelRun, cancel), StatusIs(absl::StatusCode::kNotFound));
  v1::WatchRunRequest watch;
  watch.set_name("runs/none");
  grpc::ClientContext context;
  v1::WatchRunResponse response;
  const auto reader = advisor_->stub().WatchRun(&context, watch);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

// --- runs ---

TEST_F(AdvisorServiceTest, ARepeatedCreateRunStartsNothingTwice) {
  const v1::CreateRunRequest request = RunRequest("r1");
  const auto first = Call(&Stub::CreateRun, request);
  ASSERT_TRUE(first.ok());
  advisor_->AwaitEnd("r1");
  const auto again = Call(&Stub::CreateRun, request);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->run().DebugString(), first->run().DebugString());  // as it was then: RUNNING
  v1::ListRunsRequest list;
  EXPECT_EQ(Call(&Stub::ListRuns, list)->runs_size(), 1);
  EXPECT_EQ(suite_.count("CreateDataset"), 1);
}

TEST_F(AdvisorServiceTest, RunsGetNamesOfTheirOwn) {
  v1::CreateRunRequest request = RunRequest("");
  std::set<std::string> names;
  for (const char* id : {"a", "b"}) {
    request.set_request_id(id);
    const auto response = Call(&Stub::CreateRun, request);
    ASSERT_TRUE(response.ok());
    names.insert(response->run().name());
  }
  EXPECT_THAT(names, SizeIs(2));
  EXPECT_THAT(*names.begin(), HasSubstr("runs/run-"));
}

TEST_F(AdvisorServiceTest, WatchingShowsTheStagesInOrderAndEndsWithTheRun) {
  suite_.HoldTrials();
  advisor_->CreateRun("r1", RunSpecOfFile());
  v1::WatchRunRequest request;
  request.set_name("runs/r1");
  grpc::ClientContext context;
  const auto reader = advisor_->stub().WatchRun(&context, request);
  v1::WatchRunResponse response;
  std::vector<v1::Run::Stage> stages;
  bool released = false;
  while (reader->Read(&response)) {
    if (stages.empty() || stages.back() != response.run().stage()) stages.push_back(response.run().stage());
    if (response.run().state() == v1::Run::STATE_RUNNING) {
      EXPECT_NE(response.run().progress().stage(), "");
    }
    if (!released && response.run().stage() == v1::Run::STAGE_TUNE) {
      released = true;
      suite_.ReleaseTrials();
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_TRUE(std::is_sorted(stages.begin(), stages.end()));
  EXPECT_EQ(stages.back(), v1::Run::STAGE_DELIVER);
  EXPECT_EQ(response.run().state(), v1::Run::STATE_SUCCEEDED);
}

TEST_F(AdvisorServiceTest, RunsAreListedByState) {
  suite_.SetScript({.job_error = "RAGGED_ROW"});
  advisor_->CreateRun("bad", RunSpecOfFile());
  advisor_->AwaitEnd("bad");
  suite_.SetScript({});
  advisor_->CreateRun("good", RunSpecOfFile());
  advisor_->AwaitEnd("good");
  v1::ListRunsRequest list;
  ASSERT_EQ(Call(&Stub::ListRuns, list)->runs_size(), 2);
  EXPECT_EQ(Call(&Stub::ListRuns, list)->runs(0).name(), "runs/good");
  list.add_states(v1::Run::STATE_FAILED);
  const auto failed = Call(&Stub::ListRuns, list);
  ASSERT_EQ(failed->runs_size(), 1);
  EXPECT_EQ(failed->runs(0).name(), "runs/bad");
}

TEST_F(AdvisorServiceTest, EndedRunsAreNeitherCancelledNorResumed) {
  advisor_->CreateRun("r1", RunSpecOfFile());
  const v1::Run done = advisor_->AwaitEnd("r1");
  EXPECT_EQ(advisor_->CancelRun("r1").DebugString(), done.DebugString());
  EXPECT_EQ(advisor_->ResumeRun("r1").DebugString(), done.DebugString());
  EXPECT_EQ(suite_.count("CreateExperiment"), 1);
}

TEST_F(AdvisorServiceTest, ACancelledRunCannotBeResumed) {
  suite_.HoldTrials();
  advisor_->CreateRun("r1", RunSpecOfFile());
  ASSERT_TRUE(suite_.AwaitCalls("WatchExperiment", 1));
  advisor_->CancelRun("r1");
  v1::ResumeRunRequest request;
  request.set_request_id("resume");
  request.set_name("runs/r1");
  const auto refused = Call(&Stub::ResumeRun, request);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorReason(refused.status()), "WRONG_STATE");
}

TEST_F(AdvisorServiceTest, OnlyEndedRunsAreDeletedAndTheirModelsStay) {
  suite_.HoldTrials();
  advisor_->CreateRun("r1", RunSpecOfFile());
  v1::DeleteRunRequest request;
  request.set_request_id("d1");
  request.set_name("runs/r1");
  EXPECT_EQ(GetErrorReason(Call(&Stub::DeleteRun, request).status()), "WRONG_STATE");
  suite_.ReleaseTrials();
  advisor_->AwaitEnd("r1");
  EXPECT_TRUE(Call(&Stub::DeleteRun, request).ok());
  v1::GetRunRequest get;
  get.set_name("runs/r1");
  EXPECT_THAT(Call(&Stub::GetRun, get), StatusIs(absl::StatusCode::kNotFound));
  v1::GetModelRequest model;
  model.set_name("models/r1");
  EXPECT_TRUE(Call(&Stub::GetModel, model).ok());
  // The model's name is taken as long as it is there.
  v1::CreateRunRequest again = RunRequest("r1");
  again.set_request_id("again");
  EXPECT_THAT(Call(&Stub::CreateRun, again),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("models/r1")));
}

TEST_F(AdvisorServiceTest, TrialsOfARunAreThoseOfItsExperiment) {
  suite_.HoldJobs();
  advisor_->CreateRun("r1", RunSpecOfFile());
  v1::ListRunTrialsRequest request;
  request.set_parent("runs/r1");
  EXPECT_EQ(Call(&Stub::ListRunTrials, request)->trials_size(), 0);  // none before TUNE
  suite_.ReleaseJobs();
  advisor_->AwaitEnd("r1");
  request.set_page_size(3);
  const auto first = Call(&Stub::ListRunTrials, request);
  ASSERT_EQ(first->trials_size(), 3);
  request.set_page_token(first->next_page_token());
  const auto second = Call(&Stub::ListRunTrials, request);
  ASSERT_EQ(second->trials_size(), 1);
  EXPECT_EQ(second->trials(0).name(), "experiments/r1/trials/4");
  EXPECT_EQ(second->next_page_token(), "");
}

// --- models ---

TEST_F(AdvisorServiceTest, ADeletedModelLosesItsFolder) {
  for (const char* id : {"r1", "r2"}) {
    advisor_->CreateRun(id, RunSpecOfFile());
    advisor_->AwaitEnd(id);
  }
  v1::ListModelsRequest list;
  ASSERT_EQ(Call(&Stub::ListModels, list)->models_size(), 2);
  EXPECT_EQ(Call(&Stub::ListModels, list)->models(0).name(), "models/r2");
  v1::DeleteModelRequest request;
  request.set_request_id("d1");
  request.set_name("models/r1");
  EXPECT_TRUE(Call(&Stub::DeleteModel, request).ok());
  EXPECT_TRUE(Call(&Stub::DeleteModel, request).ok());
  EXPECT_FALSE(std::filesystem::exists(suite_.artefacts() + "/models/r1"));
  EXPECT_TRUE(std::filesystem::exists(suite_.artefacts() + "/models/r2"));
  EXPECT_TRUE(std::filesystem::exists(suite_.artefacts() + "/experiments/r1"));
  EXPECT_EQ(Call(&Stub::ListModels, list)->models_size(), 1);
  request.set_request_id("d2");
  EXPECT_THAT(Call(&Stub::DeleteModel, request), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace sda::advisor
