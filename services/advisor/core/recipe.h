#ifndef SDA_SERVICES_ADVISOR_CORE_RECIPE_H_
#define SDA_SERVICES_ADVISOR_CORE_RECIPE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/yaml/yaml_tree.h"
#include "services/advisor/core/metric.h"
#include "services/advisor/core/spec.h"

// A recipe: the plan for one search, as its YAML says it. Plain values; recipe_reader.h checks them,
// recipe_writer.h writes them.
namespace sda::advisor {

struct RealRange {
  double min = 0, max = 0;  // inclusive, min < max
  bool operator==(const RealRange&) const = default;
};
struct IntegerRange {
  int64_t min = 0, max = 0;  // inclusive, min < max
  bool operator==(const IntegerRange&) const = default;
};
struct Grid {
  std::vector<double> values;  // distinct, rising
  bool operator==(const Grid&) const = default;
};
struct Categories {
  std::vector<std::string> values;  // distinct
  bool operator==(const Categories&) const = default;
};
using Domain = std::variant<RealRange, IntegerRange, Grid, Categories>;

enum class Scale { kLinear, kLog, kLogit };

struct NormalPrior {
  double mean = 0, stddev = 1;  // on the parameter's scale
  bool operator==(const NormalPrior&) const = default;
};
struct BetaPrior {
  double alpha = 1, beta = 1;
  bool operator==(const BetaPrior&) const = default;
};
using Prior = std::variant<NormalPrior, BetaPrior>;

// The parameter exists only where `parameter` has one of `values`, spelled as in the recipe.
struct Condition {
  std::string parameter;
  std::vector<std::string> values;
  bool operator==(const Condition&) const = default;
};

// One searched field. Its default is the recipe's value of the field.
struct Parameter {
  std::string name;  // field path
  Domain domain;
  Scale scale = Scale::kLinear;
  std::optional<Prior> prior;
  std::vector<Condition> conditions;
  std::string reason;
  bool operator==(const Parameter&) const = default;
};

struct LinearConstraint {
  struct Term {
    std::string parameter;
    double weight = 0;
    bool operator==(const Term&) const = default;
  };
  std::vector<Term> terms;
  bool at_least = false;  // else at most
  double bound = 0;
  bool operator==(const LinearConstraint&) const = default;
};

struct MedianRule {
  std::string metric;  // empty: the first that is optimised
  int64_t min_trials = 5, min_steps = 0;
  bool operator==(const MedianRule&) const = default;
};
struct HalvingRule {
  std::string metric;
  int64_t min_steps = 1, factor = 4;
  bool operator==(const HalvingRule&) const = default;
};
using EarlyStopping = std::variant<MedianRule, HalvingRule>;

// The machine the trials will run on.
struct Machine {
  std::string cpu_model;
  int64_t core_count = 1;
  int64_t memory_bytes = 0;         // 0: unknown
  std::vector<std::string> isa;     // best last
  double matmul_gflops = 0;         // one thread; 0: not measured
  double memory_gb_per_second = 0;  // one thread; 0: not measured
  bool operator==(const Machine&) const = default;
};

struct Recipe {
  std::string dataset;  // "datasets/{d}"
  int64_t observation_budget = 1;
  int64_t parallel_bandwidth = 1;
  int64_t seed = 0;
  std::vector<Metric> metrics;
  SpecValues spec;  // of the default trial
  std::vector<Parameter> parameters;
  std::vector<LinearConstraint> linear_constraints;
  std::optional<EarlyStopping> early_stopping;
  std::optional<Machine> machine;
  int64_t memory_required_bytes = 0;  // of the largest trial; 0: unknown
  bool operator==(const Recipe&) const = default;
};

inline constexpr int64_t kMaxObservationBudget = 1'000'000;
inline constexpr int64_t kMaxParallelBandwidth = 10'000;
inline constexpr size_t kMaxParameters = 100;
inline constexpr size_t kMaxDomainValues = 1000;
inline constexpr size_t kMaxLinearConstraints = 20;
inline constexpr size_t kMaxConditions = 10;
inline constexpr size_t kMaxReasonBytes = 1000;

// A rule that a recipe's text breaks.
using RecipeViolation = YamlViolation;

// Whether `value`, as a recipe spells it, lies in `domain`.
bool Contains(const Domain& domain, const SpecValue& value);

// "[0.001, 0.1]", or the values.
std::string DomainText(const Domain& domain);

std::string_view ScaleName(Scale scale);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_RECIPE_H_
