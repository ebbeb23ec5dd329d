#include "services/advisor/core/parameter_reader.h"

#include <algorithm>
#include <set>
#include <string>

#include <absl/strings/str_cat.h>

namespace sda::advisor {
namespace {

// The largest whole number that a double holds exactly.
constexpr int64_t kMaxExactInteger = int64_t{1} << 53;

bool IsNumeric(FieldType type) {
  return type == FieldType::kReal || type == FieldType::kInteger;
}

std::vector<std::string> Paths(const SpecRules& rules) {
  std::vector<std::string> paths;
  for (const SpecField& field : rules.fields) paths.push_back(field.path);
  return paths;
}

const SpecField* ReadName(YamlFields& yaml, const YamlField& field, const SpecRules& rules) {
  const std::optional<std::string> name = yaml.AsText(field);
  if (!name) return nullptr;
  const SpecField* spec_field = rules.Find(*name);
  if (spec_field == nullptr) {
    yaml.Report(
        field, absl::StrCat("is \"", *name, "\"; must be the path of a field of model, training or optimizer",
                            DidYouMean(*name, Paths(rules))));
  }
  return spec_field;
}

template <typename Number>
std::optional<Domain> MakeRange(YamlFields& yaml, const YamlField& field, Number min, Number max) {
  if (min >= max) {
    yaml.Report(field, absl::StrCat("are inverted or empty: min is ", ToText(SpecValue(min)), " and max is ",
                                    ToText(SpecValue(max)), "; min must be below max"));
    return std::nullopt;
  }
  if constexpr (std::is_same_v<Number, double>) {
    return Domain(RealRange{min, max});
  } else {
    return Domain(IntegerRange{min, max});
  }
}

std::optional<Domain> ReadBounds(YamlFields& yaml, const YamlField& field, const SpecField& spec_field,
                                 const SpecRules& rules) {
  const auto mapping = yaml.AsMapping(field, {"min", "max"});
  if (!mapping) return std::nullopt;
  const YamlField min = yaml.Required(*mapping, "min", field, "give the smallest value");
  const YamlField max = yaml.Required(*mapping, "max", field, "give the largest value");
  const auto low = min ? ReadSpecValue(yaml, min, spec_field, rules) : std::nullopt;
  const auto high = max ? ReadSpecValue(yaml, max, spec_field, rules) : std::nullopt;
  if (!low || !high) return std::nullopt;
  if (spec_field.type == FieldType::kReal) {
    return MakeRange(yaml, field, std::get<double>(*low), std::get<double>(*high));
  }
  return MakeRange(yaml, field, std::get<int64_t>(*low), std::get<int64_t>(*high));
}

// The items of a grid or of categories; false, and a violation, for too few or too many.
bool CountItems(YamlFields& yaml, const YamlField& field, const std::vector<YamlField>& items) {
  if (items.empty()) {
    yaml.Report(field, "is empty; give at least one value, or remove the parameter");
    return false;
  }
  if (items.size() > kMaxDomainValues) {
    yaml.Report(field, absl::StrCat("has ", items.size(), " values; must have at most ", kMaxDomainValues));
    return false;
  }
  return true;
}

std::optional<Domain> ReadGrid(YamlFields& yaml, const YamlField& field, const SpecField& spec_field,
                               const SpecRules& rules) {
  const auto items = yaml.AsList(field);
  if (!items || !CountItems(yaml, field, *items)) return std::nullopt;
  Grid grid;
  for (const YamlField& item : *items) {
    const auto value = ReadSpecValue(yaml, item, spec_field, rules);
    if (!value) return std::nullopt;
    const double number = std::holds_alternative<double>(*value)
                              ? std::get<double>(*value)
                              : static_cast<double>(std::get<int64_t>(*value));
    if (!grid.values.empty() && number <= grid.values.back()) {
      yaml.Report(item, absl::StrCat("is ", ToText(number), " after ", ToText(grid.values.back()),
                                     "; the values of a grid must rise"));
      return std::nullopt;
    }
    grid.values.push_back(number);
  }
  return Domain(std::move(grid));
}

std::optional<Domain> ReadCategories(YamlFields& yaml, const YamlField& field, const SpecField& spec_field,
                                     const SpecRules& rules) {
  const auto items = yaml.AsList(field);
  if (!items || !CountItems(yaml, field, *items)) return std::nullopt;
  Categories categories;
  for (const YamlField& item : *items) {
    const auto value = ReadSpecValue(yaml, item, spec_field, rules);
    if (!value) return std::nullopt;
    std::string text = ToText(*value);
    if (std::find(categories.values.begin(), categories.values.end(), text) != categories.values.end()) {
      yaml.Report(item, absl::StrCat("is ", text, " a second time; categories must differ"));
      return std::nullopt;
    }
    categories.values.push_back(std::move(text));
  }
  return Domain(std::move(categories));
}

std::optional<Domain> ReadDomain(YamlFields& yaml, const YamlField& field, const YamlFields::Mapping& mapping,
                                 const SpecField& spec_field, const SpecRules& rules, YamlField* place) {
  int given = 0;
  for (const char* key : {"bounds", "grid", "categories"}) {
    if (!mapping.Has(key)) continue;
    ++given;
    *place = mapping[key];
  }
  if (given != 1) {
    yaml.Report(field, absl::StrCat("has ", given, " of bounds, grid and categories; must have exactly one"));
    return std::nullopt;
  }
  const bool categories = mapping.Has("categories");
  if (categories == IsNumeric(spec_field.type)) {
    yaml.Report(*place,
                categories
                    ? absl::StrCat("are given for the number ", spec_field.path, "; use bounds or grid")
                    : absl::StrCat("is given for ", spec_field.path, ", which is no number; use categories"));
    return std::nullopt;
  }
  if (categories) return ReadCategories(yaml, *place, spec_field, rules);
  if (mapping.Has("grid")) return ReadGrid(yaml, *place, spec_field, rules);
  return ReadBounds(yaml, *place, spec_field, rules);
}

void ReadScale(YamlFields& yaml, const YamlField& field, Parameter& parameter) {
  const auto name = yaml.AsOneOf(field, {"linear", "log", "logit"});
  if (!name || *name == "linear") return;
  const auto* real = std::get_if<RealRange>(&parameter.domain);
  const auto* integer = std::get_if<IntegerRange>(&parameter.domain);
  if (real == nullptr && integer == nullptr) {
    return yaml.Report(field, absl::StrCat("is ", *name, "; only bounds have a scale, remove it"));
  }
  if (*name == "log") {
    if (real != nullptr ? real->min <= 0 : integer->min <= 0) {
      return yaml.Report(field, "is log while min is not above 0; raise min or use linear");
    }
    parameter.scale = Scale::kLog;
    return;
  }
  if (real == nullptr || real->min <= 0 || real->max >= 1) {
    return yaml.Report(field, "is logit; the bounds must be real numbers within (0, 1), ends excluded");
  }
  parameter.scale = Scale::kLogit;
}

std::optional<double> ReadPositive(YamlFields& yaml, const YamlField& field) {
  const auto value = yaml.AsReal(field);
  if (value && *value <= 0) {
    yaml.Report(field, absl::StrCat("is ", ToText(*value), "; must be above 0"));
    return std::nullopt;
  }
  return value;
}

void ReadPrior(YamlFields& yaml, const YamlField& field, Parameter& parameter) {
  if (!std::holds_alternative<RealRange>(parameter.domain)) {
    return yaml.Report(field, "is given; only bounds of a real number take a prior, remove it");
  }
  const auto mapping = yaml.AsMapping(field, {"normal", "beta"});
  if (!mapping) return;
  if (mapping->Has("normal") == mapping->Has("beta"))
    return yaml.Report(field, "must have exactly one of normal and beta");
  if (const YamlField normal = (*mapping)["normal"]) {
    const auto numbers = yaml.AsMapping(normal, {"mean", "stddev"});
    if (!numbers) return;
    const YamlField mean =
        yaml.Required(*numbers, "mean", normal, "give the most likely value, on the parameter's scale");
    const YamlField stddev =
        yaml.Required(*numbers, "stddev", normal, "give the spread, on the parameter's scale");
    const auto mean_value = mean ? yaml.AsReal(mean) : std::nullopt;
    const auto stddev_value = stddev ? ReadPositive(yaml, stddev) : std::nullopt;
    if (mean_value && stddev_value) parameter.prior = NormalPrior{*mean_value, *stddev_value};
    return;
  }
  const YamlField beta = (*mapping)["beta"];
  const auto numbers = yaml.AsMapping(beta, {"alpha", "beta"});
  if (!numbers) return;
  const YamlField a = yaml.Required(*numbers, "alpha", beta, "give the first shape");
  const YamlField b = yaml.Required(*numbers, "beta", beta, "give the second shape");
  const auto a_value = a ? ReadPositive(yaml, a) : std::nullopt;
  const auto b_value = b ? ReadPositive(yaml, b) : std::nullopt;
  if (a_value && b_value) parameter.prior = BetaPrior{*a_value, *b_value};
}

void ReadConditions(YamlFields& yaml, const YamlField& field, Parameter& parameter) {
  const auto items = yaml.AsList(field);
  if (!items) return;
  if (items->size() > kMaxConditions) {
    return yaml.Report(
        field, absl::StrCat("has ", items->size(), " conditions; must have at most ", kMaxConditions));
  }
  for (const YamlField& item : *items) {
    const auto mapping = yaml.AsMapping(item, {"parameter", "values"});
    if (!mapping) return;
    const YamlField name = yaml.Required(*mapping, "parameter", item, "name the parameter it depends on");
    const YamlField values = yaml.Required(*mapping, "values", item, "list the values under which it exists");
    const auto list = values ? yaml.AsList(values) : std::nullopt;
    const auto text = name ? yaml.AsText(name) : std::nullopt;
    if (!list || !text) return;
    Condition condition{*text, {}};
    for (const YamlField& value : *list) {
      const auto spelled = yaml.AsText(value);
      if (!spelled) return;
      condition.values.push_back(*spelled);
    }
    if (condition.values.empty()) return yaml.Report(values, "is empty; list at least one value");
    parameter.conditions.push_back(std::move(condition));
  }
}

void CheckIntegerBounds(YamlFields& yaml, const PlacedParameter& placed) {
  const auto* range = std::get_if<IntegerRange>(&placed.parameter.domain);
  if (range == nullptr || (range->min >= -kMaxExactInteger && range->max <= kMaxExactInteger)) return;
  yaml.Report(placed.domain, "reach beyond ±2^53; choose smaller ones");
}

// --- rules between parameters
// -----------------------------------------------------------------------------------

const PlacedParameter* FindParameter(const std::vector<PlacedParameter>& parameters,
                                     const std::string& name) {
  for (const PlacedParameter& placed : parameters) {
    if (placed.parameter.name == name) return &placed;
  }
  return nullptr;
}

void CheckDefault(YamlFields& yaml, const PlacedParameter& placed, const SpecRules& rules,
                  const SpecSections& sections) {
  const std::string& path = placed.parameter.name;
  const auto place = sections.places.find(path);
  const bool written = place != sections.places.end();
  if (written && !sections.values.contains(path)) return;  // reported where it stands
  const std::optional<SpecValue> value = ValueOrDefault(rules, sections.values, path);
  if (!value) {
    return yaml.Report(placed.place,
                       absl::StrCat("has no default; write a value for ", path, " into its section"));
  }
  if (Contains(placed.parameter.domain, *value)) return;
  const std::string domain = DomainText(placed.parameter.domain);
  if (written) {
    return yaml.Report(place->second,
                       absl::StrCat("is ", ToText(*value), ", which is outside the domain ", domain, " of ",
                                    placed.place.path, "; the default must lie in it"));
  }
  yaml.Report(placed.domain, absl::StrCat("leaves out the default ", ToText(*value), " of ", path,
                                          "; widen it or write a value into the section"));
}

// Every category on its own must leave a spec that keeps the rules between fields.
void CheckWholeSpec(YamlFields& yaml, const PlacedParameter& placed, const SpecRules& rules,
                    const SpecValues& defaults) {
  const auto* categories = std::get_if<Categories>(&placed.parameter.domain);
  if (categories == nullptr) return;
  for (size_t i = 0; i < categories->values.size(); ++i) {
    SpecValues values = defaults;
    SpecValue value;
    if (!ParseValue(rules.Find(placed.parameter.name)->type, categories->values[i], &value)) continue;
    values[placed.parameter.name] = value;
    const std::vector<FieldViolation> broken = rules.check_values(values);
    if (!broken.empty()) {
      yaml.Report(placed.domain.Item(i), absl::StrCat("is ", categories->values[i], ", with which ",
                                                      broken[0].field, " ", broken[0].description));
    }
  }
}

bool DependsOn(const std::vector<PlacedParameter>& parameters, const std::string& name, const std::string& on,
               std::set<std::string>& visited) {
  if (!visited.insert(name).second) return false;
  const PlacedParameter* placed = FindParameter(parameters, name);
  if (placed == nullptr) return false;
  for (const Condition& condition : placed->parameter.conditions) {
    if (condition.parameter == on || DependsOn(parameters, condition.parameter, on, visited)) return true;
  }
  return false;
}

void CheckConditions(YamlFields& yaml, const PlacedParameter& placed,
                     const std::vector<PlacedParameter>& parameters, const SpecRules& rules) {
  for (size_t i = 0; i < placed.parameter.conditions.size(); ++i) {
    const Condition& condition = placed.parameter.conditions[i];
    const YamlField place = placed.conditions.Item(i);
    const PlacedParameter* parent = FindParameter(parameters, condition.parameter);
    if (parent == nullptr) {
      yaml.Report(place,
                  absl::StrCat("names \"", condition.parameter, "\", which is none of the parameters"));
      continue;
    }
    if (!parent->is_good) continue;
    if (std::holds_alternative<RealRange>(parent->parameter.domain)) {
      yaml.Report(place,
                  absl::StrCat("depends on ", condition.parameter,
                               ", a range of real numbers; must be a grid, whole numbers or categories"));
      continue;
    }
    for (const std::string& spelled : condition.values) {
      SpecValue value;
      if (!ParseValue(rules.Find(condition.parameter)->type, spelled, &value) ||
          !Contains(parent->parameter.domain, value)) {
        yaml.Report(place, absl::StrCat("has the value ", spelled, ", which is outside ",
                                        DomainText(parent->parameter.domain), " of ", condition.parameter));
      }
    }
  }
  std::set<std::string> visited;
  if (DependsOn(parameters, placed.parameter.name, placed.parameter.name, visited)) {
    yaml.Report(placed.conditions,
                absl::StrCat("lead from ", placed.parameter.name, " back to itself; remove one"));
  }
}

}  // namespace

std::optional<PlacedParameter> ReadParameter(YamlFields& yaml, const YamlField& field,
                                             const SpecRules& rules) {
  const auto mapping = yaml.AsMapping(
      field, {"name", "bounds", "grid", "categories", "scale", "prior", "conditions", "reason"});
  if (!mapping) return std::nullopt;
  const YamlField name = yaml.Required(*mapping, "name", field, "give the path of the field to search over");
  const SpecField* spec_field = name ? ReadName(yaml, name, rules) : nullptr;
  if (spec_field == nullptr) return std::nullopt;
  PlacedParameter placed;
  placed.place = name;
  placed.parameter.name = spec_field->path;
  auto domain = ReadDomain(yaml, field, *mapping, *spec_field, rules, &placed.domain);
  if (!domain) return placed;
  placed.is_good = true;
  placed.parameter.domain = std::move(*domain);
  CheckIntegerBounds(yaml, placed);
  if (const YamlField scale = (*mapping)["scale"]) ReadScale(yaml, scale, placed.parameter);
  if (const YamlField prior = (*mapping)["prior"]) ReadPrior(yaml, prior, placed.parameter);
  placed.conditions = (*mapping)["conditions"];
  if (placed.conditions) ReadConditions(yaml, placed.conditions, placed.parameter);
  if (const YamlField reason = (*mapping)["reason"]) {
    placed.parameter.reason = yaml.AsText(reason).value_or("");
    if (placed.parameter.reason.size() > kMaxReasonBytes) {
      yaml.Report(reason, absl::StrCat("has ", placed.parameter.reason.size(), " bytes; must have at most ",
                                       kMaxReasonBytes));
    }
  }
  return placed;
}

void CheckParameters(YamlFields& yaml, const std::vector<PlacedParameter>& parameters, const SpecRules& rules,
                     const SpecSections& sections) {
  const bool defaults_are_good = rules.check_values(sections.values).empty();
  std::set<std::string> names;
  for (const PlacedParameter& placed : parameters) {
    if (!names.insert(placed.parameter.name).second) {
      yaml.Report(placed.place,
                  absl::StrCat("is \"", placed.parameter.name, "\" a second time; remove one of the two"));
    }
    if (!placed.is_good) continue;
    CheckDefault(yaml, placed, rules, sections);
    if (defaults_are_good) CheckWholeSpec(yaml, placed, rules, sections.values);
    CheckConditions(yaml, placed, parameters, rules);
  }
}

}  // namespace sda::advisor
