#include "services/optimizer/server/well_formed.h"

#include <cmath>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "common/base/error.h"

namespace sda::optimizer {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxViolations = 100;
constexpr size_t kMaxKeyBytes = 1'000;
// The bounds of google.protobuf.Duration and Timestamp.
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr int64_t kMinTimestamp = -62'135'596'800, kMaxTimestamp = 253'402'300'799;
constexpr int32_t kMaxNanos = 999'999'999;

class Walk {
 public:
  void Visit(const Message& message, const std::string& path) {
    if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
      const bool signs = (duration->seconds() <= 0 || duration->nanos() >= 0) &&
                         (duration->seconds() >= 0 || duration->nanos() <= 0);
      if (std::abs(static_cast<double>(duration->seconds())) > static_cast<double>(kMaxDurationSeconds) ||
          duration->nanos() < -kMaxNanos || duration->nanos() > kMaxNanos || !signs)
        Add(path, "is no valid duration: out of range, or its parts have two signs");
      return;
    }
    if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
      if (time->seconds() < kMinTimestamp || time->seconds() > kMaxTimestamp || time->nanos() < 0 ||
          time->nanos() > kMaxNanos)
        Add(path, "is no valid timestamp: must be within the years 1 to 9999, nanos in [0, 999999999]");
      return;
    }
    if (dynamic_cast<const google::protobuf::Any*>(&message) != nullptr) return;  // opaque
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (violations_.size() >= kMaxViolations) return;
      const std::string name = path.empty() ? field->name() : absl::StrCat(path, ".", field->name());
      if (field->is_map()) {
        VisitMap(message, *field, name);
      } else if (field->is_repeated()) {
        for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i)
          VisitValue(message, *field, i, absl::StrCat(name, "[", i, "]"));
      } else {
        VisitValue(message, *field, -1, name);
      }
    }
  }

  absl::Status ToStatus() const {
    return violations_.empty() ? absl::OkStatus() : InvalidFields(violations_);
  }

 private:
  void Add(const std::string& path, std::string description) {
    violations_.push_back({path, std::move(description)});
  }

  // Keys of all maps here are strings.
  void VisitMap(const Message& message, const FieldDescriptor& field, const std::string& name) {
    const Reflection& reflection = *message.GetReflection();
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const FieldDescriptor& value_field = *field.message_type()->map_value();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      const std::string key = entry.GetReflection()->GetString(entry, &key_field);
      const std::string path = absl::StrCat(name, "[", key.substr(0, 100), "]");
      if (key.size() > kMaxKeyBytes)
        Add(path, absl::StrCat("has a key of ", key.size(), " bytes; must have at most ", kMaxKeyBytes));
      VisitValue(entry, value_field, -1, path);
    }
  }

  // Element `index` of a repeated field, or the field where it is -1.
  void VisitValue(const Message& message, const FieldDescriptor& field, int index, const std::string& path) {
    const Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        const double value = index < 0 ? reflection.GetDouble(message, &field)
                                       : reflection.GetRepeatedDouble(message, &field, index);
        if (!std::isfinite(value)) Add(path, absl::StrCat("is ", value, "; must be a finite number"));
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int value = index < 0 ? reflection.GetEnumValue(message, &field)
                                    : reflection.GetRepeatedEnumValue(message, &field, index);
        if (field.enum_type()->FindValueByNumber(value) == nullptr)
          Add(path, absl::StrCat("is ", value, ", which is no value of ", field.enum_type()->full_name()));
        return;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Visit(index < 0 ? reflection.GetMessage(message, &field)
                        : reflection.GetRepeatedMessage(message, &field, index),
              path);
        return;
      default:
        return;
    }
  }

  std::vector<FieldViolation> violations_;
};

}  // namespace

absl::Status CheckWellFormed(const Message& request) {
  Walk walk;
  walk.Visit(request, "");
  return walk.ToStatus();
}

}  // namespace sda::optimizer
