#include "clients/cli/core/document.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/base/error.h"
#include "common/base/strings.h"

namespace sda::cli {
namespace {

std::string Compact(const Document& scalar) {
  return scalar.dump(-1, ' ', false, Document::error_handler_t::replace);
}

// Whether YAML reads `text`, unquoted, as this very string in every position.
bool IsPlain(const std::string& text) {
  static constexpr std::array kReserved = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"};
  if (text.empty() || text.back() == ' ' || text.back() == ':') return false;
  const unsigned char first = text.front();
  // Letters, '/' and '_' begin no number, date, indicator or tag.
  if (!std::isalpha(first) && first != '/' && first != '_') return false;
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view(" _-./:@+>=<()%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), allowed)) return false;
  if (text.find(": ") != std::string::npos) return false;
  const std::string lower = absl::AsciiStrToLower(text);
  return std::find(kReserved.begin(), kReserved.end(), lower) == kReserved.end();
}

std::string YamlString(const std::string& text) {
  return IsPlain(text) ? text : Compact(Document(text));  // a JSON string is a YAML double-quoted scalar
}

// Literal blocks hold printable lines; the first must not begin with a blank, or it would set the
// indentation.
bool IsBlockText(const std::string& text) {
  return text.find('\n') != std::string::npos && text.find_first_of("\r\t") == std::string::npos &&
         text.front() != ' ' && text.front() != '\n' && text.back() == '\n' &&
         (text.size() < 2 || text[text.size() - 2] != '\n') &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\n' || (c >= 0x20 && c != 0x7f); });
}

void AppendBlockText(const std::string& text, size_t indent, std::string& out) {
  absl::StrAppend(&out, "|\n");
  for (const auto line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    if (!line.empty()) absl::StrAppend(&out, std::string(indent, ' '), line);
    out += '\n';
  }
}

bool IsNested(const Document& value) {
  return value.is_structured() && !value.empty();
}

void AppendValue(const Document& value, size_t indent, std::string& out);

// What follows "key:" or "-": on the same line, or indented below.
void AppendScalar(const Document& value, size_t indent, std::string& out) {
  if (value.is_string() && IsBlockText(value.get_ref<const std::string&>())) {
    AppendBlockText(value.get_ref<const std::string&>(), indent, out);
  } else if (value.is_string()) {
    absl::StrAppend(&out, YamlString(value.get_ref<const std::string&>()), "\n");
  } else {
    absl::StrAppend(&out, Compact(value), "\n");  // numbers, true, false, null, [] and {}
  }
}

void AppendObject(const Document& object, size_t indent, bool first_is_indented, std::string& out) {
  bool indented = first_is_indented;
  for (const auto& item : object.items()) {
    if (!indented) out.append(indent, ' ');
    indented = false;
    absl::StrAppend(&out, YamlString(item.key()), ":");
    if (IsNested(item.value())) {
      out += '\n';
      AppendValue(item.value(), item.value().is_array() ? indent : indent + 2, out);
    } else {
      out += ' ';
      AppendScalar(item.value(), indent + 2, out);
    }
  }
}

void AppendArray(const Document& array, size_t indent, std::string& out) {
  for (const Document& item : array) {
    out.append(indent, ' ');
    if (item.is_object() && !item.empty()) {
      out += "- ";
      AppendObject(item, indent + 2, /*first_is_indented=*/true, out);
    } else if (IsNested(item)) {
      out += "-\n";
      AppendValue(item, indent + 2, out);
    } else {
      out += "- ";
      AppendScalar(item, indent + 2, out);
    }
  }
}

void AppendValue(const Document& value, size_t indent, std::string& out) {
  if (value.is_object()) {
    AppendObject(value, indent, /*first_is_indented=*/false, out);
  } else {
    AppendArray(value, indent, out);
  }
}

}  // namespace

absl::StatusOr<OutputFormat> ParseOutputFormat(std::string_view text) {
  if (text == "table") return OutputFormat::kTable;
  if (text == "json") return OutputFormat::kJson;
  if (text == "yaml") return OutputFormat::kYaml;
  return InvalidField("--output", absl::StrCat("'", ToAbsl(text), "' is not one of table, json, yaml"));
}

std::string ToJson(const Document& document) {
  return document.dump(2, ' ', false, Document::error_handler_t::replace) + "\n";
}

std::string ToYaml(const Document& document) {
  std::string out;
  if (IsNested(document)) {
    AppendValue(document, 0, out);
  } else {
    AppendScalar(document, 2, out);
  }
  return out;
}

}  // namespace sda::cli
