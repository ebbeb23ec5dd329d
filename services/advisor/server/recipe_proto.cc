#include "services/advisor/server/recipe_proto.h"

#include "common/training_spec/rules.h"
#include "services/advisor/core/recipe_writer.h"
#include "services/advisor/server/spec_rules.h"

namespace sda::advisor {
namespace {

using ParameterProto = optimizer::v1::Parameter;
using ValueProto = optimizer::v1::ParameterValue;

void SetDomain(const Domain& domain, ParameterProto& proto) {
  if (const auto* real = std::get_if<RealRange>(&domain)) {
    proto.mutable_double_range()->set_min(real->min);
    proto.mutable_double_range()->set_max(real->max);
  } else if (const auto* integer = std::get_if<IntegerRange>(&domain)) {
    proto.mutable_int_range()->set_min(integer->min);
    proto.mutable_int_range()->set_max(integer->max);
  } else if (const auto* grid = std::get_if<Grid>(&domain)) {
    proto.mutable_grid()->mutable_values()->Assign(grid->values.begin(), grid->values.end());
  } else {
    const auto& names = std::get<Categories>(domain).values;
    proto.mutable_categories()->mutable_values()->Assign(names.begin(), names.end());
  }
}

// A spec's value in the form that the domain takes.
ValueProto ToValue(const Domain& domain, const SpecValue& value) {
  ValueProto proto;
  const auto* integer = std::get_if<int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  if (std::holds_alternative<Categories>(domain)) {
    proto.set_string_value(ToText(value));
  } else if (std::holds_alternative<IntegerRange>(domain)) {
    proto.set_int_value(integer != nullptr ? *integer : static_cast<int64_t>(real != nullptr ? *real : 0));
  } else {
    proto.set_double_value(real != nullptr ? *real : static_cast<double>(integer != nullptr ? *integer : 0));
  }
  return proto;
}

ParameterProto::Scale ToProto(Scale scale) {
  switch (scale) {
    case Scale::kLog:
      return ParameterProto::SCALE_LOG;
    case Scale::kLogit:
      return ParameterProto::SCALE_LOGIT;
    case Scale::kLinear:
      break;
  }
  return ParameterProto::SCALE_LINEAR;
}

void SetPrior(const Prior& prior, optimizer::v1::Prior& proto) {
  if (const auto* normal = std::get_if<NormalPrior>(&prior)) {
    proto.mutable_normal()->set_mean(normal->mean);
    proto.mutable_normal()->set_stddev(normal->stddev);
    return;
  }
  proto.mutable_beta()->set_alpha(std::get<BetaPrior>(prior).alpha);
  proto.mutable_beta()->set_beta(std::get<BetaPrior>(prior).beta);
}

const Parameter* Find(const Recipe& recipe, const std::string& name) {
  for (const Parameter& parameter : recipe.parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

ParameterProto ToProto(const Parameter& parameter, const Recipe& recipe) {
  const SpecRules& rules = TrainingSpecRules();
  ParameterProto proto;
  proto.set_name(parameter.name);
  SetDomain(parameter.domain, proto);
  proto.set_scale(ToProto(parameter.scale));
  if (const auto value = ValueOrDefault(rules, recipe.spec, parameter.name)) {
    *proto.mutable_default_value() = ToValue(parameter.domain, *value);
  }
  if (parameter.prior) SetPrior(*parameter.prior, *proto.mutable_prior());
  for (const Condition& condition : parameter.conditions) {
    optimizer::v1::Condition& out = *proto.add_conditions();
    out.set_parameter(condition.parameter);
    const Parameter* parent = Find(recipe, condition.parameter);
    const SpecField* field = rules.Find(condition.parameter);
    for (const std::string& text : condition.values) {
      SpecValue value;
      if (parent != nullptr && field != nullptr && ParseValue(field->type, text, &value)) {
        *out.add_values() = ToValue(parent->domain, value);
      }
    }
  }
  proto.set_reason(parameter.reason);
  return proto;
}

optimizer::v1::LinearConstraint ToProto(const LinearConstraint& constraint) {
  optimizer::v1::LinearConstraint proto;
  for (const LinearConstraint::Term& term : constraint.terms) {
    auto& out = *proto.add_terms();
    out.set_parameter(term.parameter);
    out.set_weight(term.weight);
  }
  proto.set_comparison(constraint.at_least ? optimizer::v1::LinearConstraint::COMPARISON_AT_LEAST
                                           : optimizer::v1::LinearConstraint::COMPARISON_AT_MOST);
  proto.set_bound(constraint.bound);
  return proto;
}

void SetEarlyStopping(const EarlyStopping& stopping, optimizer::v1::EarlyStopping& proto) {
  if (const auto* median = std::get_if<MedianRule>(&stopping)) {
    proto.mutable_median()->set_metric(median->metric);
    proto.mutable_median()->set_min_trials(static_cast<int32_t>(median->min_trials));
    proto.mutable_median()->set_min_steps(median->min_steps);
    return;
  }
  const auto& halving = std::get<HalvingRule>(stopping);
  proto.mutable_halving()->set_metric(halving.metric);
  proto.mutable_halving()->set_min_steps(halving.min_steps);
  proto.mutable_halving()->set_factor(static_cast<int32_t>(halving.factor));
}

common::v1::MachineProfile ToProto(const Machine& machine) {
  common::v1::MachineProfile proto;
  proto.set_cpu_model(machine.cpu_model);
  proto.set_core_count(static_cast<int32_t>(machine.core_count));
  proto.set_memory_bytes(machine.memory_bytes);
  proto.mutable_isa()->Assign(machine.isa.begin(), machine.isa.end());
  proto.set_matmul_gflops(machine.matmul_gflops);
  proto.set_memory_gb_per_second(machine.memory_gb_per_second);
  return proto;
}

}  // namespace

optimizer::v1::Metric ToProto(const Metric& metric) {
  using Proto = optimizer::v1::Metric;
  Proto proto;
  proto.set_name(metric.name);
  switch (metric.strategy) {
    case Strategy::kOptimize:
      proto.set_strategy(Proto::STRATEGY_OPTIMIZE);
      break;
    case Strategy::kConstraint:
      proto.set_strategy(Proto::STRATEGY_CONSTRAINT);
      break;
    case Strategy::kStore:
      proto.set_strategy(Proto::STRATEGY_STORE);
      break;
  }
  proto.set_objective(metric.minimize ? Proto::OBJECTIVE_MINIMIZE : Proto::OBJECTIVE_MAXIMIZE);
  if (metric.threshold) proto.set_threshold(*metric.threshold);
  if (metric.noise_stddev) proto.set_noise_stddev(*metric.noise_stddev);
  return proto;
}

std::vector<Metric> FromProto(const v1::Goal& goal) {
  using Proto = optimizer::v1::Metric;
  std::vector<Metric> metrics;
  for (const Proto& proto : goal.metrics()) {
    Metric metric;
    metric.name = proto.name();
    if (proto.strategy() == Proto::STRATEGY_CONSTRAINT) metric.strategy = Strategy::kConstraint;
    if (proto.strategy() == Proto::STRATEGY_STORE) metric.strategy = Strategy::kStore;
    metric.minimize = proto.objective() == Proto::OBJECTIVE_MINIMIZE;
    if (proto.has_threshold()) metric.threshold = proto.threshold();
    if (proto.has_noise_stddev()) metric.noise_stddev = proto.noise_stddev();
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

Machine FromProto(const common::v1::MachineProfile& machine) {
  return {.cpu_model = machine.cpu_model(),
          .core_count = machine.core_count(),
          .memory_bytes = machine.memory_bytes(),
          .isa = {machine.isa().begin(), machine.isa().end()},
          .matmul_gflops = machine.matmul_gflops(),
          .memory_gb_per_second = machine.memory_gb_per_second()};
}

v1::RecipeViolation ToProto(const RecipeViolation& violation) {
  v1::RecipeViolation proto;
  proto.set_line(violation.line);
  proto.set_column(violation.column);
  proto.set_field(violation.field);
  proto.set_description(violation.description);
  return proto;
}

v1::Recipe ToProto(const Recipe& recipe) {
  v1::Recipe proto;
  proto.set_dataset(recipe.dataset);
  proto.set_yaml(WriteRecipe(recipe, TrainingSpecRules()));
  *proto.mutable_spec() = ToTrainingSpec(recipe.spec);
  training_spec::FillDefaults(*proto.mutable_spec());
  proto.mutable_spec()->set_seed(recipe.seed);
  for (const Parameter& parameter : recipe.parameters) *proto.add_parameters() = ToProto(parameter, recipe);
  for (const Metric& metric : recipe.metrics) *proto.add_metrics() = ToProto(metric);
  proto.set_observation_budget(recipe.observation_budget);
  proto.set_parallel_bandwidth(static_cast<int32_t>(recipe.parallel_bandwidth));
  for (const LinearConstraint& constraint : recipe.linear_constraints)
    *proto.add_linear_constraints() = ToProto(constraint);
  if (recipe.early_stopping) SetEarlyStopping(*recipe.early_stopping, *proto.mutable_early_stopping());
  if (recipe.machine) *proto.mutable_machine() = ToProto(*recipe.machine);
  proto.set_memory_required_bytes(recipe.memory_required_bytes);
  return proto;
}

}  // namespace sda::advisor
