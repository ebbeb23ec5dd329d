#include "services/optimizer/core/space.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <absl/strings/str_cat.h>

#include "common/base/strings.h"
#include "services/optimizer/core/prior.h"

namespace sda::optimizer {
namespace {

constexpr size_t kMaxParameters = 100;
constexpr size_t kMaxValues = 1000;
constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxConditions = 10;
constexpr size_t kMaxConstraints = 20;
constexpr size_t kMaxTerms = 100;
constexpr int64_t kLargestExactInteger = int64_t{1} << 53;
// Sums in floating point: what a user writes as 0.1 + 0.2 <= 0.3 holds.
constexpr double kConstraintSlack = 1e-9;

std::string FormatNumber(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr};
}

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

class Checker {
 public:
  Checker(const Space& space, bool defaults_required)
      : space_(space), defaults_required_(defaults_required) {}

  std::vector<FieldViolation> Run() {
    if (space_.parameters.empty() || space_.parameters.size() > kMaxParameters) {
      Add("parameters",
          absl::StrCat("has ", space_.parameters.size(), " entries; must have 1 to ", kMaxParameters));
      return violations_;
    }
    for (size_t i = 0; i < space_.parameters.size(); ++i) CheckParameter(i);
    CheckCycles();
    CheckConstraints();
    return violations_;
  }

 private:
  void Add(std::string field, std::string description) {
    violations_.push_back({std::move(field), std::move(description)});
  }

  void CheckParameter(size_t index) {
    const Parameter& parameter = space_.parameters[index];
    const std::string path = absl::StrCat("parameters[", index, "]");
    if (!IsName(parameter.name)) {
      Add(path + ".name", absl::StrCat("is \"", parameter.name, "\"; must be 1 to ", kMaxNameBytes,
                                       " characters of [A-Za-z0-9_.-]"));
    } else if (!names_.insert(parameter.name).second) {
      Add(path + ".name", absl::StrCat("is \"", parameter.name, "\"; must be unique"));
    }
    const size_t before = violations_.size();
    std::visit([&](const auto& domain) { CheckDomain(domain, parameter, path); }, parameter.domain);
    const bool domain_good = violations_.size() == before;
    CheckPrior(parameter, path);
    if (!parameter.default_value) {
      if (defaults_required_)
        Add(path + ".default_value", "is missing; every parameter needs one with default_first");
    } else if (domain_good && !InDomain(parameter.domain, *parameter.default_value)) {
      Add(path + ".default_value",
          absl::StrCat("is ", FormatValue(*parameter.default_value), "; must lie in the domain"));
    }
    CheckConditions(parameter, path);
  }

  void CheckDomain(const std::monostate&, const Parameter&, const std::string& path) {
    Add(path, "has no domain; must have one of double_range, int_range, grid, categories");
  }

  void CheckDomain(const DoubleRange& range, const Parameter& parameter, const std::string& path) {
    const std::string field = path + ".double_range";
    for (const auto& [name, value] : {std::pair{".min", range.min}, {".max", range.max}}) {
      if (!std::isfinite(value))
        Add(field + name, absl::StrCat("is ", FormatNumber(value), "; must be a finite number"));
    }
    if (!std::isfinite(range.min) || !std::isfinite(range.max)) return;
    if (!(range.min < range.max)) {
      Add(field, absl::StrCat("is [", FormatNumber(range.min), ", ", FormatNumber(range.max),
                              "]; min must be below max"));
    } else if (!std::isfinite(range.max - range.min)) {
      Add(field, "is too wide; max - min must be finite");
    }
    CheckScale(parameter.scale, range.min, range.max, path);
  }

  void CheckDomain(const IntRange& range, const Parameter& parameter, const std::string& path) {
    const std::string field = path + ".int_range";
    if (range.min < -kLargestExactInteger || range.max > kLargestExactInteger) {
      Add(field, "must lie within -2^53 and 2^53");
    } else if (!(range.min < range.max)) {
      Add(field, absl::StrCat("is [", range.min, ", ", range.max, "]; min must be below max"));
    }
    if (parameter.scale == Scale::kLogit) Add(path + ".scale", "is LOGIT; an int_range takes LINEAR or LOG");
    CheckScale(parameter.scale, static_cast<double>(range.min), static_cast<double>(range.max), path);
  }

  void CheckDomain(const Grid& grid, const Parameter&, const std::string& path) {
    const std::string field = path + ".grid.values";
    CheckCount(field, grid.values.size());
    for (size_t i = 0; i < grid.values.size(); ++i) {
      if (!std::isfinite(grid.values[i])) {
        Add(absl::StrCat(field, "[", i, "]"),
            absl::StrCat("is ", FormatNumber(grid.values[i]), "; must be a finite number"));
      } else if (i > 0 && !(grid.values[i - 1] < grid.values[i])) {
        Add(absl::StrCat(field, "[", i, "]"),
            absl::StrCat("is ", FormatNumber(grid.values[i]), "; must be above the value before"));
      }
    }
  }

  void CheckDomain(const Categories& categories, const Parameter&, const std::string& path) {
    const std::string field = path + ".categories.values";
    CheckCount(field, categories.values.size());
    std::set<std::string> seen;
    for (size_t i = 0; i < categories.values.size(); ++i) {
      const std::string& value = categories.values[i];
      if (value.empty() || value.size() > kMaxNameBytes) {
        Add(absl::StrCat(field, "[", i, "]"),
            absl::StrCat("has ", value.size(), " bytes; must have 1 to ", kMaxNameBytes));
      } else if (!seen.insert(value).second) {
        Add(absl::StrCat(field, "[", i, "]"), absl::StrCat("is \"", value, "\"; must be unique"));
      }
    }
  }

  void CheckCount(const std::string& field, size_t count) {
    if (count < 1 || count > kMaxValues)
      Add(field, absl::StrCat("has ", count, " entries; must have 1 to ", kMaxValues));
  }

  void CheckScale(Scale scale, double min, double max, const std::string& path) {
    if (scale == Scale::kLog && !(min > 0)) {
      Add(path + ".scale", absl::StrCat("is LOG with min ", FormatNumber(min), "; min must be above 0"));
    }
    if (scale == Scale::kLogit && !(min > 0 && max < 1)) {
      Add(path + ".scale", "is LOGIT; the range must lie within (0, 1)");
    }
  }

  void CheckPrior(const Parameter& parameter, const std::string& path) {
    if (!parameter.prior) return;
    if (!std::holds_alternative<DoubleRange>(parameter.domain)) {
      Add(path + ".prior", "is set; only a double_range takes one");
    }
    const Prior& prior = *parameter.prior;
    if (prior.kind == Prior::Kind::kHistogram) {
      CheckHistogram(prior.weights, path + ".prior.histogram.weights");
      return;
    }
    const bool normal = prior.kind == Prior::Kind::kNormal;
    if (!std::isfinite(prior.a) || (!normal && !(prior.a > 0))) {
      Add(path + (normal ? ".prior.normal.mean" : ".prior.beta.alpha"),
          absl::StrCat("is ", FormatNumber(prior.a),
                       normal ? "; must be a finite number" : "; must be finite and above 0"));
    }
    if (!std::isfinite(prior.b) || !(prior.b > 0)) {
      Add(path + (normal ? ".prior.normal.stddev" : ".prior.beta.beta"),
          absl::StrCat("is ", FormatNumber(prior.b), "; must be finite and above 0"));
    }
  }

  void CheckHistogram(const std::vector<double>& weights, const std::string& field) {
    CheckCount(field, weights.size());
    double total = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (!(weights[i] >= 0 && std::isfinite(weights[i])))
        Add(absl::StrCat(field, "[", i, "]"),
            absl::StrCat("is ", FormatNumber(weights[i]), "; must be finite and at least 0"));
      total += weights[i];
    }
    if (total == 0 && !weights.empty()) Add(field, "are all 0; at least one must be above 0");
    if (std::isinf(total)) Add(field, "are too large; their sum must be finite");
  }

  void CheckConditions(const Parameter& parameter, const std::string& path) {
    if (parameter.conditions.size() > kMaxConditions) {
      Add(path + ".conditions",
          absl::StrCat("has ", parameter.conditions.size(), " entries; must have at most ", kMaxConditions));
    }
    for (size_t i = 0; i < parameter.conditions.size(); ++i) {
      const Condition& condition = parameter.conditions[i];
      const std::string field = absl::StrCat(path, ".conditions[", i, "]");
      const Parameter* parent = space_.Find(condition.parameter);
      if (parent == nullptr || parent == &parameter) {
        Add(field + ".parameter",
            absl::StrCat("is \"", condition.parameter, "\"; must name another parameter"));
        continue;
      }
      if (std::holds_alternative<DoubleRange>(parent->domain)) {
        Add(field + ".parameter", absl::StrCat("is \"", condition.parameter,
                                               "\", a double_range; parents must have countable values"));
        continue;
      }
      if (condition.values.empty()) Add(field + ".values", "is empty; must have at least one value");
      for (size_t v = 0; v < condition.values.size(); ++v) {
        if (InDomain(parent->domain, condition.values[v])) continue;
        Add(absl::StrCat(field, ".values[", v, "]"),
            absl::StrCat("is ", FormatValue(condition.values[v]), "; must lie in the domain of ",
                         condition.parameter));
      }
    }
  }

  // A parameter must not depend on itself over others.
  void CheckCycles() {
    std::set<std::string> settled;
    for (bool progress = true; progress;) {
      progress = false;
      for (const Parameter& parameter : space_.parameters) {
        if (settled.contains(parameter.name)) continue;
        const bool ready =
            std::all_of(parameter.conditions.begin(), parameter.conditions.end(), [&](const Condition& c) {
              return settled.contains(c.parameter) || space_.Find(c.parameter) == nullptr;
            });
        if (ready) progress = settled.insert(parameter.name).second || progress;
      }
    }
    for (size_t i = 0; i < space_.parameters.size(); ++i) {
      if (!settled.contains(space_.parameters[i].name)) {
        Add(absl::StrCat("parameters[", i, "].conditions"),
            "lead back to the parameter itself; must have no cycle");
      }
    }
  }

  void CheckConstraints() {
    if (space_.constraints.size() > kMaxConstraints) {
      Add("linear_constraints",
          absl::StrCat("has ", space_.constraints.size(), " entries; must have at most ", kMaxConstraints));
    }
    for (size_t i = 0; i < space_.constraints.size(); ++i) {
      const LinearConstraint& constraint = space_.constraints[i];
      const std::string path = absl::StrCat("linear_constraints[", i, "]");
      if (!std::isfinite(constraint.bound))
        Add(path + ".bound",
            absl::StrCat("is ", FormatNumber(constraint.bound), "; must be a finite number"));
      if (constraint.terms.empty() || constraint.terms.size() > kMaxTerms) {
        Add(path + ".terms",
            absl::StrCat("has ", constraint.terms.size(), " entries; must have 1 to ", kMaxTerms));
      }
      std::set<std::string> seen;
      for (size_t t = 0; t < constraint.terms.size(); ++t) {
        const auto& term = constraint.terms[t];
        const std::string field = absl::StrCat(path, ".terms[", t, "]");
        const Parameter* parameter = space_.Find(term.parameter);
        if (parameter == nullptr || std::holds_alternative<Categories>(parameter->domain) ||
            !parameter->conditions.empty()) {
          Add(field + ".parameter",
              absl::StrCat("is \"", term.parameter, "\"; must name a numeric parameter without conditions"));
        } else if (!seen.insert(term.parameter).second) {
          Add(field + ".parameter",
              absl::StrCat("is \"", term.parameter, "\"; must be unique within the constraint"));
        }
        if (!std::isfinite(term.weight) || term.weight == 0) {
          Add(field + ".weight",
              absl::StrCat("is ", FormatNumber(term.weight), "; must be finite and not 0"));
        }
      }
    }
  }

  const Space& space_;
  const bool defaults_required_;
  std::set<std::string> names_;
  std::vector<FieldViolation> violations_;
};

double ToScale(Scale scale, double value) {
  switch (scale) {
    case Scale::kLinear:
      return value;
    case Scale::kLog:
      return std::log(value);
    case Scale::kLogit:
      return std::log(value / (1 - value));
  }
  return value;
}

double FromScale(Scale scale, double value) {
  switch (scale) {
    case Scale::kLinear:
      return value;
    case Scale::kLog:
      return std::exp(value);
    case Scale::kLogit:
      return 1 / (1 + std::exp(-value));
  }
  return value;
}

size_t PickIndex(double unit, size_t count) {
  return std::min(static_cast<size_t>(unit * static_cast<double>(count)), count - 1);
}

Value FromUnit(const Parameter& parameter, double unit) {
  if (const auto* range = std::get_if<DoubleRange>(&parameter.domain)) {
    const double low = ToScale(parameter.scale, range->min);
    const double high = ToScale(parameter.scale, range->max);
    const double position =
        parameter.prior ? PriorQuantile(*parameter.prior, low, high, unit) : low + unit * (high - low);
    return std::clamp(FromScale(parameter.scale, position), range->min, range->max);
  }
  if (const auto* range = std::get_if<IntRange>(&parameter.domain)) {
    // Each integer owns the scale from itself − ½ to itself + ½; on a logarithmic one from itself to the
    // next.
    const double low = parameter.scale == Scale::kLog
                           ? ToScale(parameter.scale, static_cast<double>(range->min))
                           : static_cast<double>(range->min);
    const double high = parameter.scale == Scale::kLog
                            ? ToScale(parameter.scale, static_cast<double>(range->max) + 1)
                            : static_cast<double>(range->max) + 1;
    const double position = low + unit * (high - low);
    const double value = std::floor(parameter.scale == Scale::kLog ? std::exp(position) : position);
    return std::clamp(static_cast<int64_t>(value), range->min, range->max);
  }
  if (const auto* grid = std::get_if<Grid>(&parameter.domain))
    return grid->values[PickIndex(unit, grid->values.size())];
  const auto& categories = std::get<Categories>(parameter.domain);
  return categories.values[PickIndex(unit, categories.values.size())];
}

// Calls `assign(i)` for every parameter that is active, parents before children.
template <class Assign>
Assignments AssignActive(const Space& space, const Assign& assign) {
  Assignments assignments;
  std::vector<bool> settled(space.parameters.size(), false);
  for (bool progress = true; progress;) {
    progress = false;
    for (size_t i = 0; i < space.parameters.size(); ++i) {
      if (settled[i]) continue;
      const Parameter& parameter = space.parameters[i];
      const bool ready = std::all_of(
          parameter.conditions.begin(), parameter.conditions.end(), [&](const Condition& condition) {
            const Parameter* parent = space.Find(condition.parameter);
            return parent != nullptr && settled[static_cast<size_t>(parent - space.parameters.data())];
          });
      if (!ready) continue;
      settled[i] = progress = true;
      if (IsActive(space, parameter, assignments)) assignments[parameter.name] = assign(i);
    }
  }
  return assignments;
}

}  // namespace

const Parameter* Space::Find(std::string_view name) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

std::vector<FieldViolation> ValidateSpace(const Space& space, bool defaults_required) {
  return Checker(space, defaults_required).Run();
}

bool IsActive(const Space& space, const Parameter& parameter, const Assignments& assignments) {
  return std::all_of(
      parameter.conditions.begin(), parameter.conditions.end(), [&](const Condition& condition) {
        const auto parent = assignments.find(condition.parameter);
        return parent != assignments.end() && std::find(condition.values.begin(), condition.values.end(),
                                                        parent->second) != condition.values.end();
      });
}

Assignments FromUnit(const Space& space, std::span<const double> unit) {
  return AssignActive(space, [&](size_t i) { return FromUnit(space.parameters[i], unit[i]); });
}

Assignments Defaults(const Space& space) {
  return AssignActive(space, [&](size_t i) { return *space.parameters[i].default_value; });
}

bool InDomain(const Domain& domain, const Value& value) {
  if (const auto* range = std::get_if<DoubleRange>(&domain)) {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr && *number >= range->min && *number <= range->max;
  }
  if (const auto* range = std::get_if<IntRange>(&domain)) {
    const auto* number = std::get_if<int64_t>(&value);
    return number != nullptr && *number >= range->min && *number <= range->max;
  }
  if (const auto* grid = std::get_if<Grid>(&domain)) {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr &&
           std::find(grid->values.begin(), grid->values.end(), *number) != grid->values.end();
  }
  if (const auto* categories = std::get_if<Categories>(&domain)) {
    const auto* name = std::get_if<std::string>(&value);
    return name != nullptr &&
           std::find(categories->values.begin(), categories->values.end(), *name) != categories->values.end();
  }
  return false;
}

bool SatisfiesConstraints(const Space& space, const Assignments& assignments) {
  return std::all_of(
      space.constraints.begin(), space.constraints.end(), [&](const LinearConstraint& constraint) {
        double sum = 0, size = std::abs(constraint.bound);
        for (const auto& term : constraint.terms) {
          const auto found = assignments.find(term.parameter);
          if (found == assignments.end()) continue;
          const auto* number = std::get_if<double>(&found->second);
          const double value =
              number != nullptr ? *number : static_cast<double>(std::get<int64_t>(found->second));
          sum += term.weight * value;
          size += std::abs(term.weight * value);
        }
        const double slack = kConstraintSlack * size;
        using Comparison = LinearConstraint::Comparison;
        return (constraint.comparison == Comparison::kAtLeast || sum <= constraint.bound + slack) &&
               (constraint.comparison == Comparison::kAtMost || sum >= constraint.bound - slack);
      });
}

namespace {

// "an integer in [1, 100]"; long lists are cut.
struct DomainInWords {
  std::string operator()(const std::monostate&) const { return "in the parameter's domain"; }
  std::string operator()(const DoubleRange& range) const {
    return absl::StrCat("a number in [", FormatNumber(range.min), ", ", FormatNumber(range.max), "]");
  }
  std::string operator()(const IntRange& range) const {
    return absl::StrCat("an integer in [", range.min, ", ", range.max, "]");
  }
  std::string operator()(const Grid& grid) const {
    return List(grid.values, [](double value) { return FormatNumber(value); });
  }
  std::string operator()(const Categories& categories) const {
    return List(categories.values,
                [](const std::string& value) { return absl::StrCat("\"", value.substr(0, 100), "\""); });
  }

 private:
  template <class T, class Format>
  static std::string List(const std::vector<T>& values, const Format& format) {
    constexpr size_t kShown = 10;
    std::string text = "one of ";
    for (size_t i = 0; i < std::min(kShown, values.size()); ++i)
      absl::StrAppend(&text, i == 0 ? "" : ", ", format(values[i]));
    if (values.size() > kShown) absl::StrAppend(&text, " and ", values.size() - kShown, " more");
    return text;
  }
};

}  // namespace

std::vector<FieldViolation> CheckAssignments(const Space& space, const Assignments& assignments,
                                             std::string_view prefix) {
  std::vector<FieldViolation> violations;
  const auto add = [&](const std::string& name, std::string description) {
    violations.push_back({absl::StrCat(ToAbsl(prefix), "[", name, "]"), std::move(description)});
  };
  for (const auto& [name, value] : assignments) {
    const Parameter* parameter = space.Find(name);
    if (parameter == nullptr) {
      add(name, "is no parameter of the experiment");
    } else if (!IsActive(space, *parameter, assignments)) {
      add(name, "has a value although its conditions do not hold");
    } else if (!InDomain(parameter->domain, value)) {
      add(name, absl::StrCat("is ", FormatValue(value), "; must be ",
                             std::visit(DomainInWords(), parameter->domain)));
    }
  }
  for (const Parameter& parameter : space.parameters) {
    if (!assignments.contains(parameter.name) && IsActive(space, parameter, assignments))
      add(parameter.name, "is missing");
  }
  if (violations.empty() && !SatisfiesConstraints(space, assignments)) {
    violations.push_back({std::string(prefix), "breaks a linear constraint of the experiment"});
  }
  return violations;
}

std::string PointKey(const Assignments& assignments) {
  std::string key;
  for (const auto& [name, value] : assignments)
    absl::StrAppend(&key, name, "=", value.index(), ":", FormatValue(value), "\n");
  return key;
}

std::string FormatValue(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return FormatNumber(*number);
  if (const auto* integer = std::get_if<int64_t>(&value)) return absl::StrCat(*integer);
  return std::get<std::string>(value);
}

}  // namespace sda::optimizer
