#ifndef SDA_SERVICES_ADVISOR_CORE_SPEC_H_
#define SDA_SERVICES_ADVISOR_CORE_SPEC_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/yaml/scalars.h"

// A training spec as recipes see it: values by field path ("optimizer.dense.learning_rate"). What fields
// there are and what they may hold is handed in as SpecRules, so that nothing here knows the message behind
// them.
namespace sda::advisor {

// A number, a flag, or text: a name ("rowwise_adagrad") or a list of whole numbers ("[512, 256]").
using SpecValue = std::variant<double, int64_t, bool, std::string>;
using SpecValues = std::map<std::string, SpecValue>;

enum class FieldType { kReal, kInteger, kFlag, kName, kList };

struct SpecField {
  std::string path;  // "section.field" or deeper; "model.", "training." or "optimizer." begin it
  FieldType type = FieldType::kReal;
  std::vector<std::string> names;  // what a kName field accepts
  std::string default_value;       // as recipes spell it; empty where unset means unset
};

struct SpecRules {
  std::vector<SpecField> fields;  // in the order in which recipes are written

  // Why `value` may not stand at `path`, as "is 0; must be in (0, 100]", or "" if it may.
  std::function<std::string(std::string_view path, const SpecValue& value)> check_value;

  // Every rule that whole values break, rules between fields included. Paths that are not set have their
  // defaults.
  std::function<std::vector<FieldViolation>(const SpecValues& values)> check_values;

  // nullptr where there is no such field.
  const SpecField* Find(std::string_view path) const;
};

// The value at `path` or the field's default; nothing where there is neither.
std::optional<SpecValue> ValueOrDefault(const SpecRules& rules, const SpecValues& values,
                                        std::string_view path);

// Numbers in the shortest form that reads back the same, without exponent between 1e-6 and 1e15; text as it
// is.
std::string ToText(const SpecValue& value);
std::string ToText(double value);

// "[512, 256]" for {512, 256}.
std::string ListText(const std::vector<int64_t>& items);

// The inverse of ListText, blanks are free; false where `text` is no such list.
bool ParseList(std::string_view text, std::vector<int64_t>* items);

// `text` as a value of a field of `type`; false where it is none.
bool ParseValue(FieldType type, std::string_view text, SpecValue* value);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_SPEC_H_
