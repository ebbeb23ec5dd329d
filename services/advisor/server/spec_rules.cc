#include "services/advisor/server/spec_rules.h"

#include <string>

#include "common/training_spec/field_path.h"
#include "common/training_spec/rules.h"

namespace sda::advisor {
namespace {

FieldType TypeOf(training_spec::FieldType type) {
  switch (type) {
    case training_spec::FieldType::kDouble:
      return FieldType::kReal;
    case training_spec::FieldType::kInt:
      return FieldType::kInteger;
    case training_spec::FieldType::kBool:
      return FieldType::kFlag;
    case training_spec::FieldType::kIntList:
      return FieldType::kList;
    case training_spec::FieldType::kEnum:
    case training_spec::FieldType::kString:
      break;
  }
  return FieldType::kName;
}

std::vector<FieldViolation> CheckValues(const SpecValues& values) {
  trainer::v1::TrainingSpec spec = ToTrainingSpec(values);
  // The dataset is not part of what a recipe's sections say.
  spec.set_dataset_manifest_uri("manifest.json");
  spec.set_dataset_manifest_sha256(std::string(64, '0'));
  training_spec::FillDefaults(spec);
  return training_spec::ValidateSpec(spec);
}

SpecRules MakeRules() {
  SpecRules rules;
  for (const std::string& path : training_spec::AllFieldPaths()) {
    const auto type = training_spec::TypeOfField(path);
    const training_spec::FieldRule* rule = training_spec::FindRule(path);
    if (!type.ok()) continue;
    SpecField field{path, TypeOf(*type), training_spec::EnumValues(path), ""};
    if (rule != nullptr) field.default_value = std::string(rule->default_value);
    // Where the table names no default, zero means zero; optional numbers without one have none.
    trainer::v1::TrainingSpec empty;
    const bool always_set = training_spec::HasField(empty, path);
    if (field.default_value.empty() && always_set && field.type == FieldType::kFlag)
      field.default_value = "false";
    if (field.default_value.empty() && always_set && field.type != FieldType::kName)
      field.default_value = "0";
    rules.fields.push_back(std::move(field));
  }
  rules.check_value = [](std::string_view path, const SpecValue& value) {
    return training_spec::CheckValue(path, value);
  };
  rules.check_values = CheckValues;
  return rules;
}

}  // namespace

const SpecRules& TrainingSpecRules() {
  static const auto* const rules = new SpecRules(MakeRules());
  return *rules;
}

trainer::v1::TrainingSpec ToTrainingSpec(const SpecValues& values) {
  trainer::v1::TrainingSpec spec;
  for (const auto& [path, value] : values) training_spec::SetField(spec, path, value).IgnoreError();
  return spec;
}

}  // namespace sda::advisor
