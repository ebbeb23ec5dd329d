#ifndef SDA_SERVICES_OPTIMIZER_CORE_SPACE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_SPACE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.h"

namespace sda::optimizer {

// A value of a parameter: of a double range or a grid, of an integer range, of categories.
using Value = std::variant<double, int64_t, std::string>;
using Assignments = std::map<std::string, Value>;

struct DoubleRange {
  double min = 0, max = 0;  // inclusive
  bool operator==(const DoubleRange&) const = default;
};
struct IntRange {
  int64_t min = 0, max = 0;  // inclusive
  bool operator==(const IntRange&) const = default;
};
struct Grid {
  std::vector<double> values;  // rising
  bool operator==(const Grid&) const = default;
};
struct Categories {
  std::vector<std::string> values;
  bool operator==(const Categories&) const = default;
};
using Domain = std::variant<std::monostate, DoubleRange, IntRange, Grid, Categories>;

enum class Scale { kLinear, kLog, kLogit };

// A belief over a double range, cut to it: normal on the parameter's scale, or beta or a histogram of equal
// bins over the range mapped to [0, 1].
struct Prior {
  enum class Kind { kNormal, kBeta, kHistogram } kind = Kind::kNormal;
  double a = 0;                      // mean, or alpha
  double b = 1;                      // standard deviation, or beta
  std::vector<double> weights = {};  // of kHistogram
};

// Holds where the other parameter is active and has one of the values.
struct Condition {
  std::string parameter;
  std::vector<Value> values;
};

struct Parameter {
  std::string name;
  Domain domain = {};
  Scale scale = Scale::kLinear;
  std::optional<Value> default_value = {};
  std::optional<Prior> prior = {};
  std::vector<Condition> conditions = {};  // all must hold
};

// Σ weight · value compared with the bound. An order of two parameters, a ≤ b, is a − b ≤ 0.
struct LinearConstraint {
  enum class Comparison { kAtMost, kAtLeast, kEqual };
  struct Term {
    std::string parameter;
    double weight = 0;
  };
  std::vector<Term> terms = {};
  Comparison comparison = Comparison::kAtMost;
  double bound = 0;
};

// A search space. Sampled through the unit cube: one coordinate in [0, 1) a parameter.
struct Space {
  std::vector<Parameter> parameters;
  std::vector<LinearConstraint> constraints;

  const Parameter* Find(std::string_view name) const;
};

// Every rule the space breaks, with paths as in sda.optimizer.v1.Experiment
// ("parameters[2].double_range.min"). `defaults_required`: each parameter must have a default value.
std::vector<FieldViolation> ValidateSpace(const Space& space, bool defaults_required);

// Whether all conditions of the parameter hold under the assignments.
bool IsActive(const Space& space, const Parameter& parameter, const Assignments& assignments);

// The point of the unit cube in the space: even on each parameter's scale, or as its prior says; conditional
// parameters only where they are active. `unit` has one coordinate a parameter.
Assignments FromUnit(const Space& space, std::span<const double> unit);

// Every active parameter at its default. All parameters must have one.
Assignments Defaults(const Space& space);

// Whether the value lies in the domain and is of its type.
bool InDomain(const Domain& domain, const Value& value);

bool SatisfiesConstraints(const Space& space, const Assignments& assignments);

// Every rule the assignments break: unknown and inactive names, missing ones, values outside, constraints.
// Paths begin with `prefix`, e.g. "trial.assignments".
std::vector<FieldViolation> CheckAssignments(const Space& space, const Assignments& assignments,
                                             std::string_view prefix);

// A text that is equal for equal points only.
std::string PointKey(const Assignments& assignments);

// For messages.
std::string FormatValue(const Value& value);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_SPACE_H_
