#include "services/advisor/server/validation.h"

#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "services/advisor/core/advice.h"
#include "services/advisor/core/metric.h"
#include "services/advisor/core/recipe.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/limits.h"
#include "services/advisor/server/recipe_proto.h"

namespace sda::advisor {
namespace {

using Violations = std::vector<FieldViolation>;

void CheckRequestId(const std::string& id, Violations& out) {
  if (id.empty())
    out.push_back({"request_id", "is empty; give an id of your own making, for example a UUID"});
  if (id.size() > kMaxRequestIdBytes) {
    out.push_back(
        {"request_id", absl::StrCat("has ", id.size(), " bytes; must have at most ", kMaxRequestIdBytes)});
  }
}

void CheckOptionalId(const std::string& field, const std::string& id, Violations& out) {
  if (id.empty() || IsResourceId(id)) return;
  out.push_back({field, absl::StrCat("is \"", id, "\"; must be empty or an id, ", kResourceIdRule)});
}

void CheckName(const std::string& field, const std::string& name, std::string_view collection,
               Violations& out) {
  if (IsResourceName(name, collection)) return;
  out.push_back(
      {field, absl::StrCat("is \"", name, "\"; must be ", ToAbsl(collection), "/{id}, ", kResourceIdRule)});
}

void CheckRange(const std::string& field, int64_t value, int64_t min, int64_t max, Violations& out) {
  if (value >= min && value <= max) return;
  out.push_back({field, absl::StrCat("is ", value, "; must be in [", min, ", ", max, "]")});
}

void CheckModel(const std::string& field, const std::string& model, Violations& out) {
  if (model.empty()) return;
  if (std::string problem = CheckKnownModel(model); !problem.empty())
    out.push_back({field, std::move(problem)});
}

void CheckGoal(const std::string& field, const v1::Goal& goal, Violations& out) {
  const std::vector<Metric> metrics = FromProto(goal);
  for (size_t i = 0; i < metrics.size(); ++i) {
    for (const FieldViolation& violation : CheckMetric(metrics[i])) {
      out.push_back({absl::StrCat(field, ".metrics[", i, "].", violation.field), violation.description});
    }
  }
  if (metrics.empty()) return;  // maximise auc
  for (const FieldViolation& violation : CheckMetrics(metrics)) {
    out.push_back({absl::StrCat(field, ".metrics", violation.field), violation.description});
  }
}

void CheckInput(const v1::RunSpec& spec, Violations& out) {
  switch (spec.input_case()) {
    case v1::RunSpec::kDatasetSpec:
      if (spec.dataset_spec().data_uris().empty()) {
        out.push_back({"spec.dataset_spec.data_uris", "is empty; name at least one file"});
      }
      if (spec.dataset_spec().label().empty() && spec.dataset_spec().pipeline().label().empty())
        out.push_back({"spec.dataset_spec.label", "is empty; name the label column"});
      break;
    case v1::RunSpec::kDataset:
      CheckName("spec.dataset", spec.dataset(), "datasets", out);
      break;
    default:
      out.push_back({"spec.input", "is missing; give a dataset_spec or a dataset"});
  }
}

void CheckPlan(const v1::RunSpec& spec, Violations& out) {
  const bool has_recipe = !spec.recipe().empty();
  if (has_recipe) CheckName("spec.recipe", spec.recipe(), "recipes", out);
  if (has_recipe && !spec.goal().metrics().empty()) {
    out.push_back(
        {"spec.goal",
         "is given beside a recipe; the metrics of the recipe are the goal, remove one of the two"});
  }
  CheckGoal("spec.goal", spec.goal(), out);
  CheckModel("spec.model", spec.model(), out);
  CheckRange("spec.observation_budget", spec.observation_budget(), has_recipe ? 0 : 1, kMaxObservationBudget,
             out);
  CheckRange("spec.parallel_bandwidth", spec.parallel_bandwidth(), 0, kMaxParallelBandwidth, out);
}

absl::Status ToStatus(const Violations& violations) {
  return violations.empty() ? absl::OkStatus() : InvalidFields(violations);
}

}  // namespace

absl::Status Validate(const v1::CreateRecipeRequest& request) {
  Violations out;
  CheckRequestId(request.request_id(), out);
  CheckOptionalId("recipe_id", request.recipe_id(), out);
  switch (request.source_case()) {
    case v1::CreateRecipeRequest::kAdvice: {
      const v1::RecipeAdvice& advice = request.advice();
      CheckName("advice.dataset", advice.dataset(), "datasets", out);
      CheckGoal("advice.goal", advice.goal(), out);
      CheckModel("advice.model", advice.model(), out);
      CheckRange("advice.observation_budget", advice.observation_budget(), 1, kMaxObservationBudget, out);
      CheckRange("advice.parallel_bandwidth", advice.parallel_bandwidth(), 0, kMaxParallelBandwidth, out);
      break;
    }
    case v1::CreateRecipeRequest::kYaml:
      CheckRange("yaml.size", static_cast<int64_t>(request.yaml().size()), 1, kMaxRecipeBytes, out);
      break;
    default:
      out.push_back({"source", "is missing; give advice or yaml"});
  }
  return ToStatus(out);
}

absl::Status Validate(const v1::CreateRunRequest& request) {
  Violations out;
  CheckRequestId(request.request_id(), out);
  CheckOptionalId("run_id", request.run_id(), out);
  CheckInput(request.spec(), out);
  CheckPlan(request.spec(), out);
  return ToStatus(out);
}

absl::Status ValidateChange(const std::string& request_id, const std::string& name,
                            std::string_view collection) {
  Violations out;
  CheckRequestId(request_id, out);
  CheckName("name", name, collection, out);
  return ToStatus(out);
}

absl::StatusOr<std::string> ParseName(std::string_view field, const std::string& name,
                                      std::string_view collection) {
  Violations out;
  CheckName(std::string(field), name, collection, out);
  SDA_RETURN_IF_ERROR(ToStatus(out));
  return ResourceId(name);
}

absl::StatusOr<Page> ParsePage(int32_t page_size, const std::string& page_token) {
  Page page;
  if (page_size < 0 || page_size > kMaxPageSize) {
    return InvalidField("page_size", absl::StrCat("is ", page_size, "; must be in [0, ", kMaxPageSize, "]"));
  }
  page.size = page_size == 0 ? kDefaultPageSize : page_size;
  if (!page_token.empty() && (!absl::SimpleAtoi(page_token, &page.before) || page.before <= 0)) {
    return InvalidField("page_token",
                        absl::StrCat("is \"", page_token, "\"; must be the next_page_token of a reply"));
  }
  return page;
}

}  // namespace sda::advisor
