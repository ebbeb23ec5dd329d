#include "clients/cli/remote/proto_document.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include "sda/optimizer/v1/experiment.pb.h"

namespace sda::cli {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// "STATE_SUCCEEDED" of the enum "State" is "SUCCEEDED".
std::string EnumName(const EnumValueDescriptor& value) {
  std::string prefix;
  for (const char c : value.type()->name()) {
    if (c >= 'A' && c <= 'Z' && !prefix.empty()) prefix += '_';
    prefix += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  prefix += '_';
  const std::string& name = value.name();
  return name.compare(0, prefix.size(), prefix) == 0 ? name.substr(prefix.size()) : name;
}

Document AnyDocument(const google::protobuf::Any& any) {
  Document document;
  document["@type"] = any.type_url();
  const std::string type = any.type_url().substr(any.type_url().rfind('/') + 1);
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return document;
  const std::unique_ptr<Message> content(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (content->ParseFromString(any.value())) document.update(ToDocument(*content));
  return document;
}

Document ValueDocument(const optimizer::v1::ParameterValue& value) {
  switch (value.value_case()) {
    case optimizer::v1::ParameterValue::kDoubleValue:
      return value.double_value();
    case optimizer::v1::ParameterValue::kIntValue:
      return value.int_value();
    case optimizer::v1::ParameterValue::kStringValue:
      return value.string_value();
    default:
      return nullptr;
  }
}

// Messages with a form of their own; false for all others.
bool WellKnown(const Message& message, Document& document) {
  using google::protobuf::util::TimeUtil;
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    document = TimeUtil::ToString(*time);
  } else if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
    document = static_cast<double>(duration->seconds()) + duration->nanos() * 1e-9;
  } else if (const auto* any = dynamic_cast<const google::protobuf::Any*>(&message)) {
    document = AnyDocument(*any);
  } else if (const auto* value = dynamic_cast<const optimizer::v1::ParameterValue*>(&message)) {
    document = ValueDocument(*value);
  } else if (const auto* metric = dynamic_cast<const optimizer::v1::MetricValue*>(&message)) {
    document = metric->value();
  } else {
    return false;
  }
  return true;
}

// One value of a field: element `index` of a repeated one, the value itself with index -1.
Document FieldValue(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool repeated = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return repeated ? reflection.GetRepeatedInt32(message, &field, index)
                      : reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return repeated ? reflection.GetRepeatedInt64(message, &field, index)
                      : reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? reflection.GetRepeatedUInt32(message, &field, index)
                      : reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? reflection.GetRepeatedUInt64(message, &field, index)
                      : reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? reflection.GetRepeatedDouble(message, &field, index)
                      : reflection.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? reflection.GetRepeatedFloat(message, &field, index)
                      : reflection.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return repeated ? reflection.GetRepeatedBool(message, &field, index)
                      : reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumName(repeated ? *reflection.GetRepeatedEnum(message, &field, index)
                               : *reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection.GetRepeatedString(message, &field, index)
                      : reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToDocument(repeated ? reflection.GetRepeatedMessage(message, &field, index)
                                 : reflection.GetMessage(message, &field));
  }
  return nullptr;
}

std::string KeyText(const Document& key) {
  return key.is_string() ? key.get<std::string>() : key.dump();
}

// Entries by key, since maps have no order of their own.
Document MapDocument(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<std::pair<std::string, Document>> entries;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const auto* type = entry.GetDescriptor();
    entries.emplace_back(KeyText(FieldValue(entry, *type->map_key(), -1)),
                         FieldValue(entry, *type->map_value(), -1));
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Document object = Document::object();
  for (auto& [key, value] : entries) object[key] = std::move(value);
  return object;
}

}  // namespace

Document ToDocument(const Message& message) {
  Document document = Document::object();
  if (WellKnown(message, document)) return document;
  const Reflection& reflection = *message.GetReflection();
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor->field(i);
    if (field.is_map()) {
      document[field.name()] = MapDocument(message, field);
    } else if (field.is_repeated()) {
      Document& list = document[field.name()] = Document::array();
      for (int k = 0; k < reflection.FieldSize(message, &field); ++k)
        list.push_back(FieldValue(message, field, k));
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      document[field.name()] = FieldValue(message, field, -1);
    }
  }
  return document;
}

}  // namespace sda::cli
