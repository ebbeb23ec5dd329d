#include "tests/fuzz/hostile_fields.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <google/protobuf/descriptor.h>

namespace sda::fuzz {

const char kMarker[] = "longer-than-any-field-may-be";

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kMaxDepth = 7;
constexpr int kMany = 1'001;
constexpr size_t kLong = 20'001;

class Walker {
 public:
  using Locate = std::function<Message*(Message*)>;

  std::vector<Mutation> Take() && { return std::move(mutations_); }

  void Visit(const google::protobuf::Descriptor& descriptor, const Locate& locate, const std::string& path,
             int depth) {
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const FieldDescriptor* field = descriptor.field(i);
      const std::string name = path.empty() ? field->name() : absl::StrCat(path, ".", field->name());
      if (field->is_repeated()) Lists(field, locate, name);
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        Scalars(field, locate, name);
        continue;
      }
      if (depth >= kMaxDepth) continue;
      const Locate inner = [locate, field](Message* root) { return Element(locate(root), field); };
      if (field->is_map()) {
        MapValues(field, locate, name, depth);
      } else {
        Visit(*field->message_type(), inner, field->is_repeated() ? name + "[0]" : name, depth + 1);
      }
    }
  }

 private:
  // The field's message; of a list the first, made where there is none.
  static Message* Element(Message* message, const FieldDescriptor* field) {
    const auto& reflection = *message->GetReflection();
    if (!field->is_repeated()) return reflection.MutableMessage(message, field);
    if (reflection.FieldSize(*message, field) == 0) return reflection.AddMessage(message, field);
    return reflection.MutableRepeatedMessage(message, field, 0);
  }

  void Emit(Mutation mutation, const Locate& locate, const std::function<void(Message*)>& spoil) {
    mutation.apply = [locate, spoil](Message& message) { spoil(locate(&message)); };
    mutations_.push_back(std::move(mutation));
  }

  void MapValues(const FieldDescriptor* field, const Locate& locate, const std::string& name, int depth) {
    const FieldDescriptor* value = field->message_type()->map_value();
    // One new entry, so that its key is known.
    const Locate inner = [locate, field](Message* root) {
      Message* message = locate(root);
      Message* entry = message->GetReflection()->AddMessage(message, field);
      entry->GetReflection()->SetString(entry, field->message_type()->map_key(), "new");
      return entry;
    };
    if (value->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Locate in_value = [inner, value](Message* root) {
        Message* entry = inner(root);
        return entry->GetReflection()->MutableMessage(entry, value);
      };
      Visit(*value->message_type(), in_value, name + "[new]", depth + 1);
    } else {
      Scalars(value, inner, name + "[new]");
    }
    Emit({.path = name, .kind = "long key"}, locate, [=](Message* message) {
      Message* entry = message->GetReflection()->AddMessage(message, field);
      entry->GetReflection()->SetString(entry, field->message_type()->map_key(), Long());
    });
  }

  void Lists(const FieldDescriptor* field, const Locate& locate, const std::string& name) {
    Emit({.path = name, .kind = "very many entries"}, locate, [=](Message* message) {
      for (int i = 0; i < kMany; ++i) AddOne(message, field, i);
    });
    if (field->is_map()) return;
    Emit({.path = name, .kind = "the same entry twice"}, locate, [=](Message* message) {
      const auto& reflection = *message->GetReflection();
      if (reflection.FieldSize(*message, field) == 0) AddOne(message, field, 0);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const std::unique_ptr<Message> first(reflection.GetRepeatedMessage(*message, field, 0).New());
        first->CopyFrom(reflection.GetRepeatedMessage(*message, field, 0));
        reflection.AddMessage(message, field)->CopyFrom(*first);
      } else {
        AddOne(message, field, 0);
      }
    });
  }

  static void AddOne(Message* message, const FieldDescriptor* field, int i) {
    const auto& reflection = *message->GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE: {
        Message* entry = reflection.AddMessage(message, field);
        if (field->is_map())
          entry->GetReflection()->SetString(entry, field->message_type()->map_key(), absl::StrCat("k", i));
        return;
      }
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection.AddDouble(message, field, i);
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.AddEnumValue(message, field, 1);
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.AddString(message, field, absl::StrCat("v", i));
      default:
        return;
    }
  }

  static std::string Long() {
    std::string text = kMarker;
    text.resize(kLong, 'x');
    return text;
  }

  void Scalars(const FieldDescriptor* field, const Locate& locate, const std::string& name) {
    const std::string path = field->is_repeated() ? name + "[0]" : name;
    const auto set = [&](const char* kind, bool always_bad, const auto& value, auto setter, auto adder) {
      Emit({.path = path, .kind = kind, .always_bad = always_bad}, locate, [=](Message* message) {
        const auto& reflection = *message->GetReflection();
        if (!field->is_repeated()) return (reflection.*setter)(message, field, value);
        reflection.ClearField(message, field);
        (reflection.*adder)(message, field, value);
      });
    };
    using google::protobuf::Reflection;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_DOUBLE:
        for (const double value : {std::nan(""), std::numeric_limits<double>::infinity(),
                                   -std::numeric_limits<double>::infinity()})
          set("not finite", true, value, &Reflection::SetDouble, &Reflection::AddDouble);
        for (const double value : {-1.0, 0.0, -0.0, 1e308, -1e308, 5e-324})
          set("extreme number", false, value, &Reflection::SetDouble, &Reflection::AddDouble);
        return;
      case FieldDescriptor::CPPTYPE_INT32:
        for (const int32_t value : {-1, 0, INT32_MIN, INT32_MAX})
          set("extreme integer", false, value, &Reflection::SetInt32, &Reflection::AddInt32);
        return;
      case FieldDescriptor::CPPTYPE_INT64:
        for (const int64_t value : {int64_t{-1}, int64_t{0}, INT64_MIN, INT64_MAX})
          set("extreme integer", false, value, &Reflection::SetInt64, &Reflection::AddInt64);
        return;
      case FieldDescriptor::CPPTYPE_ENUM:
        set("unknown enum", true, 99, &Reflection::SetEnumValue, &Reflection::AddEnumValue);
        set("negative enum", true, -7, &Reflection::SetEnumValue, &Reflection::AddEnumValue);
        set("enum zero", false, 0, &Reflection::SetEnumValue, &Reflection::AddEnumValue);
        return;
      case FieldDescriptor::CPPTYPE_STRING:
        for (const std::string& value :
             {std::string(), Long(), std::string("\0\n\x7f", 3), std::string("experiments/none"),
              std::string("experiments/none/trials/1"), std::string("18446744073709551616"),
              std::string("\xf0\x9f\x92\xa9")})
          set("strange text", false, value, &Reflection::SetString, &Reflection::AddString);
        return;
      default:
        return;
    }
  }

  std::vector<Mutation> mutations_;
};

}  // namespace

std::vector<Mutation> Mutations(const google::protobuf::Descriptor& descriptor) {
  Walker walker;
  walker.Visit(
      descriptor, [](Message* root) { return root; }, "", 0);
  return std::move(walker).Take();
}

}  // namespace sda::fuzz
