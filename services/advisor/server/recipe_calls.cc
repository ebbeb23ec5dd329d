#include "services/advisor/server/recipe_calls.h"

#include <optional>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/rpc/call.h"
#include "services/advisor/core/recipe_reader.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/advice_input.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/limits.h"
#include "services/advisor/server/once.h"
#include "services/advisor/server/proto_time.h"
#include "services/advisor/server/recipe_proto.h"
#include "services/advisor/server/resource_table.h"
#include "services/advisor/server/spec_rules.h"
#include "services/advisor/server/validation.h"

namespace sda::advisor {
namespace {

// A person waits for the answer: a service that is away is tried for a few seconds only.
constexpr absl::Duration kPatience = absl::Seconds(5);

rpc::CallOptions Patient(std::stop_token stop) {
  return {.timeout = kPeerCallTimeout, .retry_budget = kPatience, .request_id = "", .stop = std::move(stop)};
}

// The recipe that `yaml` says, with the text as it was given.
absl::StatusOr<v1::Recipe> FromYaml(const std::string& yaml) {
  const RecipeReading reading = ReadRecipe(yaml, TrainingSpecRules());
  if (!reading.recipe) return error::InvalidRecipe(reading.violations);
  v1::Recipe recipe = ToProto(*reading.recipe);
  recipe.set_yaml(yaml);
  return recipe;
}

}  // namespace

absl::StatusOr<v1::Recipe> RecipeCalls::Advised(const v1::RecipeAdvice& advice, std::stop_token stop) {
  preprocessing::v1::GetDatasetRequest get_dataset;
  get_dataset.set_name(advice.dataset());
  const auto& preprocessing = *peers_.preprocessing;
  const auto dataset = rpc::Call<preprocessing::v1::GetDatasetResponse>(
      *preprocessing.connection, *preprocessing.stub,
      &preprocessing::v1::PreprocessingService::Stub::GetDataset, get_dataset, Patient(stop));
  if (!dataset.ok()) return Annotate(dataset.status(), preprocessing.Description());
  absl::Status last = absl::UnavailableError("there is no trainer");
  for (const auto& trainer : peers_.trainers) {
    const auto worker = rpc::Call<trainer::v1::GetWorkerResponse>(
        *trainer->connection, *trainer->stub, &trainer::v1::TrainerService::Stub::GetWorker,
        trainer::v1::GetWorkerRequest(), Patient(stop));
    if (worker.ok()) return AdviseFor(advice, dataset->dataset(), worker->worker());
    last = Annotate(worker.status(), trainer->Description());
    if (!rpc::IsTransient(worker.status())) break;
  }
  return last;
}

absl::StatusOr<v1::CreateRecipeResponse> RecipeCalls::Create(const v1::CreateRecipeRequest& request,
                                                             std::stop_token stop) {
  SDA_RETURN_IF_ERROR(advisor::Validate(request));
  SDA_ASSIGN_OR_RETURN(const auto earlier,
                       EarlierReply<v1::CreateRecipeResponse>(database_, "CreateRecipe", request));
  if (earlier) return *earlier;
  SDA_ASSIGN_OR_RETURN(v1::Recipe recipe,
                       request.has_advice() ? Advised(request.advice(), stop) : FromYaml(request.yaml()));
  const std::string id =
      request.recipe_id().empty() ? absl::StrCat("recipe-", NewUlid(clock_.Now())) : request.recipe_id();
  recipe.set_name(ResourceName("recipes", id));
  *recipe.mutable_create_time() = ToTimestamp(clock_.Now());
  return Once<v1::CreateRecipeResponse>(
      database_, clock_, "CreateRecipe", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::CreateRecipeResponse> {
        SDA_ASSIGN_OR_RETURN(const bool taken, kRecipes.Exists(transaction, id));
        if (taken) return error::AlreadyExists(recipe.name());
        SDA_RETURN_IF_ERROR(kRecipes.Insert(transaction, id, recipe.SerializeAsString()));
        v1::CreateRecipeResponse response;
        *response.mutable_recipe() = recipe;
        return response;
      });
}

absl::StatusOr<v1::ValidateRecipeResponse> RecipeCalls::Validate(const v1::ValidateRecipeRequest& request) {
  if (request.yaml().size() > kMaxRecipeBytes) {
    return InvalidField(
        "yaml", absl::StrCat("has ", request.yaml().size(), " bytes; must have at most ", kMaxRecipeBytes));
  }
  const RecipeReading reading = ReadRecipe(request.yaml(), TrainingSpecRules());
  v1::ValidateRecipeResponse response;
  for (const RecipeViolation& violation : reading.violations) *response.add_violations() = ToProto(violation);
  if (reading.recipe) {
    *response.mutable_recipe() = ToProto(*reading.recipe);
    response.mutable_recipe()->set_yaml(request.yaml());
  }
  return response;
}

absl::StatusOr<v1::GetRecipeResponse> RecipeCalls::Get(const v1::GetRecipeRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseName("name", request.name(), "recipes"));
  std::optional<std::string> body;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(body, kRecipes.Get(transaction, id));
    return absl::OkStatus();
  }));
  if (!body) return error::RecipeNotFound(request.name());
  v1::GetRecipeResponse response;
  if (!response.mutable_recipe()->ParseFromString(*body))
    return absl::DataLossError("database: a recipe cannot be read");
  return response;
}

absl::StatusOr<v1::ListRecipesResponse> RecipeCalls::List(const v1::ListRecipesRequest& request) {
  SDA_ASSIGN_OR_RETURN(const Page page, ParsePage(request.page_size(), request.page_token()));
  std::vector<std::pair<int64_t, std::string>> rows;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(rows, kRecipes.List(transaction, page.before, page.size));
    return absl::OkStatus();
  }));
  v1::ListRecipesResponse response;
  for (const auto& [position, body] : rows) {
    if (!response.add_recipes()->ParseFromString(body))
      return absl::DataLossError("database: a recipe cannot be read");
  }
  if (static_cast<int64_t>(rows.size()) == page.size)
    response.set_next_page_token(absl::StrCat(rows.back().first));
  return response;
}

absl::StatusOr<v1::DeleteRecipeResponse> RecipeCalls::Delete(const v1::DeleteRecipeRequest& request) {
  SDA_RETURN_IF_ERROR(ValidateChange(request.request_id(), request.name(), "recipes"));
  return Once<v1::DeleteRecipeResponse>(
      database_, clock_, "DeleteRecipe", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::DeleteRecipeResponse> {
        SDA_ASSIGN_OR_RETURN(const bool was_there, kRecipes.Delete(transaction, ResourceId(request.name())));
        if (!was_there) return error::RecipeNotFound(request.name());
        return v1::DeleteRecipeResponse();
      });
}

}  // namespace sda::advisor
