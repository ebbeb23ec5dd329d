#include "services/preprocessing/core/schema_inference.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "services/preprocessing/core/layout_detection.h"

namespace sda::preprocessing {
namespace {

constexpr int64_t kFewValues = 10;
constexpr int64_t kManyValues = 256;
constexpr double kPackedShare = 0.5;
constexpr double kLargestExact = 9007199254740992.0;  // 2^53

constexpr std::string_view kQuantityWords[] = {
    "age",    "amount",      "avg",        "balance",     "bytes",    "clicks",   "cnt",
    "cost",   "count",       "counts",     "distance",    "duration", "fnlwgt",   "gain",
    "height", "hours",       "impression", "impressions", "income",   "latitude", "longitude",
    "loss",   "mean",        "minutes",    "num",         "percent",  "price",    "quantity",
    "rate",   "ratio",       "salary",     "score",       "seconds",  "size",     "speed",
    "sum",    "temperature", "total",      "views",       "weight",   "wgt",      "width",
};

constexpr std::string_view kIdentifierWords[] = {
    "ad",   "advertiser", "app",  "banner",  "brand",  "browser",  "campaign", "cat",    "category",
    "city", "class",      "code", "country", "device", "domain",   "guid",     "hash",   "id",
    "ids",  "ip",         "isbn", "key",     "movie",  "postcode", "product",  "region", "site",
    "sku",  "store",      "type", "uid",     "url",    "user",     "uuid",     "zip",    "zipcode",
};

// The words of a name: cut at anything but letters and digits and before capitals, in lower case.
std::vector<std::string> WordsOf(std::string_view name) {
  std::vector<std::string> words;
  std::string word;
  auto finish = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  bool previous_lower = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isalnum(byte)) {
      finish();
      previous_lower = false;
      continue;
    }
    if (std::isupper(byte) && previous_lower) finish();
    previous_lower = std::islower(byte) != 0;
    word.push_back(static_cast<char>(std::tolower(byte)));
  }
  finish();
  return words;
}

std::optional<std::string> FindWord(const std::vector<std::string>& words,
                                    std::span<const std::string_view> wanted) {
  for (const std::string& word : words) {
    if (std::find(wanted.begin(), wanted.end(), word) != wanted.end()) return word;
  }
  return std::nullopt;
}

struct Verdict {
  Role role;
  std::string reason;
};

// Rules 7 to 12, for a column of numbers.
Verdict JudgeNumbers(const std::string& name, const ColumnSample& sample) {
  const std::vector<std::string> words = WordsOf(name);
  if (const auto word = FindWord(words, kQuantityWords)) {
    return {Role::kDense, absl::StrCat("numbers, and \"", *word, "\" in the name says quantity")};
  }
  if (!sample.all_integers()) return {Role::kDense, "numbers with fractions"};
  if (const auto word = FindWord(words, kIdentifierWords)) {
    return {Role::kCategorical,
            absl::StrCat("whole numbers, and \"", *word, "\" in the name says identifier")};
  }
  if (sample.distinct() <= kFewValues) {
    return {Role::kCategorical, absl::StrCat("whole numbers with only ", sample.distinct(), " values")};
  }
  const double span = sample.max() - sample.min() + 1;
  if (sample.distinct() >= kManyValues && static_cast<double>(sample.distinct()) >= kPackedShare * span) {
    return {Role::kCategorical, absl::StrCat("whole numbers that fill their range (", sample.distinct(),
                                             " values in ", span, "), as numbered things do")};
  }
  return {Role::kDense, absl::StrCat("whole numbers with ", sample.distinct(), " values in ", span)};
}

// Rules 3 to 12.
Verdict Judge(const std::string& name, const ColumnSample& sample, bool complete) {
  if (sample.values() == 0) return {Role::kIgnored, "every value is missing"};
  if (complete && sample.distinct() == 1 && sample.missing() == 0)
    return {Role::kIgnored, "has a single value"};
  if (sample.all_hashes()) return {Role::kCategorical, "hashes in hexadecimal"};
  if (!sample.all_numbers()) {
    if (sample.all_times()) return {Role::kIgnored, "dates or times; rows can be split by them"};
    return {Role::kCategorical, absl::StrCat("text with ", sample.distinct(), " values")};
  }
  if (sample.any_leading_zero() && sample.all_integers()) {
    return {Role::kCategorical, "whole numbers with leading zeros, as identifiers have"};
  }
  if (sample.all_integers() && std::max(-sample.min(), sample.max()) > kLargestExact) {
    return {Role::kCategorical, "whole numbers beyond 2^53, as identifiers are"};
  }
  return JudgeNumbers(name, sample);
}

Verdict JudgeCriteo(const std::string& name) {
  return name[0] == 'I' ? Verdict{Role::kDense, "a count in Criteo's click log"}
                        : Verdict{Role::kCategorical, "a hash in Criteo's click log"};
}

}  // namespace

absl::StatusOr<Schema> InferSchema(const std::vector<std::string>& columns, const InputSample& sample,
                                   const DatasetSpec& spec) {
  int label = -1;
  if (!spec.label.empty()) {
    SDA_ASSIGN_OR_RETURN(label, FindColumn("label", spec.label, columns));
  }
  const bool criteo = IsCriteoLayout(columns);
  std::string time_column;
  if (spec.split.kind == SplitSpec::Kind::kTime && spec.test_uris.empty()) {
    SDA_ASSIGN_OR_RETURN(const int time, FindColumn("split.time_column", spec.split.column, columns));
    time_column = columns[static_cast<size_t>(time)];
  }

  Schema schema(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = columns[i];
    Verdict verdict =
        criteo && name != "label" ? JudgeCriteo(name) : Judge(name, sample.columns[i], sample.complete);
    if (name == time_column) verdict = {Role::kIgnored, "rows are split by it"};
    schema[i] = {
        .name = name, .role = verdict.role, .log = std::nullopt, .reason = std::move(verdict.reason)};
  }
  for (size_t i = 0; i < spec.columns.size(); ++i) {
    const ColumnChoice& choice = spec.columns[i];
    SDA_ASSIGN_OR_RETURN(const int index,
                         FindColumn(absl::StrCat("columns[", i, "].name"), choice.name, columns));
    Column& column = schema[static_cast<size_t>(index)];
    if (choice.role && (index == label) != (*choice.role == Role::kLabel)) {
      return InvalidField(absl::StrCat("columns[", i, "].role"),
                          index == label ? "is not label; the label has no other role"
                                         : "is label; the label is given by the field label");
    }
    column.log = choice.log;
    column.frequency_threshold = choice.frequency_threshold;
    if (choice.role) {
      column.role = *choice.role;
      column.reason = "given";
    }
    column.list_separator = choice.list_separator;
    column.list_max_values = choice.list_max_values;
    if (!choice.list_separator.empty() && !choice.role) {
      column.role = Role::kCategorical;
      column.reason = "cells hold lists of values";
    }
  }
  if (!spec.weight.empty()) {
    SDA_ASSIGN_OR_RETURN(const int weight, FindColumn("weight", spec.weight, columns));
    Column& column = schema[static_cast<size_t>(weight)];
    column = {.name = column.name, .role = Role::kIgnored, .log = std::nullopt, .reason = "weighs the rows"};
  }
  if (label >= 0) {
    Column& column = schema[static_cast<size_t>(label)];
    column = {.name = column.name, .role = Role::kLabel, .log = std::nullopt, .reason = "given"};
  }
  return schema;
}

}  // namespace sda::preprocessing
