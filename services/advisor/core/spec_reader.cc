#include "services/advisor/core/spec_reader.h"

#include <algorithm>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

namespace sda::advisor {
namespace {

// The names that may follow "path." in the rules, in their order.
std::vector<std::string> KeysBelow(const std::string& path, const SpecRules& rules) {
  std::vector<std::string> keys;
  const std::string prefix = path + ".";
  for (const SpecField& field : rules.fields) {
    if (!absl::StartsWith(field.path, prefix)) continue;
    const size_t end = field.path.find('.', prefix.size());
    std::string key = field.path.substr(prefix.size(), end == std::string::npos ? end : end - prefix.size());
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(std::move(key));
  }
  return keys;
}

std::optional<std::string> ReadList(YamlFields& yaml, const YamlField& field) {
  std::vector<int64_t> items;
  if (field.node->kind == YamlNode::Kind::kScalar && ParseList(field.node->text, &items))
    return ListText(items);
  if (field.node->kind != YamlNode::Kind::kList) {
    yaml.Report(field, absl::StrCat("is ", Describe(*field.node),
                                    "; must be a list of whole numbers, as [512, 256]"));
    return std::nullopt;
  }
  for (size_t i = 0; i < field.node->items.size(); ++i) {
    const std::optional<int64_t> item = yaml.AsInteger(field.Item(i));
    if (!item) return std::nullopt;
    items.push_back(*item);
  }
  return ListText(items);
}

std::optional<SpecValue> ReadOfType(YamlFields& yaml, const YamlField& field, FieldType type) {
  switch (type) {
    case FieldType::kReal:
      if (const auto value = yaml.AsReal(field)) return SpecValue(*value);
      break;
    case FieldType::kInteger:
      if (const auto value = yaml.AsInteger(field)) return SpecValue(*value);
      break;
    case FieldType::kFlag:
      if (const auto value = yaml.AsOneOf(field, {"true", "false"})) return SpecValue(*value == "true");
      break;
    case FieldType::kName:
      if (const auto value = yaml.AsText(field)) return SpecValue(*value);
      break;
    case FieldType::kList:
      if (const auto value = ReadList(yaml, field)) return SpecValue(*value);
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<SpecValue> ReadSpecValue(YamlFields& yaml, const YamlField& field, const SpecField& spec_field,
                                       const SpecRules& rules) {
  std::optional<SpecValue> value = ReadOfType(yaml, field, spec_field.type);
  if (!value) return std::nullopt;
  if (std::string broken = rules.check_value(spec_field.path, *value); !broken.empty()) {
    yaml.Report(field, std::move(broken));
    return std::nullopt;
  }
  return value;
}

void ReadSpecSection(YamlFields& yaml, const YamlField& field, const SpecRules& rules,
                     SpecSections& sections) {
  const std::vector<std::string> keys = KeysBelow(field.path, rules);
  const auto mapping = yaml.AsMapping(field, keys);
  if (!mapping) return;
  for (const std::string& key : keys) {
    const YamlField child = (*mapping)[key];
    if (!child) continue;
    const SpecField* spec_field = rules.Find(child.path);
    if (spec_field == nullptr) {
      ReadSpecSection(yaml, child, rules, sections);
      continue;
    }
    sections.places[child.path] = child;
    if (auto value = ReadSpecValue(yaml, child, *spec_field, rules))
      sections.values[child.path] = std::move(*value);
  }
}

}  // namespace sda::advisor
