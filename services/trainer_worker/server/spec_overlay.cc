#include "services/trainer_worker/server/spec_overlay.h"

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/training_spec/field_path.h"
#include "common/training_spec/rules.h"

namespace sda::trainer {
namespace {

using optimizer::v1::ParameterValue;

training_spec::FieldValue ToFieldValue(const ParameterValue& value) {
  switch (value.value_case()) {
    case ParameterValue::kDoubleValue:
      return value.double_value();
    case ParameterValue::kIntValue:
      return static_cast<int64_t>(value.int_value());
    default:
      return value.string_value();
  }
}

}  // namespace

const std::string& WorkTypeUrl() {
  static const auto* const url = new std::string(
      absl::StrCat("type.googleapis.com/", trainer::v1::TrainingSpec::descriptor()->full_name()));
  return *url;
}

absl::StatusOr<trainer::v1::TrainingSpec> SpecOfTrial(const optimizer::v1::Trial& trial) {
  trainer::v1::TrainingSpec spec;
  if (!trial.work().UnpackTo(&spec)) {
    return InvalidField("work", absl::StrCat("is of type \"", trial.work().type_url(),
                                             "\" or damaged; must be ", WorkTypeUrl()));
  }
  for (const auto& [path, value] : trial.assignments()) {
    SDA_RETURN_IF_ERROR(training_spec::SetField(spec, path, ToFieldValue(value)));
  }
  training_spec::FillDefaults(spec);
  if (const std::vector<FieldViolation> violations = training_spec::ValidateSpec(spec); !violations.empty()) {
    return InvalidFields(violations);
  }
  return spec;
}

}  // namespace sda::trainer
