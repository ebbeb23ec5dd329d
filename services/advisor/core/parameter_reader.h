#ifndef SDA_SERVICES_ADVISOR_CORE_PARAMETER_READER_H_
#define SDA_SERVICES_ADVISOR_CORE_PARAMETER_READER_H_

#include <optional>
#include <vector>

#include "common/yaml/yaml_fields.h"
#include "services/advisor/core/recipe.h"
#include "services/advisor/core/spec_reader.h"

namespace sda::advisor {

// A parameter with the place it stands at; `domain` is where its bounds, grid or categories stand. Of one
// that cannot be read, `is_good` is false and only name and place are set: what refers to it is not to blame.
struct PlacedParameter {
  Parameter parameter;
  bool is_good = false;
  YamlField place;
  YamlField domain;
  YamlField conditions;  // empty where there are none
};

// Reads one item of "parameters". Nothing where even its name cannot be read.
std::optional<PlacedParameter> ReadParameter(YamlFields& yaml, const YamlField& field,
                                             const SpecRules& rules);

// Rules between parameters and with the default trial: names twice, defaults that are missing or outside
// their domains, values that the whole spec refuses, conditions.
void CheckParameters(YamlFields& yaml, const std::vector<PlacedParameter>& parameters, const SpecRules& rules,
                     const SpecSections& sections);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_PARAMETER_READER_H_
