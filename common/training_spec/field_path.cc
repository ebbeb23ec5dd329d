#include "common/training_spec/field_path.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"

namespace sda::training_spec {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using sda::trainer::v1::TrainingSpec;

// The message that holds a field, and the field.
struct Place {
  std::vector<const FieldDescriptor*> sections;  // from the spec down
  const FieldDescriptor* field = nullptr;
};

int EditDistance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

absl::Status UnknownField(std::string_view path) {
  const auto& known = AllFieldPaths();
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return EditDistance(path, a) < EditDistance(path, b);
  });
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("\"", ToAbsl(path), "\" is not a field of a training spec; did you mean \"",
                                *nearest, "\"?"),
                   {.reason = "UNKNOWN_FIELD", .metadata = {{"field", std::string(path)}}, .violations = {}});
}

absl::StatusOr<Place> Find(std::string_view path) {
  Place place;
  const Descriptor* message = TrainingSpec::descriptor();
  for (absl::string_view part : absl::StrSplit(ToAbsl(path), '.')) {
    if (message == nullptr) return UnknownField(path);
    const FieldDescriptor* field = message->FindFieldByName(std::string(part));
    if (field == nullptr) return UnknownField(path);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      place.sections.push_back(field);
      message = field->message_type();
    } else {
      place.field = field;
      message = nullptr;
    }
  }
  if (place.field == nullptr) return UnknownField(path);
  return place;
}

FieldType TypeOf(const FieldDescriptor& field) {
  if (field.is_repeated()) return FieldType::kIntList;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return FieldType::kDouble;
    case FieldDescriptor::CPPTYPE_BOOL:
      return FieldType::kBool;
    case FieldDescriptor::CPPTYPE_ENUM:
      return FieldType::kEnum;
    case FieldDescriptor::CPPTYPE_STRING:
      return FieldType::kString;
    default:
      return FieldType::kInt;
  }
}

// "ALGORITHM_ROWWISE_ADAGRAD" of enum Algorithm is spelled "rowwise_adagrad": the zero value's name without
// "UNSPECIFIED" is the prefix.
std::string Spelling(const EnumValueDescriptor& value) {
  absl::string_view name = value.name();
  absl::string_view prefix = value.type()->value(0)->name();
  absl::ConsumeSuffix(&prefix, "UNSPECIFIED");
  absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

const EnumValueDescriptor* FindEnumValue(const EnumDescriptor& type, std::string_view spelling) {
  for (int i = 1; i < type.value_count(); ++i) {
    if (Spelling(*type.value(i)) == spelling) return type.value(i);
  }
  return nullptr;
}

void AppendPaths(const Descriptor& message, const std::string& prefix, std::vector<std::string>& out) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const std::string path = absl::StrCat(prefix, field.name());
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AppendPaths(*field.message_type(), path + ".", out);
    } else if (!prefix.empty()) {
      out.push_back(path);
    }
  }
}

absl::Status WrongType(std::string_view path, const FieldValue& value, std::string_view wanted) {
  return InvalidField(path, absl::StrCat("is ", FormatValue(value), "; must be ", ToAbsl(wanted)));
}

std::optional<double> AsDouble(const FieldValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::nullopt;
}

std::optional<int64_t> AsInt(const FieldValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* number = std::get_if<double>(&value);
      number != nullptr && std::abs(*number) <= 0x1p53 && *number == std::floor(*number)) {
    return static_cast<int64_t>(*number);
  }
  return std::nullopt;
}

absl::Status SetInt(Message& message, const FieldDescriptor& field, std::string_view path,
                    const FieldValue& value) {
  const auto integer = AsInt(value);
  if (!integer) return WrongType(path, value, "a whole number");
  const auto* reflection = message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    reflection->SetInt64(&message, &field, *integer);
    return absl::OkStatus();
  }
  if (*integer < std::numeric_limits<int32_t>::min() || *integer > std::numeric_limits<int32_t>::max()) {
    return WrongType(path, value, "a number of at most 32 bits");
  }
  reflection->SetInt32(&message, &field, static_cast<int32_t>(*integer));
  return absl::OkStatus();
}

absl::Status SetList(Message& message, const FieldDescriptor& field, std::string_view path,
                     const FieldValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  const auto items =
      text ? ParseIntList(*text) : absl::StatusOr<std::vector<int64_t>>(absl::InvalidArgumentError(""));
  const bool fits =
      items.ok() && std::all_of(items->begin(), items->end(), [](int64_t item) {
        return item >= std::numeric_limits<int32_t>::min() && item <= std::numeric_limits<int32_t>::max();
      });
  if (!fits) return WrongType(path, value, "a list of whole numbers such as \"[512, 256]\"");
  const auto* reflection = message.GetReflection();
  reflection->ClearField(&message, &field);
  for (int64_t item : *items) reflection->AddInt32(&message, &field, static_cast<int32_t>(item));
  return absl::OkStatus();
}

absl::Status SetText(Message& message, const FieldDescriptor& field, std::string_view path,
                     const FieldValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (TypeOf(field) == FieldType::kString) {
    if (text == nullptr) return WrongType(path, value, "text");
    message.GetReflection()->SetString(&message, &field, *text);
    return absl::OkStatus();
  }
  const EnumValueDescriptor* found = text ? FindEnumValue(*field.enum_type(), *text) : nullptr;
  if (found == nullptr) {
    return WrongType(path, value, absl::StrCat("one of ", absl::StrJoin(EnumValues(path), ", ")));
  }
  message.GetReflection()->SetEnum(&message, &field, found);
  return absl::OkStatus();
}

// The message that holds the field; sections that are not there read as their defaults.
const Message& Holder(const TrainingSpec& spec, const Place& place) {
  const Message* message = &spec;
  for (const FieldDescriptor* section : place.sections) {
    message = &message->GetReflection()->GetMessage(*message, section);
  }
  return *message;
}

}  // namespace

absl::StatusOr<FieldType> TypeOfField(std::string_view path) {
  SDA_ASSIGN_OR_RETURN(const Place place, Find(path));
  return TypeOf(*place.field);
}

std::vector<std::string> EnumValues(std::string_view path) {
  std::vector<std::string> spellings;
  const auto place = Find(path);
  if (!place.ok() || TypeOf(*place->field) != FieldType::kEnum) return spellings;
  const EnumDescriptor& type = *place->field->enum_type();
  for (int i = 1; i < type.value_count(); ++i) spellings.push_back(Spelling(*type.value(i)));
  return spellings;
}

const std::vector<std::string>& AllFieldPaths() {
  static const auto* const paths = [] {
    auto* all = new std::vector<std::string>;
    AppendPaths(*TrainingSpec::descriptor(), "", *all);
    return all;
  }();
  return *paths;
}

absl::Status SetField(TrainingSpec& spec, std::string_view path, const FieldValue& value) {
  SDA_ASSIGN_OR_RETURN(const Place place, Find(path));
  Message* message = &spec;
  for (const FieldDescriptor* section : place.sections) {
    message = message->GetReflection()->MutableMessage(message, section);
  }
  const FieldDescriptor& field = *place.field;
  switch (TypeOf(field)) {
    case FieldType::kDouble: {
      const auto number = AsDouble(value);
      if (!number) return WrongType(path, value, "a number");
      message->GetReflection()->SetDouble(message, &field, *number);
      return absl::OkStatus();
    }
    case FieldType::kBool: {
      const auto* flag = std::get_if<bool>(&value);
      const auto* text = std::get_if<std::string>(&value);  // a category can only be text
      if (flag == nullptr && (text == nullptr || (*text != "true" && *text != "false"))) {
        return WrongType(path, value, "true or false");
      }
      message->GetReflection()->SetBool(message, &field, flag ? *flag : *text == "true");
      return absl::OkStatus();
    }
    case FieldType::kInt:
      return SetInt(*message, field, path, value);
    case FieldType::kIntList:
      return SetList(*message, field, path, value);
    case FieldType::kEnum:
    case FieldType::kString:
      return SetText(*message, field, path, value);
  }
  return UnknownField(path);
}

absl::StatusOr<FieldValue> GetField(const TrainingSpec& spec, std::string_view path) {
  SDA_ASSIGN_OR_RETURN(const Place place, Find(path));
  const Message& message = Holder(spec, place);
  const auto* reflection = message.GetReflection();
  const FieldDescriptor& field = *place.field;
  switch (TypeOf(field)) {
    case FieldType::kDouble:
      return reflection->GetDouble(message, &field);
    case FieldType::kBool:
      return reflection->GetBool(message, &field);
    case FieldType::kInt:
      return field.cpp_type() == FieldDescriptor::CPPTYPE_INT64
                 ? reflection->GetInt64(message, &field)
                 : static_cast<int64_t>(reflection->GetInt32(message, &field));
    case FieldType::kEnum:
      return Spelling(*reflection->GetEnum(message, &field));
    case FieldType::kString:
      return reflection->GetString(message, &field);
    case FieldType::kIntList: {
      std::vector<int64_t> items;
      for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
        items.push_back(reflection->GetRepeatedInt32(message, &field, i));
      }
      return FormatIntList(items);
    }
  }
  return UnknownField(path);
}

bool HasField(const TrainingSpec& spec, std::string_view path) {
  const auto place = Find(path);
  if (!place.ok()) return false;
  const Message& message = Holder(spec, *place);
  if (place->field->is_repeated()) return message.GetReflection()->FieldSize(message, place->field) > 0;
  if (place->field->has_presence()) return message.GetReflection()->HasField(message, place->field);
  return true;
}

std::string FormatIntList(const std::vector<int64_t>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

absl::StatusOr<std::vector<int64_t>> ParseIntList(std::string_view text) {
  absl::string_view rest = absl::StripAsciiWhitespace(ToAbsl(text));
  absl::Status bad =
      absl::InvalidArgumentError(absl::StrCat("\"", ToAbsl(text), "\" is not a list such as \"[512, 256]\""));
  if (!absl::ConsumePrefix(&rest, "[") || !absl::ConsumeSuffix(&rest, "]")) return bad;
  std::vector<int64_t> values;
  if (absl::StripAsciiWhitespace(rest).empty()) return values;
  for (absl::string_view item : absl::StrSplit(rest, ',')) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(item, &value)) return bad;
    values.push_back(value);
  }
  return values;
}

std::string FormatValue(const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<int64_t>(&value)) return absl::StrCat(*integer);
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), std::get<double>(value)).ptr;
  return std::string(buffer, end);
}

}  // namespace sda::training_spec
