#include "services/advisor/server/experiment_proto.h"

#include <set>

#include <absl/strings/str_cat.h>

#include "common/training_spec/field_path.h"
#include "common/training_spec/rules.h"
#include "services/advisor/core/metric.h"
#include "services/advisor/server/expected_seconds.h"
#include "services/advisor/server/recipe_proto.h"

namespace sda::advisor {

using optimizer::v1::Experiment;
using optimizer::v1::Trial;

Experiment ToExperiment(const v1::Recipe& recipe, const preprocessing::v1::Dataset& dataset,
                        const std::string& run_id) {
  Experiment experiment;
  experiment.set_display_name(absl::StrCat("run ", run_id));
  *experiment.mutable_parameters() = recipe.parameters();
  *experiment.mutable_metrics() = recipe.metrics();
  // Workers report these whether or not the recipe names them.
  std::set<std::string> named;
  for (const auto& metric : recipe.metrics()) named.insert(metric.name());
  for (const Metric& metric : WithStoredMetrics({})) {
    if (!named.contains(metric.name)) *experiment.add_metrics() = ToProto(metric);
  }
  for (auto& metric : *experiment.mutable_metrics()) {
    const bool counts = metric.strategy() != optimizer::v1::Metric::STRATEGY_STORE;
    if (counts && metric.name() == "train_seconds" && metric.expected().empty())
      metric.set_expected(ExpectedSeconds(recipe, dataset));
  }
  *experiment.mutable_linear_constraints() = recipe.linear_constraints();
  experiment.set_observation_budget(recipe.observation_budget());
  experiment.set_parallel_bandwidth(recipe.parallel_bandwidth());
  experiment.set_seed(recipe.spec().seed());
  experiment.set_default_first(true);
  if (recipe.has_early_stopping()) *experiment.mutable_early_stopping() = recipe.early_stopping();
  (*experiment.mutable_labels())["run"] = run_id;

  trainer::v1::TrainingSpec work = recipe.spec();
  work.set_dataset_manifest_uri(dataset.manifest_uri());
  work.set_dataset_manifest_sha256(dataset.manifest_sha256());
  training_spec::FillDefaults(work);
  experiment.mutable_work()->PackFrom(work);
  return experiment;
}

trainer::v1::TrainingSpec SpecOfTrial(const v1::Recipe& recipe, const Trial& trial) {
  using optimizer::v1::ParameterValue;
  trainer::v1::TrainingSpec spec = recipe.spec();
  for (const auto& [path, value] : trial.assignments()) {
    training_spec::FieldValue field = value.string_value();
    if (value.value_case() == ParameterValue::kDoubleValue) field = value.double_value();
    if (value.value_case() == ParameterValue::kIntValue) field = static_cast<int64_t>(value.int_value());
    training_spec::SetField(spec, path, field).IgnoreError();  // the worker has trained by it
  }
  training_spec::FillDefaults(spec);
  return spec;
}

bool IsFinal(Experiment::State state) {
  return state == Experiment::STATE_COMPLETED || state == Experiment::STATE_STOPPED;
}

bool IsFinal(Trial::State state) {
  return state != Trial::STATE_UNSPECIFIED && state != Trial::STATE_QUEUED && state != Trial::STATE_ACTIVE;
}

bool CountsAgainstBudget(Trial::State state) {
  return state == Trial::STATE_SUCCEEDED || state == Trial::STATE_STOPPED || state == Trial::STATE_INFEASIBLE;
}

}  // namespace sda::advisor
