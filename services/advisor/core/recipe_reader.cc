#include "services/advisor/core/recipe_reader.h"

#include <algorithm>
#include <limits>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/base/strings.h"
#include "common/yaml/yaml_fields.h"
#include "common/yaml/yaml_tree.h"
#include "services/advisor/core/parameter_reader.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/core/spec_reader.h"

namespace sda::advisor {
namespace {

constexpr int64_t kMaxInteger = std::numeric_limits<int64_t>::max();
constexpr int64_t kFormatVersion = 1;

// One pass over a document. Sections that refer to others (constraints to parameters, parameters to the
// default trial) are read after them, wherever they stand in the text.
class Reader {
 public:
  explicit Reader(const SpecRules& rules) : rules_(rules) {}

  RecipeReading Read(const YamlNode& root) {
    const YamlField document{&root, ""};
    const auto sections = yaml_.AsMapping(
        document, {"recipe_version", "dataset", "budget", "seed", "metrics", "model", "training", "optimizer",
                   "parameters", "linear_constraints", "early_stopping", "machine", "memory_required_bytes"});
    if (sections) ReadSections(*sections, document);
    RecipeReading reading;
    reading.violations = yaml_.TakeViolations();
    if (reading.violations.empty()) reading.recipe = std::move(recipe_);
    return reading;
  }

 private:
  using Mapping = YamlFields::Mapping;

  void ReadSections(const Mapping& sections, const YamlField& document) {
    if (const YamlField version = sections["recipe_version"]) {
      const auto number = yaml_.AsInteger(version);
      if (number && *number != kFormatVersion) {
        yaml_.Report(version, absl::StrCat("is ", *number, "; this version reads recipes of version ",
                                           kFormatVersion));
      }
    }
    const auto required = [&](std::string_view key, std::string_view what) {
      return yaml_.Required(sections, key, document, what);
    };
    if (const YamlField dataset = required("dataset", "name the dataset, as datasets/clicks"))
      ReadDataset(dataset);
    if (const YamlField budget =
            required("budget", "say how many trials there may be, as budget: {trials: 20}")) {
      ReadBudget(budget);
    }
    if (const YamlField seed = sections["seed"]) recipe_.seed = yaml_.AsInteger(seed).value_or(0);
    if (const YamlField metrics = required("metrics", "say what to optimise, as metrics: [{name: auc}]")) {
      ReadMetrics(metrics);
    }
    ReadSpec(sections, document);
    if (const YamlField metrics = sections["metrics"]) CheckGroups(metrics);
    if (const YamlField parameters = required("parameters", "list the fields to search over"))
      ReadParameters(parameters);
    if (const YamlField constraints = sections["linear_constraints"]) ReadConstraints(constraints);
    if (const YamlField stopping = sections["early_stopping"]) ReadEarlyStopping(stopping);
    if (const YamlField machine = sections["machine"]) ReadMachine(machine);
    if (const YamlField memory = sections["memory_required_bytes"]) {
      recipe_.memory_required_bytes = yaml_.AsInteger(memory, 0, kMaxInteger).value_or(0);
    }
  }

  void ReadDataset(const YamlField& field) {
    const auto name = yaml_.AsText(field);
    if (!name) return;
    if (!IsResourceName(*name, "datasets")) {
      return yaml_.Report(
          field, absl::StrCat("is ", Describe(*field.node), "; must be datasets/{id}, ", kResourceIdRule));
    }
    recipe_.dataset = *name;
  }

  void ReadBudget(const YamlField& field) {
    const auto mapping = yaml_.AsMapping(field, {"trials", "parallel"});
    if (!mapping) return;
    if (const YamlField trials =
            yaml_.Required(*mapping, "trials", field, "say how many trials there may be")) {
      recipe_.observation_budget = yaml_.AsInteger(trials, 1, kMaxObservationBudget).value_or(1);
    }
    if (const YamlField parallel = (*mapping)["parallel"]) {
      recipe_.parallel_bandwidth = yaml_.AsInteger(parallel, 1, kMaxParallelBandwidth).value_or(1);
    }
  }

  void ReadMetrics(const YamlField& field) {
    const auto items = yaml_.AsList(field);
    if (!items) return;
    const size_t before = yaml_.violation_count();
    for (const YamlField& item : *items) ReadMetric(item);
    metrics_are_good_ = yaml_.violation_count() == before;
    if (!metrics_are_good_) return;
    for (const FieldViolation& violation : CheckMetrics(recipe_.metrics)) {
      ReportAt(field, *items, violation);
    }
  }

  // A violation of the whole list, or of the item that "[2].name" names.
  void ReportAt(const YamlField& list, const std::vector<YamlField>& items, const FieldViolation& violation) {
    for (size_t i = 0; i < items.size(); ++i) {
      if (!absl::StartsWith(violation.field, absl::StrCat("[", i, "]."))) continue;
      YamlField place = items[i];
      place.path = list.path + violation.field;
      return yaml_.Report(place, violation.description);
    }
    yaml_.Report(list, violation.description);
  }

  void ReadMetric(const YamlField& field) {
    const auto mapping =
        yaml_.AsMapping(field, {"name", "strategy", "objective", "threshold", "noise_stddev"});
    if (!mapping) return;
    Metric metric;
    const size_t before = yaml_.violation_count();
    if (const YamlField name = yaml_.Required(*mapping, "name", field, "name what is measured, as auc")) {
      metric.name = yaml_.AsText(name).value_or("");
    }
    if (const KnownMetric* known = FindKnownMetric(metric.name)) metric.minimize = known->minimize;
    if (const YamlField strategy = (*mapping)["strategy"]) {
      const auto name = yaml_.AsOneOf(strategy, {"optimize", "constraint", "store"});
      if (name == "constraint") metric.strategy = Strategy::kConstraint;
      if (name == "store") metric.strategy = Strategy::kStore;
    }
    if (const YamlField objective = (*mapping)["objective"]) {
      metric.minimize = yaml_.AsOneOf(objective, {"maximize", "minimize"}) == "minimize";
    }
    if (const YamlField threshold = (*mapping)["threshold"]) metric.threshold = yaml_.AsReal(threshold);
    if (const YamlField noise = (*mapping)["noise_stddev"]) metric.noise_stddev = yaml_.AsReal(noise);
    recipe_.metrics.push_back(metric);
    if (yaml_.violation_count() != before) return;
    for (const FieldViolation& violation : CheckMetric(metric)) {
      YamlField place = (*mapping)[violation.field];
      if (!place) place = field.Child(*field.node, violation.field);
      yaml_.Report(place, violation.description);
    }
  }

  void ReadSpec(const Mapping& mapping, const YamlField& document) {
    const size_t before = yaml_.violation_count();
    for (const char* section : {"model", "training", "optimizer"}) {
      const YamlField field =
          yaml_.Required(mapping, section, document, "the sections of the default trial are needed");
      if (field) ReadSpecSection(yaml_, field, rules_, spec_);
    }
    recipe_.spec = spec_.values;
    if (yaml_.violation_count() != before) return;
    for (const FieldViolation& violation : rules_.check_values(spec_.values)) {
      const auto place = spec_.places.find(violation.field);
      if (place != spec_.places.end()) {
        yaml_.Report(place->second, violation.description);
      } else {
        yaml_.ReportMissing(violation.field, violation.description);
      }
    }
  }

  // Metrics of groups need to know the groups.
  void CheckGroups(const YamlField& field) {
    if (spec_.values.count("training.group_by") != 0) return;
    for (const Metric& metric : recipe_.metrics) {
      const KnownMetric* known = FindKnownMetric(metric.name);
      if (known == nullptr || !known->of_groups) continue;
      yaml_.Report(field, absl::StrCat("names ", metric.name,
                                       ", which is measured in groups of rows; name their column as "
                                       "training.group_by"));
      return;
    }
  }

  void ReadParameters(const YamlField& field) {
    const auto items = yaml_.AsList(field);
    if (!items) return;
    if (items->empty() || items->size() > kMaxParameters) {
      return yaml_.Report(
          field, absl::StrCat("has ", items->size(), " parameters; must have 1 to ", kMaxParameters));
    }
    for (const YamlField& item : *items) {
      if (auto placed = ReadParameter(yaml_, item, rules_)) parameters_.push_back(std::move(*placed));
    }
    CheckParameters(yaml_, parameters_, rules_, spec_);
    for (const PlacedParameter& placed : parameters_) recipe_.parameters.push_back(placed.parameter);
  }

  void ReadConstraints(const YamlField& field) {
    const auto items = yaml_.AsList(field);
    if (!items) return;
    if (items->size() > kMaxLinearConstraints) {
      return yaml_.Report(field, absl::StrCat("has ", items->size(), " constraints; must have at most ",
                                              kMaxLinearConstraints));
    }
    for (const YamlField& item : *items) ReadConstraint(item);
  }

  void ReadConstraint(const YamlField& field) {
    const auto mapping = yaml_.AsMapping(field, {"terms", "comparison", "bound"});
    if (!mapping) return;
    const size_t before = yaml_.violation_count();
    LinearConstraint constraint;
    if (const YamlField terms = yaml_.Required(*mapping, "terms", field, "list the summands"))
      ReadTerms(terms, constraint);
    const YamlField comparison = yaml_.Required(*mapping, "comparison", field, "write at_most or at_least");
    if (comparison) constraint.at_least = yaml_.AsOneOf(comparison, {"at_most", "at_least"}) == "at_least";
    const YamlField bound = yaml_.Required(*mapping, "bound", field, "give the number to compare with");
    if (bound) constraint.bound = yaml_.AsReal(bound).value_or(0);
    if (yaml_.violation_count() == before) CheckDefaultMeets(field, constraint);
    recipe_.linear_constraints.push_back(std::move(constraint));
  }

  void ReadTerms(const YamlField& field, LinearConstraint& constraint) {
    const auto items = yaml_.AsList(field);
    if (!items) return;
    if (items->empty()) return yaml_.Report(field, "is empty; give at least one summand");
    for (const YamlField& item : *items) {
      const auto mapping = yaml_.AsMapping(item, {"parameter", "weight"});
      if (!mapping) return;
      const YamlField name = yaml_.Required(*mapping, "parameter", item, "name a parameter");
      const YamlField weight = yaml_.Required(*mapping, "weight", item, "give its factor");
      if (!name || !weight) return;
      LinearConstraint::Term term{yaml_.AsText(name).value_or(""), yaml_.AsReal(weight).value_or(1)};
      if (term.weight == 0) yaml_.Report(weight, "is 0; must not be, remove the summand");
      CheckTerm(name, term.parameter, constraint);
      constraint.terms.push_back(std::move(term));
    }
  }

  void CheckTerm(const YamlField& place, const std::string& name, const LinearConstraint& constraint) {
    const PlacedParameter* placed = FindParameter(name);
    if (placed != nullptr && !placed->is_good) return;
    const Parameter* parameter = placed == nullptr ? nullptr : &placed->parameter;
    const auto same = [&](const LinearConstraint::Term& term) { return term.parameter == name; };
    if (parameter == nullptr) {
      yaml_.Report(place, absl::StrCat("is \"", name, "\", which is none of the parameters"));
    } else if (std::holds_alternative<Categories>(parameter->domain)) {
      yaml_.Report(place, absl::StrCat("is ", name, ", which has categories; only numbers can be summed"));
    } else if (!parameter->conditions.empty()) {
      yaml_.Report(place,
                   absl::StrCat("is ", name, ", which exists only under conditions; it cannot be summed"));
    } else if (std::any_of(constraint.terms.begin(), constraint.terms.end(), same)) {
      yaml_.Report(place, absl::StrCat("is ", name, " a second time; add the weights up"));
    }
  }

  void CheckDefaultMeets(const YamlField& place, const LinearConstraint& constraint) {
    double sum = 0;
    for (const LinearConstraint::Term& term : constraint.terms) {
      const auto value = ValueOrDefault(rules_, spec_.values, term.parameter);
      if (!value) return;  // reported with the parameter
      const auto* integer = std::get_if<int64_t>(&*value);
      sum += term.weight * (integer != nullptr ? static_cast<double>(*integer) : std::get<double>(*value));
    }
    if (constraint.at_least ? sum >= constraint.bound : sum <= constraint.bound) return;
    yaml_.Report(place,
                 absl::StrCat("is not met by the default trial, whose sum is ", ToText(sum), "; must be ",
                              constraint.at_least ? "at least " : "at most ", ToText(constraint.bound)));
  }

  const PlacedParameter* FindParameter(const std::string& name) const {
    for (const PlacedParameter& placed : parameters_) {
      if (placed.parameter.name == name) return &placed;
    }
    return nullptr;
  }

  void ReadEarlyStopping(const YamlField& field) {
    const auto mapping = yaml_.AsMapping(field, {"median", "halving"});
    if (!mapping) return;
    if (mapping->Has("median") == mapping->Has("halving")) {
      return yaml_.Report(field, "must have exactly one of median and halving");
    }
    if (const YamlField median = (*mapping)["median"]) {
      const auto values = yaml_.AsMapping(median, {"metric", "min_trials", "min_steps"});
      if (!values) return;
      MedianRule rule;
      if (const YamlField metric = (*values)["metric"]) rule.metric = ReadOptimizedMetric(metric);
      if (const YamlField trials = (*values)["min_trials"]) {
        rule.min_trials = yaml_.AsInteger(trials, 1, kMaxObservationBudget).value_or(1);
      }
      if (const YamlField steps = (*values)["min_steps"])
        rule.min_steps = yaml_.AsInteger(steps, 0, kMaxInteger).value_or(0);
      recipe_.early_stopping = rule;
      return;
    }
    const YamlField halving = (*mapping)["halving"];
    const auto values = yaml_.AsMapping(halving, {"metric", "min_steps", "factor"});
    if (!values) return;
    HalvingRule rule;
    if (const YamlField metric = (*values)["metric"]) rule.metric = ReadOptimizedMetric(metric);
    const YamlField steps = yaml_.Required(*values, "min_steps", halving, "give the step of the first rung");
    if (steps) rule.min_steps = yaml_.AsInteger(steps, 1, kMaxInteger).value_or(1);
    if (const YamlField factor = (*values)["factor"])
      rule.factor = yaml_.AsInteger(factor, 2, 1000).value_or(2);
    recipe_.early_stopping = rule;
  }

  std::string ReadOptimizedMetric(const YamlField& field) {
    std::vector<std::string> names;
    for (const Metric& metric : recipe_.metrics) {
      if (metric.strategy == Strategy::kOptimize) names.push_back(metric.name);
    }
    if (!metrics_are_good_) return "";  // the names may be those of the metrics in error
    return yaml_.AsOneOf(field, names).value_or("");
  }

  void ReadMachine(const YamlField& field) {
    const auto mapping = yaml_.AsMapping(
        field, {"cpu_model", "core_count", "memory_bytes", "isa", "matmul_gflops", "memory_gb_per_second"});
    if (!mapping) return;
    Machine machine;
    if (const YamlField model = (*mapping)["cpu_model"]) machine.cpu_model = yaml_.AsText(model).value_or("");
    if (const YamlField cores = (*mapping)["core_count"])
      machine.core_count = yaml_.AsInteger(cores, 1, 1 << 20).value_or(1);
    if (const YamlField memory = (*mapping)["memory_bytes"]) {
      machine.memory_bytes = yaml_.AsInteger(memory, 0, kMaxInteger).value_or(0);
    }
    if (const YamlField isa = (*mapping)["isa"]) {
      for (const YamlField& item : yaml_.AsList(isa).value_or(std::vector<YamlField>())) {
        machine.isa.push_back(yaml_.AsText(item).value_or(""));
      }
    }
    if (const YamlField rate = (*mapping)["matmul_gflops"]) machine.matmul_gflops = ReadRate(rate);
    if (const YamlField rate = (*mapping)["memory_gb_per_second"])
      machine.memory_gb_per_second = ReadRate(rate);
    recipe_.machine = std::move(machine);
  }

  double ReadRate(const YamlField& field) {
    const double rate = yaml_.AsReal(field).value_or(0);
    if (rate < 0) yaml_.Report(field, absl::StrCat("is ", ToText(rate), "; must be at least 0"));
    return rate;
  }

  const SpecRules& rules_;
  YamlFields yaml_;
  Recipe recipe_;
  SpecSections spec_;
  std::vector<PlacedParameter> parameters_;
  bool metrics_are_good_ = false;
};

}  // namespace

RecipeReading ReadRecipe(const std::string& yaml, const SpecRules& rules) {
  YamlReading document = ParseYaml(yaml, {"recipes", "is empty; write a recipe, or have one written"});
  if (document.problem) return {std::nullopt, {*document.problem}};
  return Reader(rules).Read(*document.root);
}

}  // namespace sda::advisor
