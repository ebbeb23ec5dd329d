#ifndef SDA_COMMON_TRAINING_SPEC_RULES_H_
#define SDA_COMMON_TRAINING_SPEC_RULES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/training_spec/field_path.h"
#include "sda/trainer/v1/training_spec.pb.h"

// The rules that the fields of a TrainingSpec keep, in one table. The worker refuses a spec by them, the
// advisor a recipe, before a second of training is spent.
namespace sda::training_spec {

// The range of one numeric field or, for a list, of each item.
struct FieldRule {
  std::string_view path = "";
  double min = 0;
  double max = 0;
  bool min_exclusive = false;
  bool max_exclusive = false;
  // Zero (or an unset field) stands for this value; as recipes spell it. Empty: zero means zero, unset means
  // unset.
  std::string_view default_value = "";
  int max_items = 32;               // of a list
  std::string_view item = "layer";  // of a list: what one of them is
  std::string_view meaning = "";    // a few words for people
};

// Every field that can be tuned, in the order of the proto.
std::span<const FieldRule> Rules();

// nullptr for a path without a rule.
const FieldRule* FindRule(std::string_view path);

// "in (0, 100]".
std::string RangeText(const FieldRule& rule);

// Why `value` breaks the rule of `path`, as "is …; must be …", or "" if it keeps it. Types are judged as
// SetField does, an unknown path as well.
std::string CheckValue(std::string_view path, const FieldValue& value);

// Every rule that the spec breaks, rules between fields included. Call FillDefaults first.
std::vector<FieldViolation> ValidateSpec(const sda::trainer::v1::TrainingSpec& spec);

// Writes the documented default into every field that is unset.
void FillDefaults(sda::trainer::v1::TrainingSpec& spec);

}  // namespace sda::training_spec

#endif  // SDA_COMMON_TRAINING_SPEC_RULES_H_
