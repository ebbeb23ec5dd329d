// `sda recipe`: plans for tuning, as YAML that people read and edit.
#include <memory>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/run_steps.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/goal.h"
#include "clients/cli/core/input_files.h"
#include "clients/cli/core/run_plan.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/plan_to_proto.h"
#include "clients/cli/remote/proto_document.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using advisor::v1::AdvisorService;
using advisor::v1::Recipe;

constexpr const char* kCreateExamples =
    "  sda recipe create --dataset datasets/clicks --goal \"auc>=0.80\" --budget 20 > recipe.yaml\n"
    "      Has one written; edit it as you like.\n"
    "  sda recipe create --file recipe.yaml\n"
    "      Stores the edited one, to be used as `sda run --recipe recipes/…`.";

struct CreateFlags {
  std::optional<std::string> file, dataset, model, budget, parallel, seed, name;
  std::vector<std::string> goals;
};

std::string Yaml(const Recipe& recipe) {
  return recipe.yaml().empty() || recipe.yaml().back() == '\n' ? recipe.yaml() : recipe.yaml() + "\n";
}

// People get the YAML alone, so that it can be redirected to a file; the name goes to standard error.
absl::StatusOr<ExitCode> PrintRecipe(const Recipe& recipe, Session& session) {
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(recipe), [&] { return Yaml(recipe); }));
  session.terminal().Say(recipe.name());
  return ExitCode::kDone;
}

absl::StatusOr<advisor::v1::RecipeAdvice> PlanAdvice(const CreateFlags& flags) {
  advisor::v1::RecipeAdvice advice;
  if (!flags.dataset)
    return InvalidField("--dataset", "is missing; name the dataset, or give an edited recipe with --file");
  SDA_ASSIGN_OR_RETURN(const std::string dataset, ParseNameFlag("--dataset", "datasets", *flags.dataset));
  advice.set_dataset(dataset);
  if (!flags.budget)
    return InvalidField("--budget", "is missing; say how many trials to run, e.g. --budget 20");
  SDA_ASSIGN_OR_RETURN(const int64_t budget, ParseIntFlag("--budget", *flags.budget, 1, kMaxBudget));
  advice.set_observation_budget(budget);
  SDA_ASSIGN_OR_RETURN(const int64_t parallel,
                       ParseIntFlag("--parallel", flags.parallel.value_or("1"), 1, kMaxParallel));
  advice.set_parallel_bandwidth(static_cast<int32_t>(parallel));
  SDA_ASSIGN_OR_RETURN(const int64_t seed, ParseIntFlag("--seed", flags.seed.value_or("0"), 0, INT64_MAX));
  advice.set_seed(seed);
  advice.set_model(flags.model.value_or(""));
  SDA_ASSIGN_OR_RETURN(const std::vector<GoalMetric> goals, ParseGoals(flags.goals));
  *advice.mutable_goal() = ToProto(goals);
  return advice;
}

absl::StatusOr<ExitCode> Create(const CreateFlags& flags, Session& session) {
  std::string id;
  if (flags.name) {
    SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("--name", "recipes", *flags.name));
    id = name.substr(std::string("recipes/").size());
  }
  if (flags.file) {
    if (flags.dataset) return InvalidField("--dataset", "does not go with --file, which names its dataset");
    SDA_ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile("--file", *flags.file, kMaxRecipeBytes));
    SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
    SDA_ASSIGN_OR_RETURN(const Recipe recipe, StoreRecipe(*flags.file, yaml, id, *advisor));
    return PrintRecipe(recipe, session);
  }
  advisor::v1::CreateRecipeRequest request;
  SDA_ASSIGN_OR_RETURN(*request.mutable_advice(), PlanAdvice(flags));
  request.set_request_id(NewRequestId());
  request.set_recipe_id(id);
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  SDA_ASSIGN_OR_RETURN(const advisor::v1::CreateRecipeResponse response,
                       advisor->Call(&AdvisorService::Stub::CreateRecipe, request));
  return PrintRecipe(response.recipe(), session);
}

absl::StatusOr<ExitCode> Validate(const std::string& file, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile("FILE", file, kMaxRecipeBytes));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::ValidateRecipeRequest request;
  request.set_yaml(yaml);
  SDA_ASSIGN_OR_RETURN(const advisor::v1::ValidateRecipeResponse response,
                       advisor->Call(&AdvisorService::Stub::ValidateRecipe, request));
  Document document;
  document["valid"] = response.violations_size() == 0;
  document["violations"] = Document::array();
  for (const auto& violation : response.violations()) document["violations"].push_back(ToDocument(violation));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] {
    return response.violations_size() == 0 ? absl::StrCat(file, " is a good recipe\n")
                                           : absl::StrCat(RenderViolations(file, response), "\n");
  }));
  return response.violations_size() == 0 ? ExitCode::kDone : ExitCode::kBadInput;
}

absl::StatusOr<ExitCode> List(Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  Document document = Document::array();
  Table table({"recipe", "dataset", "parameters", "budget", "parallel", "created"});
  using Request = advisor::v1::ListRecipesRequest;
  using Response = advisor::v1::ListRecipesResponse;
  SDA_RETURN_IF_ERROR((ForEachPage<Request, Response>(
      Request(), [&](const Request& page) { return advisor->Call(&AdvisorService::Stub::ListRecipes, page); },
      [&](const Response& page) {
        for (const Recipe& recipe : page.recipes()) {
          document.push_back(ToDocument(recipe));
          table.AddRow({recipe.name(), recipe.dataset(), absl::StrCat(recipe.parameters_size()),
                        absl::StrCat(recipe.observation_budget()), absl::StrCat(recipe.parallel_bandwidth()),
                        document.back().value("create_time", "")});
        }
      })));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Get(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("RECIPE", "recipes", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::GetRecipeRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(const advisor::v1::GetRecipeResponse response,
                       advisor->Call(&AdvisorService::Stub::GetRecipe, request));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(response.recipe()), [&] { return Yaml(response.recipe()); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Delete(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("RECIPE", "recipes", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::DeleteRecipeRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_RETURN_IF_ERROR(advisor->Call(&AdvisorService::Stub::DeleteRecipe, request).status());
  session.terminal().Say(absl::StrCat(name, " deleted; runs keep what they took from it"));
  return ExitCode::kDone;
}

}  // namespace

void AddRecipeCommands(CommandLine& line) {
  CLI::App* family = line.Add(line.app, "recipe", "Have recipes written, edit, check and store them",
                              "  sda recipe create --dataset datasets/clicks --budget 20 > recipe.yaml\n"
                              "  sda recipe validate recipe.yaml\n"
                              "  sda run --recipe recipe.yaml");
  family->require_subcommand(1);
  const auto prepare = [&](CLI::App* command) {
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"advisor"});
  };

  const auto flags = std::make_shared<CreateFlags>();
  CLI::App* create =
      line.Add(*family, "create", "Writes a recipe for a dataset, or stores an edited one", kCreateExamples);
  const auto add_flag = [&](const char* option, std::optional<std::string>* target, const char* type,
                            const char* help) { create->add_option(option, *target, help)->type_name(type); };
  add_flag("--dataset", &flags->dataset, "NAME", "Dataset to write it for");
  add_flag("--file", &flags->file, "FILE", "Store this YAML instead");
  create->add_option("--goal", flags->goals, "What to reach (see `sda run --help`)")
      ->type_name("GOAL")
      ->expected(1, -1);
  add_flag("--budget", &flags->budget, "N", "Trials to run");
  add_flag("--parallel", &flags->parallel, "N", "Trials at the same time (default 1)");
  add_flag("--model", &flags->model, "NAME", "Model family: dlrm, wide_deep, deepfm or dcnv2 (default dlrm)");
  add_flag("--seed", &flags->seed, "S", "Seed of search and training (default 0)");
  add_flag("--name", &flags->name, "NAME", "The recipe's name (default: chosen)");
  prepare(create);
  line.Run(create, [flags](Session& session) { return Create(*flags, session); });

  CLI::App* list = line.Add(*family, "list", "All recipes, newest first", "");
  prepare(list);
  line.Run(list, List);

  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* verb, const char* what, const char* description,
                       absl::StatusOr<ExitCode> (*execute)(const std::string&, Session&)) {
    CLI::App* command = line.Add(*family, verb, description, "");
    command->add_option(what, *name, std::string(what) == "FILE" ? "The recipe's YAML" : "Its name")
        ->required()
        ->type_name("");
    prepare(command);
    line.Run(command, [=](Session& session) { return execute(*name, session); });
  };
  add("validate", "FILE", "Checks a recipe's YAML; exit code 2 where it breaks a rule", Validate);
  add("get", "RECIPE", "One recipe's YAML", Get);
  add("delete", "RECIPE", "Removes a recipe", Delete);
}

}  // namespace sda::cli
