#include "clients/cli/core/flag_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "common/base/error.h"
#include "common/base/strings.h"

namespace sda::cli {
namespace {

constexpr size_t kMaxDelimiterLength = 8;
constexpr size_t kMaxIdLength = 63;

std::string Quoted(std::string_view text) {
  return absl::StrCat("'", ToAbsl(text), "'");
}

bool IsResourceId(std::string_view id) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !id.empty() && id.size() <= kMaxIdLength && id.front() >= 'a' && id.front() <= 'z' &&
         std::all_of(id.begin(), id.end(), allowed);
}

}  // namespace

absl::StatusOr<int64_t> ParseIntFlag(std::string_view option, std::string_view text, int64_t min,
                                     int64_t max) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < min || value > max) {
    return InvalidField(option, absl::StrCat(Quoted(text), " is not a whole number from ", min, " to ", max));
  }
  return value;
}

absl::StatusOr<double> ParseDoubleFlag(std::string_view option, std::string_view text, double min,
                                       double max) {
  double value = 0;
  if (!absl::SimpleAtod(ToAbsl(text), &value) || !std::isfinite(value) || !(value >= min && value <= max)) {
    return InvalidField(option, absl::StrFormat("%s is not a number from %g to %g", Quoted(text), min, max));
  }
  return value;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) {
      parts.back() += text[++i];
    } else if (text[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

absl::StatusOr<std::string> ParseDelimiterFlag(std::string_view option, std::string_view text) {
  static const auto& words = *new std::map<std::string_view, std::string>{
      {"\\t", "\t"}, {"tab", "\t"}, {"comma", ","}, {"semicolon", ";"}, {"pipe", "|"}};
  if (const auto word = words.find(text); word != words.end()) return word->second;
  if (text.empty() || text.size() > kMaxDelimiterLength ||
      text.find_first_of("\r\n") != std::string_view::npos) {
    return InvalidField(option,
                        absl::StrCat(Quoted(text), " is not a delimiter of 1 to ", kMaxDelimiterLength,
                                     " characters without line ends (or tab, comma, semicolon, pipe)"));
  }
  return std::string(text);
}

absl::StatusOr<std::string> ParseNameFlag(std::string_view option, std::string_view collection,
                                          std::string_view text) {
  std::string_view id = text;
  if (id.size() > collection.size() && id.substr(0, collection.size()) == collection &&
      id[collection.size()] == '/') {
    id.remove_prefix(collection.size() + 1);
  }
  if (!IsResourceId(id)) {
    return InvalidField(option, absl::StrCat(Quoted(text), " is not a name like ", ToAbsl(collection),
                                             "/abc-1 (1 to 63 of a-z, 0-9 and -, first a letter)"));
  }
  return absl::StrCat(ToAbsl(collection), "/", ToAbsl(id));
}

}  // namespace sda::cli
