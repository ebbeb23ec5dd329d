#include "clients/cli/commands/run_steps.h"

#include <utility>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/session.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/remote/plan_to_proto.h"
#include "clients/cli/remote/run_follower.h"
#include "clients/cli/remote/run_reports.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using advisor::v1::AdvisorService;
using advisor::v1::Run;

constexpr int64_t kMostWorkers = 1000;
constexpr int64_t kMostThreads = 4096;

absl::Status ParseSize(const char* option, const std::optional<std::string>& text, int64_t most,
                       std::optional<int64_t>& target) {
  if (!text) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(target, ParseIntFlag(option, *text, 1, most));
  return absl::OkStatus();
}

absl::StatusOr<Run> ResumeRun(const std::string& name, AdvisorClient& advisor) {
  advisor::v1::ResumeRunRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(advisor::v1::ResumeRunResponse response,
                       advisor.Call(&AdvisorService::Stub::ResumeRun, request));
  return std::move(*response.mutable_run());
}

// The recipe the run is to follow, stored first where it is a file; its dataset becomes the run's.
absl::Status SetRecipe(const RunPlan& plan, AdvisorClient& advisor, advisor::v1::RunSpec& spec) {
  advisor::v1::Recipe recipe;
  if (!plan.recipe_file.empty()) {
    SDA_ASSIGN_OR_RETURN(recipe, StoreRecipe(plan.recipe_file, plan.recipe_yaml, "", advisor));
  } else {
    advisor::v1::GetRecipeRequest request;
    request.set_name(plan.recipe);
    SDA_ASSIGN_OR_RETURN(advisor::v1::GetRecipeResponse response,
                         advisor.Call(&AdvisorService::Stub::GetRecipe, request));
    recipe = std::move(*response.mutable_recipe());
  }
  spec.set_recipe(recipe.name());
  if (spec.dataset().empty()) spec.set_dataset(recipe.dataset());
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseSuiteSizes(const std::optional<std::string>& workers,
                             const std::optional<std::string>& slots,
                             const std::optional<std::string>& threads_per_slot, LocalSuiteOptions& options) {
  SDA_RETURN_IF_ERROR(ParseSize("--workers", workers, kMostWorkers, options.workers));
  SDA_RETURN_IF_ERROR(ParseSize("--slots", slots, kMostThreads, options.slots));
  return ParseSize("--threads-per-slot", threads_per_slot, kMostThreads, options.threads_per_slot);
}

absl::StatusOr<Run> StartRun(const RunPlan& plan, AdvisorClient& advisor) {
  if (!plan.resume.empty()) return ResumeRun(plan.resume, advisor);
  advisor::v1::CreateRunRequest request;
  request.set_request_id(NewRequestId());
  request.set_run_id(plan.run_id);
  *request.mutable_spec() = ToProto(plan);
  if (!plan.recipe.empty() || !plan.recipe_file.empty()) {
    SDA_RETURN_IF_ERROR(SetRecipe(plan, advisor, *request.mutable_spec()));
  }
  SDA_ASSIGN_OR_RETURN(advisor::v1::CreateRunResponse response,
                       advisor.Call(&AdvisorService::Stub::CreateRun, request));
  return std::move(*response.mutable_run());
}

absl::StatusOr<Run> FollowRun(const std::string& name, AdvisorClient& advisor, Terminal& terminal) {
  RunFollower::Listener listener;
  listener.on_progress = [&terminal](const ProgressView& view) { terminal.Show(view); };
  listener.on_line = [&terminal](const std::string& line) { terminal.Say(line); };
  RunFollower follower(advisor, std::move(listener));
  auto run = follower.Follow(name);
  terminal.ClearBar();
  return run;
}

absl::StatusOr<RunReport> ReportRun(const Run& run, AdvisorClient& advisor, const std::string& artefacts) {
  std::vector<optimizer::v1::Trial> trials;
  if (!run.experiment().empty()) {
    SDA_ASSIGN_OR_RETURN(trials, ListTrialsOfRun(advisor, run.name()));
  }
  return ToReport(run, trials, artefacts);
}

absl::StatusOr<std::vector<std::string>> ListRunningRuns(AdvisorClient& advisor) {
  std::vector<std::string> names;
  advisor::v1::ListRunsRequest request;
  request.add_states(Run::STATE_RUNNING);
  SDA_RETURN_IF_ERROR((ForEachPage<advisor::v1::ListRunsRequest, advisor::v1::ListRunsResponse>(
      request,
      [&](const advisor::v1::ListRunsRequest& page) {
        return advisor.Call(&AdvisorService::Stub::ListRuns, page);
      },
      [&](const advisor::v1::ListRunsResponse& page) {
        for (const Run& run : page.runs()) names.push_back(run.name());
      })));
  return names;
}

absl::StatusOr<advisor::v1::Recipe> StoreRecipe(const std::string& file, const std::string& yaml,
                                                const std::string& recipe_id, AdvisorClient& advisor) {
  advisor::v1::ValidateRecipeRequest validate;
  validate.set_yaml(yaml);
  SDA_ASSIGN_OR_RETURN(const advisor::v1::ValidateRecipeResponse checked,
                       advisor.Call(&AdvisorService::Stub::ValidateRecipe, validate));
  if (checked.violations_size() > 0) return absl::InvalidArgumentError(RenderViolations(file, checked));
  advisor::v1::CreateRecipeRequest request;
  request.set_request_id(NewRequestId());
  request.set_recipe_id(recipe_id);
  request.set_yaml(yaml);
  SDA_ASSIGN_OR_RETURN(advisor::v1::CreateRecipeResponse response,
                       advisor.Call(&AdvisorService::Stub::CreateRecipe, request));
  return std::move(*response.mutable_recipe());
}

std::string RenderViolations(const std::string& file, const advisor::v1::ValidateRecipeResponse& response) {
  std::string text;
  for (const advisor::v1::RecipeViolation& violation : response.violations()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", file);
    if (violation.line() > 0) absl::StrAppend(&text, ":", violation.line(), ":", violation.column());
    absl::StrAppend(&text, ": ", violation.field(), violation.field().empty() ? "" : ": ",
                    violation.description());
  }
  return text;
}

}  // namespace sda::cli
