#include <algorithm>
#include <utility>

#include "services/optimizer/core/insights/convergence.h"
#include "services/optimizer/core/insights/metric_insights.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine.h"
#include "services/optimizer/server/experiment_rules.h"

// What the finished trials say.
namespace sda::optimizer {
namespace {

constexpr int32_t kMaxDependencePoints = 100;
constexpr int32_t kDefaultDependencePoints = 20;

absl::StatusOr<Metric> ChosenMetric(const std::vector<Metric>& metrics, const std::string& name) {
  for (const Strategy strategy : {Strategy::kOptimize, Strategy::kConstraint}) {
    for (const Metric& metric : metrics) {
      if (metric.strategy == strategy && (name.empty() || metric.name == name)) return metric;
    }
  }
  return InvalidField(
      "metric", absl::StrCat("is \"", name.substr(0, 100), "\"; must name an OPTIMIZE or CONSTRAINT metric"));
}

// Counted trials in order of completion.
void AddConvergence(const std::vector<Metric>& metrics, const std::string& metric,
                    const std::vector<store::TrialRow>& rows, v1::Insights& insights) {
  std::vector<const store::TrialRow*> counted;
  for (const store::TrialRow& row : rows) {
    if (UsesBudget(row.state())) counted.push_back(&row);
  }
  const auto when = [](const store::TrialRow* row) { return ToTime(row->message.complete_time()); };
  std::stable_sort(counted.begin(), counted.end(),
                   [&](const auto* a, const auto* b) { return when(a) < when(b); });
  std::vector<CountedTrial> trials;
  for (const store::TrialRow* row : counted) {
    trials.push_back({.succeeded = row->state() == TrialState::kSucceeded,
                      .metrics = ToMetricValues(row->message.metrics())});
  }
  const Convergence convergence = FindConvergence(metrics, metric, trials);
  for (size_t i = 0; i < counted.size(); ++i) {
    auto& point = *insights.add_convergence();
    point.set_trial_count(static_cast<int64_t>(i) + 1);
    point.set_trial(counted[i]->id.number);
    if (convergence.points[i].best) point.set_best_value(*convergence.points[i].best);
    if (convergence.points[i].hypervolume) point.set_hypervolume(*convergence.points[i].hypervolume);
  }
  for (const auto& [name, value] : convergence.reference)
    (*insights.mutable_hypervolume_reference())[name] = value;
}

void AddModel(const MetricInsights& found, const std::vector<store::TrialRow>& rows, v1::Insights& insights) {
  insights.set_observation_count(static_cast<int64_t>(found.observations));
  for (const Importance& importance : found.importance) {
    auto& out = *insights.add_importance();
    out.set_parameter(importance.parameter);
    out.set_main_share(importance.main_share);
    out.set_total_share(importance.total_share);
    out.set_total_share_stddev(importance.total_share_stddev);
  }
  for (const LeftOut& left : found.left_out) {
    auto& out = *insights.add_predictions();
    out.set_trial(rows[left.trial].id.number);
    out.set_observed(left.observed);
    out.mutable_predicted()->set_value(left.mean);
    out.mutable_predicted()->set_stddev(left.stddev);
  }
  insights.set_explained_variance(found.explained_variance);
  insights.set_two_sigma_coverage(found.two_sigma_coverage);
  for (const Dependence& dependence : found.dependence) {
    auto& out = *insights.add_dependence();
    out.set_parameter(dependence.parameter);
    for (const Dependence::Point& point : dependence.points) {
      auto& to = *out.add_points();
      google::protobuf::Map<std::string, v1::ParameterValue> value;
      FromAssignments({{dependence.parameter, point.value}}, value);
      *to.mutable_value() = value.at(dependence.parameter);
      to.mutable_metric()->set_value(point.mean);
      to.mutable_metric()->set_stddev(point.stddev);
    }
  }
}

}  // namespace

absl::StatusOr<v1::GetInsightsResponse> Engine::GetInsights(const v1::GetInsightsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  if (request.dependence_points() < 0 || request.dependence_points() > kMaxDependencePoints) {
    return InvalidField("dependence_points", absl::StrCat("is ", request.dependence_points(),
                                                          "; must be in [0, ", kMaxDependencePoints, "]"));
  }
  store::ExperimentRow experiment;
  std::vector<store::TrialRow> rows;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(experiment, store::GetExperiment(tx, id));
    SDA_ASSIGN_OR_RETURN(rows, store::ListTrials(tx, id, {}));
    return absl::OkStatus();
  }));
  // The model is fitted outside of the transaction: it takes its time.
  const std::vector<Metric> metrics = ToMetrics(experiment.message);
  SDA_ASSIGN_OR_RETURN(const Metric metric, ChosenMetric(metrics, request.metric()));
  std::vector<ObservedTrial> observed;
  for (const store::TrialRow& row : rows) observed.push_back(ToObserved(row.message));
  const auto points =
      request.dependence_points() == 0 ? kDefaultDependencePoints : request.dependence_points();
  const MetricInsights found = ExplainMetric(ToSpace(experiment.message), metric, observed,
                                             {.dependence_points = static_cast<size_t>(points),
                                              .seed = static_cast<uint64_t>(experiment.message.seed())});
  if (found.observations < kFewestForInsights) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(request.name(), ": ", found.observations, " trials have a value of ", metric.name,
                     "; at least ", kFewestForInsights, " are needed"),
        {.reason = "TOO_FEW_OBSERVATIONS", .metadata = {{"name", request.name()}}, .violations = {}});
  }
  v1::GetInsightsResponse response;
  response.mutable_insights()->set_metric(metric.name);
  AddModel(found, rows, *response.mutable_insights());
  AddConvergence(metrics, metric.name, rows, *response.mutable_insights());
  return response;
}

}  // namespace sda::optimizer
