#include "services/optimizer/server/experiment_rules.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/optimizer/core/formula.h"
#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"
#include "services/optimizer/core/suggester.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/trial_rules.h"

namespace sda::optimizer {
namespace {

constexpr int64_t kMaxBudget = 1'000'000;
constexpr int32_t kMaxBandwidth = 10'000;
constexpr size_t kMaxDisplayName = 100;
constexpr int kMaxLabels = 100;
constexpr size_t kMaxLabelBytes = 63;
constexpr size_t kMaxWorkBytes = 1 << 20;
constexpr size_t kMaxReasonBytes = 1'000;
constexpr size_t kMaxFormulaBytes = 2'000;
constexpr int32_t kDefaultPage = 100;
constexpr int32_t kMaxPage = 1'000;

class Violations {
 public:
  void Add(std::string field, std::string description) {
    all_.push_back({"experiment." + std::move(field), std::move(description)});
  }

  void Append(const std::vector<FieldViolation>& others) {
    for (const FieldViolation& other : others) Add(other.field, other.description);
  }

  void Range(const std::string& field, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high)
      Add(field, absl::StrCat("is ", value, "; must be in [", low, ", ", high, "]"));
  }

  absl::Status ToStatus() const { return all_.empty() ? absl::OkStatus() : InvalidFields(all_); }

 private:
  std::vector<FieldViolation> all_;
};

bool IsLabelKey(const std::string& key) {
  return !key.empty() && key.size() <= kMaxLabelBytes &&
         key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

void CheckAnnotations(const v1::Experiment& experiment, Violations& violations) {
  if (experiment.display_name().size() > kMaxDisplayName) {
    violations.Add("display_name", absl::StrCat("has ", experiment.display_name().size(),
                                                " bytes; must have at most ", kMaxDisplayName));
  }
  if (experiment.labels().size() > kMaxLabels)
    violations.Add("labels", absl::StrCat("has ", experiment.labels().size(), " entries; must have at most ",
                                          kMaxLabels));
  for (const auto& [key, value] : experiment.labels()) {
    if (!IsLabelKey(key))
      violations.Add(absl::StrCat("labels[", key.substr(0, 100), "]"),
                     "has a key that is not 1 to 63 characters of [a-z0-9_-]");
    if (value.size() > kMaxLabelBytes)
      violations.Add(absl::StrCat("labels[", key.substr(0, 100), "]"),
                     absl::StrCat("has ", value.size(), " bytes; must have at most ", kMaxLabelBytes));
  }
  std::vector<FieldViolation> found;
  CheckMetadata(experiment.metadata(), "metadata", found);
  violations.Append(found);
}

void CheckExpected(const v1::Experiment& experiment, const Space& space, Violations& violations) {
  for (int i = 0; i < experiment.metrics_size(); ++i) {
    const std::string& text = experiment.metrics(i).expected();
    if (text.empty()) continue;
    const std::string path = absl::StrCat("metrics[", i, "].expected");
    if (text.size() > kMaxFormulaBytes) {
      violations.Add(path, absl::StrCat("has ", text.size(), " bytes; must have at most ", kMaxFormulaBytes));
      continue;
    }
    const auto formula = Formula::Parse(text);
    const std::optional<std::string> problem =
        formula.ok() ? formula->Check(space) : std::string(formula.status().message());
    if (problem) violations.Add(path, absl::StrCat("is no formula over the parameters: it ", *problem));
  }
}

void CheckBudgets(const v1::Experiment& experiment, Violations& violations) {
  violations.Range("observation_budget", experiment.observation_budget(), 1, kMaxBudget);
  violations.Range("parallel_bandwidth", experiment.parallel_bandwidth(), 1, kMaxBandwidth);
  violations.Range("max_failed_trials", experiment.max_failed_trials(), 1, kMaxBudget * 3);
  if (experiment.has_wall_clock_budget() &&
      ToDuration(experiment.wall_clock_budget()) < absl::ZeroDuration()) {
    violations.Add("wall_clock_budget", "is negative; must be at least 0");
  }
}

void CheckThresholdRule(const v1::ThresholdRule& rule, Violations& violations) {
  const std::string path = "early_stopping.threshold";
  if (rule.max_steps() < 1)
    violations.Add(path + ".max_steps", absl::StrCat("is ", rule.max_steps(), "; must be at least 1"));
  if (rule.min_steps() < 0 || rule.min_steps() > rule.max_steps())
    violations.Add(path + ".min_steps", absl::StrCat("is ", rule.min_steps(), "; must be in [0, max_steps]"));
  if (rule.min_readings() != 0 && rule.min_readings() < 4)
    violations.Add(path + ".min_readings", absl::StrCat("is ", rule.min_readings(), "; must be at least 4"));
  if (!(rule.probability() >= 0 && rule.probability() <= 0.5))
    violations.Add(path + ".probability", absl::StrCat("is ", rule.probability(), "; must be in (0, 0.5]"));
}

void CheckPolicies(const v1::Experiment& experiment, const std::vector<Metric>& metrics,
                   Violations& violations) {
  const absl::Duration term = ToDuration(experiment.lease_policy().duration());
  if (term < absl::Seconds(1) || term > absl::Hours(1)) {
    violations.Add("lease_policy.duration",
                   absl::StrCat("is ", absl::FormatDuration(term), "; must be in [1 s, 1 h]"));
  }
  violations.Range("lease_policy.max_attempts", experiment.lease_policy().max_attempts(), 1, 100);

  const v1::EarlyStopping& stopping = experiment.early_stopping();
  const std::string metric = stopping.has_median() ? stopping.median().metric() : stopping.halving().metric();
  if (!metric.empty() && std::none_of(metrics.begin(), metrics.end(), [&](const Metric& m) {
        return m.name == metric && m.strategy == Strategy::kOptimize;
      })) {
    violations.Add("early_stopping", absl::StrCat("names \"", metric, "\"; must name an OPTIMIZE metric"));
  }
  if (stopping.has_median() && (stopping.median().min_trials() < 0 || stopping.median().min_steps() < 0)) {
    violations.Add("early_stopping.median", "has a negative number; must be at least 0");
  }
  if (stopping.has_halving()) {
    if (stopping.halving().min_steps() < 1)
      violations.Add("early_stopping.halving.min_steps",
                     absl::StrCat("is ", stopping.halving().min_steps(), "; must be at least 1"));
    if (stopping.halving().factor() != 0 && stopping.halving().factor() < 2)
      violations.Add("early_stopping.halving.factor",
                     absl::StrCat("is ", stopping.halving().factor(), "; must be at least 2"));
  }
  if (stopping.has_threshold()) CheckThresholdRule(stopping.threshold(), violations);
  const bool optimises = std::any_of(metrics.begin(), metrics.end(),
                                     [](const Metric& m) { return m.strategy == Strategy::kOptimize; });
  if ((stopping.has_median() || stopping.has_halving()) && !optimises)
    violations.Add("early_stopping", "is set without an OPTIMIZE metric");
}

// Thresholds are the only part of metrics that may change.
absl::Status ApplyThresholds(const v1::Experiment& update, v1::Experiment& experiment) {
  std::map<std::string, const v1::Metric*> wanted;
  for (const auto& metric : update.metrics()) wanted[metric.name()] = &metric;
  if (static_cast<int>(wanted.size()) != experiment.metrics_size() ||
      update.metrics_size() != experiment.metrics_size()) {
    return InvalidField("experiment.metrics",
                        "must name the same metrics as before; only thresholds may change");
  }
  for (auto& metric : *experiment.mutable_metrics()) {
    const auto found = wanted.find(metric.name());
    if (found == wanted.end() || found->second->strategy() != metric.strategy() ||
        found->second->objective() != metric.objective()) {
      return InvalidField(absl::StrCat("experiment.metrics[", metric.name(), "]"),
                          "must keep name, strategy and objective; only thresholds may change");
    }
    if (found->second->has_threshold()) {
      metric.set_threshold(found->second->threshold());
    } else {
      metric.clear_threshold();
    }
  }
  return absl::OkStatus();
}

}  // namespace

void PrepareNewExperiment(v1::Experiment& experiment) {
  experiment.clear_name();
  experiment.set_state(v1::Experiment::STATE_ACTIVE);
  experiment.clear_state_reason();
  experiment.clear_archived();
  experiment.clear_trial_counts();
  experiment.clear_create_time();
  experiment.clear_update_time();
  experiment.clear_complete_time();
  experiment.clear_etag();
  if (experiment.parallel_bandwidth() == 0) experiment.set_parallel_bandwidth(1);
  if (experiment.max_failed_trials() == 0)
    experiment.set_max_failed_trials(3 +
                                     2 * std::clamp<int64_t>(experiment.observation_budget(), 0, kMaxBudget));
  auto& policy = *experiment.mutable_lease_policy();
  if (!policy.has_duration() || ToDuration(policy.duration()) == absl::ZeroDuration())
    FromDuration(absl::Seconds(60), *policy.mutable_duration());
  if (policy.max_attempts() == 0) policy.set_max_attempts(3);
  if (experiment.has_wall_clock_budget() &&
      ToDuration(experiment.wall_clock_budget()) == absl::ZeroDuration())
    experiment.clear_wall_clock_budget();
  if (experiment.algorithm() == v1::Experiment::ALGORITHM_UNSPECIFIED)
    experiment.set_algorithm(v1::Experiment::ALGORITHM_BAYESIAN);
  for (auto& metric : *experiment.mutable_metrics()) {
    if (metric.strategy() == v1::Metric::STRATEGY_UNSPECIFIED)
      metric.set_strategy(v1::Metric::STRATEGY_OPTIMIZE);
    if (metric.objective() == v1::Metric::OBJECTIVE_UNSPECIFIED)
      metric.set_objective(v1::Metric::OBJECTIVE_MAXIMIZE);
  }
}

absl::Status CheckNewExperiment(const v1::Experiment& experiment) {
  Violations violations;
  const Space space = ToSpace(experiment);
  const std::vector<Metric> metrics = ToMetrics(experiment);
  violations.Append(ValidateSpace(space, experiment.default_first()));
  violations.Append(ValidateMetrics(metrics));
  CheckExpected(experiment, space, violations);
  for (int i = 0; i < experiment.parameters_size(); ++i) {
    if (experiment.parameters(i).reason().size() > kMaxReasonBytes) {
      violations.Add(absl::StrCat("parameters[", i, "].reason"),
                     absl::StrCat("has ", experiment.parameters(i).reason().size(),
                                  " bytes; must have at most ", kMaxReasonBytes));
    }
  }
  for (int i = 0; i < experiment.linear_constraints_size(); ++i) {
    if (experiment.linear_constraints(i).comparison() == v1::LinearConstraint::COMPARISON_UNSPECIFIED) {
      violations.Add(absl::StrCat("linear_constraints[", i, "].comparison"),
                     "is not set; must be AT_MOST or AT_LEAST");
    }
  }
  CheckBudgets(experiment, violations);
  CheckPolicies(experiment, metrics, violations);
  CheckAnnotations(experiment, violations);
  if (experiment.work().ByteSizeLong() > kMaxWorkBytes)
    violations.Add("work", absl::StrCat("has ", experiment.work().ByteSizeLong(),
                                        " bytes; must have at most ", kMaxWorkBytes));
  SDA_RETURN_IF_ERROR(violations.ToStatus());
  // What follows counts on a space that keeps the rules.
  if (experiment.algorithm() == v1::Experiment::ALGORITHM_GRID && !GridSize(space)) {
    violations.Add("algorithm",
                   "is GRID; every parameter must then be int_range, grid or categories, without conditions");
  }
  if (experiment.default_first() && !SatisfiesConstraints(space, Defaults(space))) {
    violations.Add("default_first", "is set but the defaults break a linear constraint");
  }
  return violations.ToStatus();
}

absl::Status ApplyUpdate(const v1::UpdateExperimentRequest& request, v1::Experiment& experiment) {
  const v1::Experiment& update = request.experiment();
  if (request.update_mask().paths().empty())
    return InvalidField("update_mask", "is empty; must name the fields to change");
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") {
      experiment.set_display_name(update.display_name());
    } else if (path == "observation_budget") {
      experiment.set_observation_budget(update.observation_budget());
    } else if (path == "wall_clock_budget") {
      experiment.clear_wall_clock_budget();
      if (ToDuration(update.wall_clock_budget()) != absl::ZeroDuration())
        *experiment.mutable_wall_clock_budget() = update.wall_clock_budget();
    } else if (path == "parallel_bandwidth") {
      experiment.set_parallel_bandwidth(update.parallel_bandwidth());
    } else if (path == "max_failed_trials") {
      experiment.set_max_failed_trials(update.max_failed_trials());
    } else if (path == "labels") {
      *experiment.mutable_labels() = update.labels();
    } else if (path == "metadata") {
      *experiment.mutable_metadata() = update.metadata();
    } else if (path == "metrics") {
      SDA_RETURN_IF_ERROR(ApplyThresholds(update, experiment));
    } else {
      return InvalidField("update_mask",
                          absl::StrCat("names \"", path,
                                       "\"; may name display_name, observation_budget, wall_clock_budget, "
                                       "parallel_bandwidth, max_failed_trials, metrics, labels, metadata"));
    }
  }
  Violations violations;
  CheckBudgets(experiment, violations);
  CheckAnnotations(experiment, violations);
  violations.Append(ValidateMetrics(ToMetrics(experiment)));
  return violations.ToStatus();
}

absl::Status CheckRequestId(const std::string& request_id) {
  if (!request_id.empty() && request_id.size() <= 128) return absl::OkStatus();
  return InvalidField("request_id", absl::StrCat("has ", request_id.size(), " bytes; must have 1 to 128"));
}

absl::StatusOr<int32_t> PageSize(int32_t page_size) {
  if (page_size < 0 || page_size > kMaxPage)
    return InvalidField("page_size", absl::StrCat("is ", page_size, "; must be in [0, ", kMaxPage, "]"));
  return page_size == 0 ? kDefaultPage : page_size;
}

absl::StatusOr<int64_t> ParsePageToken(const std::string& token, int64_t first) {
  int64_t value = first;
  if (!token.empty() && (!absl::SimpleAtoi(token, &value) || value < 0)) {
    return InvalidField("page_token", absl::StrCat("is \"", token.substr(0, 100),
                                                   "\"; must be the next_page_token of the page before"));
  }
  return value;
}

absl::Status CheckMetricNames(const v1::Experiment& experiment,
                              const std::vector<std::pair<std::string, double>>& metrics,
                              const std::string& path) {
  std::vector<FieldViolation> violations;
  for (const auto& [name, value] : metrics) {
    const std::string& metric = name;
    const bool known = std::any_of(experiment.metrics().begin(), experiment.metrics().end(),
                                   [&](const v1::Metric& m) { return m.name() == metric; });
    if (!known)
      violations.push_back(
          {absl::StrCat(path, "[", metric.substr(0, 100), "]"), "is no metric of the experiment"});
    if (!std::isfinite(value))
      violations.push_back({absl::StrCat(path, "[", metric.substr(0, 100), "]"),
                            absl::StrCat("is ", value, "; must be a finite number")});
  }
  return violations.empty() ? absl::OkStatus() : InvalidFields(violations);
}

absl::StatusOr<bool> IsDescending(const std::string& order_by, const std::string& key, bool by_default) {
  if (order_by.empty()) return by_default;
  if (order_by == key) return false;
  if (order_by == key + " desc") return true;
  return InvalidField("order_by", absl::StrCat("is \"", order_by.substr(0, 100), "\"; must be \"", key,
                                               "\" or \"", key, " desc\""));
}

absl::Status CheckStates(const google::protobuf::RepeatedField<int>& states, bool (*is_valid)(int)) {
  for (int i = 0; i < states.size(); ++i) {
    if (states.Get(i) == 0 || !is_valid(states.Get(i)))
      return InvalidField(absl::StrCat("states[", i, "]"),
                          absl::StrCat("is ", states.Get(i), "; must be a state"));
  }
  return absl::OkStatus();
}

}  // namespace sda::optimizer
