#include "clients/cli/core/run_plan.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "clients/cli/core/flag_values.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

constexpr std::array kModelFamilies = {"dlrm", "wide_deep", "deepfm", "dcnv2"};

bool IsModelFamily(const std::string& name) {
  return std::find(kModelFamilies.begin(), kModelFamilies.end(), name) != kModelFamilies.end();
}

// Options that were given, of those in `flags` that describe a log.
std::vector<std::string> GivenInputOptions(const InputFlags& flags) {
  std::vector<std::string> given;
  const auto add = [&](bool is_given, const char* option) {
    if (is_given) given.emplace_back(option);
  };
  add(!flags.data.empty(), "--data");
  add(!flags.test.empty(), "--test");
  add(flags.label.has_value(), "--label");
  add(flags.positive.has_value(), "--positive");
  add(flags.weight.has_value(), "--weight");
  add(flags.delimiter.has_value(), "--delimiter");
  add(flags.header.has_value(), "--header");
  add(flags.null_values.has_value(), "--null");
  add(flags.schema.has_value(), "--schema");
  add(flags.pipeline.has_value(), "--pipeline");
  add(flags.automatic, "--auto");
  add(flags.split.has_value(), "--split");
  add(flags.test_share.has_value(), "--test-share");
  add(flags.validation_share.has_value(), "--validation-share");
  add(flags.frequency_threshold.has_value(), "--frequency-threshold");
  add(flags.bad_rows.has_value(), "--bad-rows");
  return given;
}

absl::StatusOr<RunPlan> PlanResume(const RunFlags& flags) {
  std::vector<std::string> others = GivenInputOptions(flags.input);
  if (flags.dataset) others.emplace_back("--dataset");
  if (flags.recipe) others.emplace_back("--recipe");
  if (flags.model) others.emplace_back("--model");
  if (!flags.goals.empty()) others.emplace_back("--goal");
  if (flags.budget) others.emplace_back("--budget");
  if (flags.input.seed) others.emplace_back("--seed");
  if (flags.run_id) others.emplace_back("--run-id");
  if (!others.empty()) {
    return InvalidField(others.front(),
                        "does not go with --resume; a resumed run keeps what it was started with");
  }
  RunPlan plan;
  SDA_ASSIGN_OR_RETURN(plan.resume, ParseNameFlag("--resume", "runs", *flags.resume));
  if (flags.parallel) {  // only sizes a suite that is started for the run
    SDA_ASSIGN_OR_RETURN(plan.parallel, ParseIntFlag("--parallel", *flags.parallel, 1, kMaxParallel));
  }
  return plan;
}

bool LooksLikeFile(const std::string& recipe) {
  return absl::EndsWith(recipe, ".yaml") || absl::EndsWith(recipe, ".yml") || absl::StartsWith(recipe, "/") ||
         absl::StartsWith(recipe, "./") || absl::StartsWith(recipe, "../");
}

absl::Status PlanRecipe(const std::string& text, RunPlan& plan) {
  if (LooksLikeFile(text)) {
    plan.recipe_file = text;
    SDA_ASSIGN_OR_RETURN(plan.recipe_yaml, ReadSmallFile("--recipe", text, kMaxRecipeBytes));
    return absl::OkStatus();
  }
  SDA_ASSIGN_OR_RETURN(plan.recipe, ParseNameFlag("--recipe", "recipes", text));
  return absl::OkStatus();
}

// Where the run begins: a log, a dataset or a recipe.
absl::Status PlanStart(const RunFlags& flags, FileCheck check, RunPlan& plan) {
  const std::vector<std::string> input_options = GivenInputOptions(flags.input);
  if (flags.dataset || flags.recipe) {
    if (!input_options.empty()) {
      return InvalidField(input_options.front(),
                          absl::StrCat("does not go with ", flags.dataset ? "--dataset" : "--recipe",
                                       ", which has its data already"));
    }
  }
  if (flags.dataset) {
    SDA_ASSIGN_OR_RETURN(plan.dataset, ParseNameFlag("--dataset", "datasets", *flags.dataset));
  }
  if (flags.recipe) {
    if (flags.model) return InvalidField("--model", "does not go with --recipe, which names its model");
    if (!flags.goals.empty())
      return InvalidField("--goal", "does not go with --recipe, which names its metrics");
    return PlanRecipe(*flags.recipe, plan);
  }
  if (flags.dataset) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(plan.input, PlanInput(flags.input, check));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunPlan> PlanRun(const RunFlags& flags, FileCheck check) {
  if (flags.resume) return PlanResume(flags);
  RunPlan plan;
  if (flags.budget) {
    SDA_ASSIGN_OR_RETURN(plan.budget, ParseIntFlag("--budget", *flags.budget, 1, kMaxBudget));
  } else if (!flags.recipe) {
    return InvalidField("--budget", "is missing; say how many trials to run, e.g. --budget 20");
  }
  if (flags.parallel) {
    SDA_ASSIGN_OR_RETURN(plan.parallel, ParseIntFlag("--parallel", *flags.parallel, 1, kMaxParallel));
  }
  if (flags.input.seed) {
    SDA_ASSIGN_OR_RETURN(plan.seed,
                         ParseIntFlag("--seed", *flags.input.seed, 0, std::numeric_limits<int64_t>::max()));
  }
  if (flags.model) {
    if (!IsModelFamily(*flags.model)) {
      return InvalidField("--model", absl::StrCat("'", *flags.model, "' is not a model family; allowed are ",
                                                  absl::StrJoin(kModelFamilies, ", ")));
    }
    plan.model = *flags.model;
  }
  if (flags.run_id) {
    SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("--run-id", "runs", *flags.run_id));
    plan.run_id = name.substr(std::string("runs/").size());
  }
  plan.goals_given = !flags.goals.empty();
  SDA_ASSIGN_OR_RETURN(plan.goals, ParseGoals(flags.goals));
  SDA_RETURN_IF_ERROR(PlanStart(flags, check, plan));
  return plan;
}

}  // namespace sda::cli
