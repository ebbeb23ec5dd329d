#include "services/advisor/core/resource_id.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/base/strings.h"

namespace sda::advisor {

bool IsResourceId(std::string_view id) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !id.empty() && id.size() <= 63 && id[0] >= 'a' && id[0] <= 'z' &&
         std::all_of(id.begin(), id.end(), allowed);
}

bool IsResourceName(std::string_view name, std::string_view collection) {
  return name.size() > collection.size() + 1 && name.substr(0, collection.size()) == collection &&
         name[collection.size()] == '/' && IsResourceId(name.substr(collection.size() + 1));
}

std::string ResourceName(std::string_view collection, std::string_view id) {
  return absl::StrCat(ToAbsl(collection), "/", ToAbsl(id));
}

std::string ResourceId(std::string_view name) {
  return std::string(name.substr(name.find('/') + 1));
}

}  // namespace sda::advisor
