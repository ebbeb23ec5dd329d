#include "services/preprocessing/server/resource_names.h"

#include <algorithm>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/server/limits.h"

namespace sda::preprocessing {
namespace {

constexpr size_t kUlidBytes = 26;

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsDatasetId(std::string_view id) {
  return IsId(id) && IsLower(id.front());
}

std::string Rule(std::string_view value, std::string_view format) {
  return absl::StrCat("is ", error::Quoted(value), "; must be ", ToAbsl(format));
}

}  // namespace

absl::Status CheckDatasetId(std::string_view field, std::string_view id) {
  if (IsDatasetId(id)) return absl::OkStatus();
  return InvalidField(field, Rule(id, "1 to 63 characters of [a-z0-9-], starting with a letter"));
}

absl::StatusOr<std::string> ParseDatasetName(std::string_view field, std::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(name), '/');
  if (parts.size() == 2 && parts[0] == "datasets" && IsDatasetId(parts[1])) return parts[1];
  return InvalidField(field, Rule(name, "datasets/{dataset}"));
}

absl::StatusOr<JobName> ParseJobName(std::string_view field, std::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(name), '/');
  if (parts.size() == 4 && parts[0] == "datasets" && IsDatasetId(parts[1]) && parts[2] == "jobs" &&
      IsId(parts[3])) {
    return JobName{parts[1], parts[3]};
  }
  return InvalidField(field, Rule(name, "datasets/{dataset}/jobs/{job}"));
}

std::string DatasetName(std::string_view dataset) {
  return absl::StrCat("datasets/", ToAbsl(dataset));
}

std::string JobNameOf(std::string_view dataset, std::string_view job) {
  return absl::StrCat("datasets/", ToAbsl(dataset), "/jobs/", ToAbsl(job));
}

std::string NewDatasetId(std::string_view data_uri, absl::Time now) {
  std::string_view stem = data_uri;
  while (!stem.empty() && stem.back() == '/') stem.remove_suffix(1);
  stem = stem.substr(stem.rfind('/') + 1);
  stem = stem.substr(0, stem.find('.'));
  std::string id;
  for (const char c : stem.substr(0, kMaxIdBytes - kUlidBytes - 1)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (IsLower(lower) || IsDigit(lower)) {
      id.push_back(lower);
    } else if (!id.empty() && id.back() != '-') {
      id.push_back('-');
    }
  }
  while (!id.empty() && (IsDigit(id.front()) || id.front() == '-')) id.erase(id.begin());
  while (!id.empty() && id.back() == '-') id.pop_back();
  return absl::StrCat(id.empty() ? "dataset" : id, "-", NewUlid(now));
}

std::string ManifestPath(std::string_view dataset) {
  return absl::StrCat("datasets/", ToAbsl(dataset), "/manifest.json");
}

std::string JobsFolder(std::string_view dataset) {
  return absl::StrCat("datasets/", ToAbsl(dataset), "/jobs");
}

std::string JobPath(std::string_view dataset, std::string_view job) {
  return absl::StrCat(JobsFolder(dataset), "/", ToAbsl(job), ".json");
}

}  // namespace sda::preprocessing
