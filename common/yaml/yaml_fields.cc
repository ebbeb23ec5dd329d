#include "common/yaml/yaml_fields.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/strings.h"
#include "common/yaml/scalars.h"

namespace sda {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string Joined(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ");
}

bool IsPlain(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar && !node.quoted;
}

}  // namespace

YamlField YamlField::Child(const YamlNode& child, std::string_view key) const {
  return {&child, path.empty() ? std::string(key) : absl::StrCat(path, ".", ToAbsl(key))};
}

YamlField YamlField::Item(size_t index) const {
  return {&node->items[index], absl::StrCat(path, "[", index, "]")};
}

YamlField YamlFields::Mapping::operator[](std::string_view key) const {
  const auto found = fields_.find(key);
  return found == fields_.end() ? YamlField{} : found->second;
}

void YamlFields::Report(const YamlField& at, std::string description) {
  violations_.push_back({at.node->line, at.node->column, at.path, std::move(description)});
}

void YamlFields::ReportMissing(std::string field, std::string description) {
  violations_.push_back({0, 0, std::move(field), std::move(description)});
}

std::vector<YamlViolation> YamlFields::TakeViolations() {
  std::stable_sort(violations_.begin(), violations_.end(),
                   [](const YamlViolation& a, const YamlViolation& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
  return std::move(violations_);
}

std::optional<YamlFields::Mapping> YamlFields::AsMapping(const YamlField& field,
                                                         const std::vector<std::string>& known) {
  if (field.node->kind != YamlNode::Kind::kMapping) {
    Report(field,
           absl::StrCat("is ", Describe(*field.node), "; must be a mapping with the keys ", Joined(known)));
    return std::nullopt;
  }
  Mapping mapping;
  std::map<std::string, const YamlNode*> seen;
  for (const auto& [key, value] : field.node->entries) {
    const YamlField at_key = field.Child(key, key.text);
    const auto [first, is_new] = seen.emplace(key.text, &key);
    if (!is_new) {
      Report(at_key, absl::StrCat("stands here a second time, first in line ", first->second->line,
                                  "; remove one of the two"));
    } else if (std::find(known.begin(), known.end(), key.text) == known.end()) {
      Report(at_key,
             absl::StrCat("is not a known key", DidYouMean(key.text, known), "; known are ", Joined(known)));
    } else {
      YamlField at_value = field.Child(value, key.text);
      // What is empty has no place of its own: the key's is where to look.
      if (value.kind == YamlNode::Kind::kEmpty) {
        Report(at_key, "is empty; give it a value or remove the key");
        continue;
      }
      mapping.fields_.emplace(key.text, std::move(at_value));
    }
  }
  return mapping;
}

std::optional<std::vector<YamlField>> YamlFields::AsList(const YamlField& field) {
  if (field.node->kind != YamlNode::Kind::kList) {
    Report(field, absl::StrCat("is ", Describe(*field.node), "; must be a list"));
    return std::nullopt;
  }
  std::vector<YamlField> items;
  for (size_t i = 0; i < field.node->items.size(); ++i) items.push_back(field.Item(i));
  return items;
}

std::optional<std::string> YamlFields::AsText(const YamlField& field) {
  if (field.node->kind != YamlNode::Kind::kScalar) {
    Report(field, absl::StrCat("is ", Describe(*field.node), "; must be text"));
    return std::nullopt;
  }
  return field.node->text;
}

std::optional<double> YamlFields::AsReal(const YamlField& field) {
  double value = 0;
  if (!IsPlain(*field.node) || !ParseReal(field.node->text, &value)) {
    Report(field, absl::StrCat("is ", Describe(*field.node), "; must be a number"));
    return std::nullopt;
  }
  if (!std::isfinite(value)) {
    Report(field, absl::StrCat("is ", Describe(*field.node), "; must be a finite number"));
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> YamlFields::AsInteger(const YamlField& field) {
  int64_t value = 0;
  if (!IsPlain(*field.node) || !ParseInteger(field.node->text, &value)) {
    Report(field, absl::StrCat("is ", Describe(*field.node), "; must be a whole number"));
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> YamlFields::AsInteger(const YamlField& field, int64_t min, int64_t max) {
  const std::optional<int64_t> value = AsInteger(field);
  if (value && (*value < min || *value > max)) {
    Report(field, absl::StrCat("is ", *value, "; must be in [", min, ", ", max, "]"));
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> YamlFields::AsOneOf(const YamlField& field,
                                               const std::vector<std::string>& names) {
  if (field.node->kind == YamlNode::Kind::kScalar &&
      std::find(names.begin(), names.end(), field.node->text) != names.end()) {
    return field.node->text;
  }
  Report(field, absl::StrCat("is ", Describe(*field.node), "; must be one of ", Joined(names)));
  return std::nullopt;
}

YamlField YamlFields::Required(const Mapping& mapping, std::string_view key, const YamlField& parent,
                               std::string_view what) {
  const YamlField field = mapping[key];
  const auto named = [&](const auto& entry) { return entry.key.text == key; };
  const auto& entries = parent.node->entries;
  // A key without a value has been reported already.
  if (!field && std::none_of(entries.begin(), entries.end(), named)) {
    std::string description = absl::StrCat("is missing; ", ToAbsl(what));
    if (parent.path.empty()) {
      ReportMissing(std::string(key), std::move(description));
    } else {
      Report(parent.Child(*parent.node, key), std::move(description));
    }
  }
  return field;
}

std::string DidYouMean(std::string_view word, const std::vector<std::string>& known) {
  size_t closest = std::max<size_t>(1, word.size() / 3) + 1;
  const std::string* name = nullptr;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < closest) {
      closest = distance;
      name = &candidate;
    }
  }
  return name == nullptr ? "" : absl::StrCat(", did you mean \"", *name, "\"");
}

}  // namespace sda
