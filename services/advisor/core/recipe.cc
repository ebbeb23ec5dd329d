#include "services/advisor/core/recipe.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

namespace sda::advisor {
namespace {

std::optional<double> AsReal(const SpecValue& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::nullopt;
}

template <typename Range>
bool Within(const Range& range, const SpecValue& value) {
  const std::optional<double> real = AsReal(value);
  return real && *real >= static_cast<double>(range.min) && *real <= static_cast<double>(range.max);
}

}  // namespace

bool Contains(const Domain& domain, const SpecValue& value) {
  if (const auto* range = std::get_if<RealRange>(&domain)) return Within(*range, value);
  if (const auto* range = std::get_if<IntegerRange>(&domain)) return Within(*range, value);
  if (const auto* grid = std::get_if<Grid>(&domain)) {
    const std::optional<double> real = AsReal(value);
    return real && std::find(grid->values.begin(), grid->values.end(), *real) != grid->values.end();
  }
  const auto& names = std::get<Categories>(domain).values;
  return std::find(names.begin(), names.end(), ToText(value)) != names.end();
}

std::string DomainText(const Domain& domain) {
  if (const auto* range = std::get_if<RealRange>(&domain)) {
    return absl::StrCat("[", ToText(range->min), ", ", ToText(range->max), "]");
  }
  if (const auto* range = std::get_if<IntegerRange>(&domain))
    return absl::StrCat("[", range->min, ", ", range->max, "]");
  if (const auto* grid = std::get_if<Grid>(&domain)) {
    return absl::StrCat("one of ", absl::StrJoin(grid->values, ", ", [](std::string* out, double value) {
                          absl::StrAppend(out, ToText(value));
                        }));
  }
  return absl::StrCat("one of ", absl::StrJoin(std::get<Categories>(domain).values, ", "));
}

std::string_view ScaleName(Scale scale) {
  switch (scale) {
    case Scale::kLog:
      return "log";
    case Scale::kLogit:
      return "logit";
    case Scale::kLinear:
      break;
  }
  return "linear";
}

}  // namespace sda::advisor
