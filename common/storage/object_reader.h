#ifndef SDA_COMMON_STORAGE_OBJECT_READER_H_
#define SDA_COMMON_STORAGE_OBJECT_READER_H_

#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda {

// Reads one JSON object key by key and remembers which keys it was asked for. Every error names the source
// and the path of the key.
class ObjectReader {
 public:
  using Json = nlohmann::ordered_json;

  ObjectReader(const Json& json, std::string source, std::string path)
      : json_(json), source_(std::move(source)), path_(std::move(path)) {}

  absl::Status Check() const {
    if (json_.is_object()) return absl::OkStatus();
    return Error(path_.empty() ? "document" : path_,
                 absl::StrCat("is ", json_.type_name(), "; must be an object"));
  }

  absl::StatusOr<const Json*> Take(const std::string& key) {
    const auto it = json_.find(key);
    if (it == json_.end()) return Error(PathOf(key), "is missing");
    taken_.insert(key);
    return &*it;
  }

  absl::Status Read(const std::string& key, std::string& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_string()) return WrongType(key, *value, "a string");
    out = value->get<std::string>();
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, bool& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_boolean()) return WrongType(key, *value, "a boolean");
    out = value->get<bool>();
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, double& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_number()) return WrongType(key, *value, "a number");
    out = value->get<double>();
    if (!std::isfinite(out)) return Error(PathOf(key), "is not finite; must be a finite number");
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, std::optional<double>& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    out.reset();
    if (value->is_null()) return absl::OkStatus();
    double number = 0;
    SDA_RETURN_IF_ERROR(Read(key, number));
    out = number;
    return absl::OkStatus();
  }

  // A count: an integer from `least`.
  absl::Status ReadCount(const std::string& key, int64_t least, int64_t& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    const bool too_big = value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX};
    if (!value->is_number_integer() || too_big) return WrongType(key, *value, "a 64-bit integer");
    out = value->get<int64_t>();
    if (out < least) return Error(PathOf(key), absl::StrCat("is ", out, "; must be at least ", least));
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, std::vector<std::string>& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_array()) return WrongType(key, *value, "an array of strings");
    out.clear();
    for (const Json& item : *value) {
      if (!item.is_string()) return WrongType(absl::StrCat(key, "[", out.size(), "]"), item, "a string");
      out.push_back(item.get<std::string>());
    }
    return absl::OkStatus();
  }

  // An object, as compact text.
  absl::Status ReadObjectText(const std::string& key, std::string& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_object()) return WrongType(key, *value, "an object");
    out = value->dump();
    return absl::OkStatus();
  }

  absl::StatusOr<ObjectReader> Child(const std::string& key) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    ObjectReader child(*value, source_, PathOf(key));
    SDA_RETURN_IF_ERROR(child.Check());
    return child;
  }

  absl::StatusOr<std::vector<ObjectReader>> Children(const std::string& key) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_array()) return WrongType(key, *value, "an array of objects");
    std::vector<ObjectReader> children;
    for (const Json& item : *value) {
      children.emplace_back(item, source_, absl::StrCat(PathOf(key), "[", children.size(), "]"));
      SDA_RETURN_IF_ERROR(children.back().Check());
    }
    return children;
  }

  // To be called last: a key nobody asked for is an error.
  absl::Status Finish() const {
    for (const auto& item : json_.items()) {
      if (!taken_.contains(item.key())) return Error(PathOf(item.key()), "is not a known key");
    }
    return absl::OkStatus();
  }

  absl::Status Error(std::string_view path, std::string_view rule) const {
    return Annotate(InvalidField(path, rule), source_);
  }

  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : absl::StrCat(path_, ".", key);
  }

  const Json& json() const { return json_; }

 private:
  absl::Status WrongType(const std::string& key, const Json& value, const char* wanted) const {
    return Error(PathOf(key), absl::StrCat("is ", value.dump().substr(0, 80), "; must be ", wanted));
  }

  const Json& json_;
  std::string source_;
  std::string path_;
  std::set<std::string> taken_;
};

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_OBJECT_READER_H_
