#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/advice_input.h"
#include "services/advisor/server/proto_time.h"
#include "services/advisor/server/resource_table.h"
#include "services/advisor/server/steps.h"

namespace sda::advisor {
namespace {

using Trainer = trainer::v1::TrainerService;

// The worker that answers first, asked in turn.
absl::StatusOr<trainer::v1::Worker> FetchWorker(StepContext& context) {
  trainer::v1::Worker worker;
  SDA_RETURN_IF_ERROR(context.AskTrainers([&](const TrainerPeer& peer) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(auto response,
                         context.CallOnce(peer, &Trainer::Stub::GetWorker, trainer::v1::GetWorkerRequest()));
    worker = std::move(*response.mutable_worker());
    return absl::OkStatus();
  }));
  return worker;
}

// The first free id among those the run may give.
absl::StatusOr<std::string> FreeRecipeId(sql::Transaction& transaction, const std::string& run_id,
                                         int attempt) {
  while (true) {
    std::string id = ChildId(run_id, attempt++);
    SDA_ASSIGN_OR_RETURN(const bool taken, kRecipes.Exists(transaction, id));
    if (!taken) return id;
  }
}

v1::RecipeAdvice AdviceOf(const v1::RunSpec& spec, const std::string& dataset) {
  v1::RecipeAdvice advice;
  advice.set_dataset(dataset);
  *advice.mutable_goal() = spec.goal();
  advice.set_model(spec.model());
  advice.set_observation_budget(spec.observation_budget());
  advice.set_parallel_bandwidth(spec.parallel_bandwidth());
  advice.set_seed(spec.seed());
  return advice;
}

}  // namespace

absl::Status AdviseRecipe(StepContext& context, const RunEntry& entry) {
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::Dataset dataset, FetchDataset(context, entry.run.dataset()));
  SDA_ASSIGN_OR_RETURN(const trainer::v1::Worker worker, FetchWorker(context));
  SDA_ASSIGN_OR_RETURN(v1::Recipe advised,
                       AdviseFor(AdviceOf(entry.run.spec(), dataset.name()), dataset, worker));
  *advised.mutable_create_time() = ToTimestamp(context.services().clock.Now());
  return context.Record([&](sql::Transaction& transaction, RunEntry& recorded) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(const std::string id, FreeRecipeId(transaction, context.id(), recorded.attempt));
    recorded.recipe = advised;
    recorded.recipe.set_name(ResourceName("recipes", id));
    recorded.run.set_recipe(recorded.recipe.name());
    return kRecipes.Insert(transaction, id, recorded.recipe.SerializeAsString());
  });
}

}  // namespace sda::advisor
