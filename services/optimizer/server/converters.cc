#include "services/optimizer/server/converters.h"

#include <cmath>

namespace sda::optimizer {
namespace {

Value ToValue(const v1::ParameterValue& value) {
  switch (value.value_case()) {
    case v1::ParameterValue::kIntValue:
      return static_cast<int64_t>(value.int_value());
    case v1::ParameterValue::kStringValue:
      return value.string_value();
    default:
      return value.double_value();
  }
}

void FromValue(const Value& value, v1::ParameterValue& out) {
  if (const auto* number = std::get_if<double>(&value)) {
    out.set_double_value(*number);
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    out.set_int_value(*integer);
  } else {
    out.set_string_value(std::get<std::string>(value));
  }
}

Domain ToDomain(const v1::Parameter& parameter) {
  switch (parameter.domain_case()) {
    case v1::Parameter::kDoubleRange:
      return DoubleRange{parameter.double_range().min(), parameter.double_range().max()};
    case v1::Parameter::kIntRange:
      return IntRange{parameter.int_range().min(), parameter.int_range().max()};
    case v1::Parameter::kGrid:
      return Grid{{parameter.grid().values().begin(), parameter.grid().values().end()}};
    case v1::Parameter::kCategories:
      return Categories{{parameter.categories().values().begin(), parameter.categories().values().end()}};
    case v1::Parameter::DOMAIN_NOT_SET:
      break;
  }
  return std::monostate{};
}

Parameter ToParameter(const v1::Parameter& message) {
  Parameter parameter;
  parameter.name = message.name();
  parameter.domain = ToDomain(message);
  if (message.scale() == v1::Parameter::SCALE_LOG) parameter.scale = Scale::kLog;
  if (message.scale() == v1::Parameter::SCALE_LOGIT) parameter.scale = Scale::kLogit;
  if (message.has_default_value()) parameter.default_value = ToValue(message.default_value());
  if (message.prior().has_normal()) {
    parameter.prior =
        Prior{Prior::Kind::kNormal, message.prior().normal().mean(), message.prior().normal().stddev()};
  } else if (message.prior().has_beta()) {
    parameter.prior =
        Prior{Prior::Kind::kBeta, message.prior().beta().alpha(), message.prior().beta().beta()};
  }
  if (message.prior().has_histogram()) {
    const auto& weights = message.prior().histogram().weights();
    parameter.prior = Prior{.kind = Prior::Kind::kHistogram, .weights = {weights.begin(), weights.end()}};
  }
  for (const auto& condition : message.conditions()) {
    Condition& out = parameter.conditions.emplace_back();
    out.parameter = condition.parameter();
    for (const auto& value : condition.values()) out.values.push_back(ToValue(value));
  }
  return parameter;
}

}  // namespace

Space ToSpace(const v1::Experiment& experiment) {
  Space space;
  for (const auto& parameter : experiment.parameters()) space.parameters.push_back(ToParameter(parameter));
  for (const auto& message : experiment.linear_constraints()) {
    LinearConstraint& constraint = space.constraints.emplace_back();
    for (const auto& term : message.terms()) constraint.terms.push_back({term.parameter(), term.weight()});
    using Comparison = LinearConstraint::Comparison;
    if (message.comparison() == v1::LinearConstraint::COMPARISON_AT_LEAST)
      constraint.comparison = Comparison::kAtLeast;
    if (message.comparison() == v1::LinearConstraint::COMPARISON_EQUAL)
      constraint.comparison = Comparison::kEqual;
    constraint.bound = message.bound();
  }
  return space;
}

std::vector<Metric> ToMetrics(const v1::Experiment& experiment) {
  std::vector<Metric> metrics;
  for (const auto& message : experiment.metrics()) {
    Metric& metric = metrics.emplace_back();
    metric.name = message.name();
    if (message.strategy() == v1::Metric::STRATEGY_CONSTRAINT) metric.strategy = Strategy::kConstraint;
    if (message.strategy() == v1::Metric::STRATEGY_STORE) metric.strategy = Strategy::kStore;
    metric.maximize = message.objective() != v1::Metric::OBJECTIVE_MINIMIZE;
    if (message.has_threshold()) metric.threshold = message.threshold();
    if (message.has_noise_stddev()) metric.noise_stddev = message.noise_stddev();
    metric.cost = message.cost();
  }
  return metrics;
}

StoppingRule ToStoppingRule(const v1::EarlyStopping& early_stopping) {
  if (early_stopping.has_median()) {
    const auto& median = early_stopping.median();
    return MedianRule{.min_trials = median.min_trials() > 0 ? median.min_trials() : 5,
                      .min_steps = median.min_steps()};
  }
  if (early_stopping.has_halving()) {
    const auto& halving = early_stopping.halving();
    return HalvingRule{.min_steps = halving.min_steps(),
                       .factor = halving.factor() > 0 ? halving.factor() : 4};
  }
  return std::monostate{};
}

ExperimentLimits ToLimits(const v1::Experiment& experiment) {
  return {.observation_budget = experiment.observation_budget(),
          .parallel_bandwidth = experiment.parallel_bandwidth(),
          .max_failed_trials = experiment.max_failed_trials()};
}

Assignments ToAssignments(const google::protobuf::Map<std::string, v1::ParameterValue>& assignments) {
  Assignments out;
  for (const auto& [name, value] : assignments) out[name] = ToValue(value);
  return out;
}

void FromAssignments(const Assignments& assignments,
                     google::protobuf::Map<std::string, v1::ParameterValue>& out) {
  for (const auto& [name, value] : assignments) FromValue(value, out[name]);
}

MetricValues ToMetricValues(const google::protobuf::Map<std::string, v1::MetricValue>& metrics) {
  MetricValues out;
  for (const auto& [name, value] : metrics) out[name] = value.value();
  return out;
}

ObservedTrial ToObserved(const v1::Trial& trial) {
  ObservedTrial observed;
  observed.assignments = ToAssignments(trial.assignments());
  observed.metrics = ToMetricValues(trial.metrics());
  for (const auto& [name, value] : trial.metrics()) {
    if (value.has_stddev()) observed.stddevs[name] = value.stddev();
  }
  switch (trial.state()) {
    case v1::Trial::STATE_SUCCEEDED:
      observed.state = ObservedTrial::State::kSucceeded;
      break;
    case v1::Trial::STATE_STOPPED:
      observed.state = ObservedTrial::State::kStopped;
      break;
    case v1::Trial::STATE_INFEASIBLE:
      observed.state = ObservedTrial::State::kInfeasible;
      break;
    case v1::Trial::STATE_FAILED:
    case v1::Trial::STATE_CANCELLED:
      observed.state = ObservedTrial::State::kFailed;
      break;
    default:
      observed.state = ObservedTrial::State::kPending;
  }
  return observed;
}

v1::Explanation ToExplanation(const Suggestion& suggestion) {
  v1::Explanation explanation;
  switch (suggestion.source) {
    case Suggestion::Source::kSobol:
      explanation.set_source(v1::Explanation::SOURCE_SOBOL);
      break;
    case Suggestion::Source::kRandom:
      explanation.set_source(v1::Explanation::SOURCE_RANDOM);
      break;
    case Suggestion::Source::kGrid:
      explanation.set_source(v1::Explanation::SOURCE_GRID);
      break;
    case Suggestion::Source::kBayesian:
      explanation.set_source(v1::Explanation::SOURCE_BAYESIAN);
      break;
    case Suggestion::Source::kTransfer:
      explanation.set_source(v1::Explanation::SOURCE_TRANSFER);
      break;
    case Suggestion::Source::kParzen:
      explanation.set_source(v1::Explanation::SOURCE_PARZEN);
      break;
  }
  explanation.set_text(suggestion.text);
  explanation.set_deadline_cut(suggestion.deadline_cut);
  for (const auto& [name, prediction] : suggestion.predictions) {
    if (!std::isfinite(prediction.value)) continue;
    v1::MetricValue& value = (*explanation.mutable_predictions())[name];
    value.set_value(prediction.value);
    if (std::isfinite(prediction.stddev)) value.set_stddev(prediction.stddev);
  }
  if (suggestion.feasibility_probability)
    explanation.set_feasibility_probability(*suggestion.feasibility_probability);
  return explanation;
}

v1::TrialCounts FromCounts(const TrialCounts& counts) {
  v1::TrialCounts out;
  out.set_queued_count(counts.queued);
  out.set_active_count(counts.active);
  out.set_succeeded_count(counts.succeeded);
  out.set_stopped_count(counts.stopped);
  out.set_infeasible_count(counts.infeasible);
  out.set_failed_count(counts.failed);
  out.set_cancelled_count(counts.cancelled);
  return out;
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void FromDuration(absl::Duration duration, google::protobuf::Duration& out) {
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void FromTime(absl::Time time, google::protobuf::Timestamp& out) {
  out.set_seconds(absl::ToUnixSeconds(time));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(out.seconds()))));
}

bool HasEnded(const v1::Experiment& experiment) {
  return experiment.state() == v1::Experiment::STATE_COMPLETED ||
         experiment.state() == v1::Experiment::STATE_STOPPED;
}

}  // namespace sda::optimizer
