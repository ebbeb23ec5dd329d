#include "services/advisor/core/spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/strip.h>

#include "common/base/strings.h"

namespace sda::advisor {

const SpecField* SpecRules::Find(std::string_view path) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const SpecField& field) { return field.path == path; });
  return found == fields.end() ? nullptr : &*found;
}

std::optional<SpecValue> ValueOrDefault(const SpecRules& rules, const SpecValues& values,
                                        std::string_view path) {
  const auto found = values.find(std::string(path));
  if (found != values.end()) return found->second;
  const SpecField* field = rules.Find(path);
  SpecValue value;
  if (field == nullptr || !ParseValue(field->type, field->default_value, &value)) return std::nullopt;
  return value;
}

std::string ToText(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  const double size = std::abs(value);
  const auto format =
      value == 0 || (size >= 1e-6 && size < 1e15) ? std::chars_format::fixed : std::chars_format::scientific;
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, format).ptr;
  return std::string(buffer, end);
}

std::string ToText(const SpecValue& value) {
  if (const auto* real = std::get_if<double>(&value)) return ToText(*real);
  if (const auto* integer = std::get_if<int64_t>(&value)) return absl::StrCat(*integer);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::get<std::string>(value);
}

std::string ListText(const std::vector<int64_t>& items) {
  return absl::StrCat("[", absl::StrJoin(items, ", "), "]");
}

bool ParseList(std::string_view text, std::vector<int64_t>* items) {
  absl::string_view rest = absl::StripAsciiWhitespace(ToAbsl(text));
  if (!absl::ConsumePrefix(&rest, "[") || !absl::ConsumeSuffix(&rest, "]")) return false;
  items->clear();
  rest = absl::StripAsciiWhitespace(rest);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    int64_t item = 0;
    if (!ParseInteger(ToStd(absl::StripAsciiWhitespace(rest.substr(0, comma))), &item)) return false;
    items->push_back(item);
    if (comma == rest.size()) return true;
    rest = absl::StripAsciiWhitespace(rest.substr(comma + 1));
    if (rest.empty()) return false;  // a comma at the end
  }
  return true;
}

bool ParseValue(FieldType type, std::string_view text, SpecValue* value) {
  switch (type) {
    case FieldType::kReal: {
      double real = 0;
      if (!ParseReal(text, &real)) return false;
      *value = real;
      return true;
    }
    case FieldType::kInteger: {
      int64_t integer = 0;
      if (!ParseInteger(text, &integer)) return false;
      *value = integer;
      return true;
    }
    case FieldType::kFlag:
      if (text != "true" && text != "false") return false;
      *value = text == "true";
      return true;
    case FieldType::kName:
      if (text.empty()) return false;
      *value = std::string(text);
      return true;
    case FieldType::kList: {
      std::vector<int64_t> items;
      if (!ParseList(text, &items)) return false;
      *value = ListText(items);
      return true;
    }
  }
  return false;
}

}  // namespace sda::advisor
