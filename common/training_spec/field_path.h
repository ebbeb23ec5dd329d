#ifndef SDA_COMMON_TRAINING_SPEC_FIELD_PATH_H_
#define SDA_COMMON_TRAINING_SPEC_FIELD_PATH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "sda/trainer/v1/training_spec.pb.h"

// Fields of a TrainingSpec by their paths ("optimizer.dense.learning_rate"), as recipes and parameters name
// them. The paths come from the message's own descriptor, so a new field is known here at once.
namespace sda::training_spec {

// A number, a flag, or text: an enum value in lower snake case without its prefix ("rowwise_adagrad"), or a
// list of integers ("[512, 256]", "[]" for none).
using FieldValue = std::variant<double, int64_t, bool, std::string>;

enum class FieldType { kDouble, kInt, kBool, kEnum, kIntList, kString };

// What kind of value a path takes. NOT_FOUND names the path and the nearest known one, also for a path that
// names a section and not a field.
absl::StatusOr<FieldType> TypeOfField(std::string_view path);

// The spellings an enum field accepts, in the order of the proto, without "unspecified". Empty for other
// fields.
std::vector<std::string> EnumValues(std::string_view path);

// Every path of a TrainingSpec below the sections model, training and optimizer, in the order of the proto.
const std::vector<std::string>& AllFieldPaths();

// Writes one field. Integers are accepted where numbers are asked for and whole numbers where integers are.
// NOT_FOUND for an unknown path; INVALID_ARGUMENT for a value of the wrong type or an unknown enum spelling.
// Ranges are not checked here (rules.h).
absl::Status SetField(sda::trainer::v1::TrainingSpec& spec, std::string_view path, const FieldValue& value);

// Reads one field; of an optional field that is not set, the type's zero. NOT_FOUND for an unknown path.
absl::StatusOr<FieldValue> GetField(const sda::trainer::v1::TrainingSpec& spec, std::string_view path);

// False for an optional field that is not set and for an empty list; true for every other known field.
bool HasField(const sda::trainer::v1::TrainingSpec& spec, std::string_view path);

// "[512, 256]" for {512, 256}.
std::string FormatIntList(const std::vector<int64_t>& values);

// The inverse; blanks are free. INVALID_ARGUMENT for anything else.
absl::StatusOr<std::vector<int64_t>> ParseIntList(std::string_view text);

// The value as recipes spell it, numbers in the shortest form that reads back the same.
std::string FormatValue(const FieldValue& value);

}  // namespace sda::training_spec

#endif  // SDA_COMMON_TRAINING_SPEC_FIELD_PATH_H_
