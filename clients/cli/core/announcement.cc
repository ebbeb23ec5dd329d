#include "clients/cli/core/announcement.h"

#include <absl/strings/str_cat.h>

#include "clients/cli/core/document.h"
#include "common/base/strings.h"

namespace sda::cli {

std::string Announcement::AddressOf(std::string_view service) const {
  for (const Child& child : children) {
    if (child.service == service) return child.address;
  }
  return "";
}

std::string AnnouncementToJson(const Announcement& announcement) {
  Document document;
  document["owner"] = announcement.owner;
  document["pid"] = announcement.pid;
  document["artefacts"] = announcement.artefacts;
  document["services"] = Document::object();
  document["children"] = Document::object();
  for (const Announcement::Child& child : announcement.children) {
    if (!document["services"].contains(child.service)) {
      document["services"][child.service]["address"] = child.address;
      document["services"][child.service]["pid"] = child.pid;
    }
    Document& entry = document["children"][child.name];
    entry["service"] = child.service;
    entry["address"] = child.address;
    entry["pid"] = child.pid;
  }
  return ToJson(document);
}

absl::StatusOr<Announcement> AnnouncementFromJson(std::string_view json, const std::string& source) {
  // nlohmann::json reports both syntax and missing keys by exceptions; none may leave this file.
  try {
    const Document document = Document::parse(json);
    Announcement announcement;
    announcement.owner = document.at("owner").get<std::string>();
    announcement.pid = document.at("pid").get<int64_t>();
    announcement.artefacts = document.at("artefacts").get<std::string>();
    for (const auto& item : document.at("children").items()) {
      Announcement::Child child;
      child.name = item.key();
      child.service = item.value().at("service").get<std::string>();
      child.address = item.value().at("address").get<std::string>();
      child.pid = item.value().at("pid").get<int64_t>();
      announcement.children.push_back(std::move(child));
    }
    return announcement;
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": is not the announcement of a suite: ", error.what()));
  }
}

}  // namespace sda::cli
