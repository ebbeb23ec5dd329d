#ifndef SDA_SERVICES_ADVISOR_CORE_SPEC_READER_H_
#define SDA_SERVICES_ADVISOR_CORE_SPEC_READER_H_

#include <map>
#include <optional>
#include <string>

#include "common/yaml/yaml_fields.h"
#include "services/advisor/core/spec.h"

namespace sda::advisor {

// The sections of a recipe that say the default trial, as they stand.
struct SpecSections {
  SpecValues values;
  std::map<std::string, YamlField> places;  // of each value, by path
};

// Reads section `field` ("model", "optimizer") into `sections`, down to its fields.
void ReadSpecSection(YamlFields& yaml, const YamlField& field, const SpecRules& rules,
                     SpecSections& sections);

// A node as a value of `spec_field`; reports and returns nothing where it is none or breaks a rule. Lists may
// be written as YAML lists or as text.
std::optional<SpecValue> ReadSpecValue(YamlFields& yaml, const YamlField& field, const SpecField& spec_field,
                                       const SpecRules& rules);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_SPEC_READER_H_
