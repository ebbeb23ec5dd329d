#include "clients/cli/core/client_settings.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <absl/strings/str_cat.h>
#include <yaml-cpp/yaml.h>

#include "common/base/utf8.h"

namespace sda::cli {
namespace {

constexpr std::array kKeys = {"advisor", "optimizer", "preprocessing", "trainer",   "state",
                              "ca",      "cert",      "key",           "token-file"};

bool IsPath(const std::string& key) {
  return key == "state" || key == "ca" || key == "cert" || key == "key" || key == "token-file";
}

std::string VariableOf(const std::string& key) {
  std::string name = "SDA_" + key;
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string AllKeys() {
  std::string keys;
  for (const char* key : kKeys) absl::StrAppend(&keys, keys.empty() ? "" : ", ", key);
  return keys;
}

absl::Status BadEntry(const std::string& source, const YAML::Mark& mark, const std::string& key,
                      const std::string& rule) {
  const std::string at =
      mark.is_null() ? source : absl::StrCat(source, ":", mark.line + 1, ":", mark.column + 1);
  return absl::InvalidArgumentError(absl::StrCat(at, ": ", key, ": ", rule));
}

absl::StatusOr<ClientSettings> ReadEntries(const std::string& source, const std::string& folder,
                                           const YAML::Node& root) {
  ClientSettings settings;
  if (root.IsNull()) return settings;
  if (!root.IsMap()) return BadEntry(source, root.Mark(), "file", "must be a mapping of settings");
  for (const auto& entry : root) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    std::optional<std::string>* field = FindSetting(settings, key);
    if (field == nullptr) {
      return BadEntry(source, entry.first.Mark(), key,
                      absl::StrCat("is not a setting; allowed are ", AllKeys()));
    }
    if (!entry.second.IsScalar() || entry.second.Scalar().empty()) {
      return BadEntry(source, entry.second.Mark(), key, "must be a text");
    }
    std::string value = entry.second.Scalar();
    if (IsPath(key) && value.front() != '/') value = absl::StrCat(folder, "/", value);
    *field = std::move(value);
  }
  return settings;
}

}  // namespace

std::optional<std::string>* FindSetting(ClientSettings& settings, const std::string& key) {
  if (key == "advisor") return &settings.advisor;
  if (key == "optimizer") return &settings.optimizer;
  if (key == "preprocessing") return &settings.preprocessing;
  if (key == "trainer") return &settings.trainer;
  if (key == "state") return &settings.state;
  if (key == "ca") return &settings.ca;
  if (key == "cert") return &settings.cert;
  if (key == "key") return &settings.key;
  if (key == "token-file") return &settings.token_file;
  return nullptr;
}

absl::StatusOr<ClientSettings> ParseClientFile(const std::string& source, const std::string& folder,
                                               const std::string& yaml) {
  // yaml-cpp reports syntax errors by exceptions; none may leave this file.
  try {
    return ReadEntries(source, folder, YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    return BadEntry(source, error.mark, "file", absl::StrCat("is not YAML: ", ToValidUtf8(error.msg)));
  }
}

ClientSettings MergeSettings(ClientSettings settings,
                             const std::function<std::optional<std::string>(const std::string&)>& environment,
                             ClientSettings file) {
  for (const std::string key : kKeys) {
    std::optional<std::string>& field = *FindSetting(settings, key);
    if (!field) field = environment(VariableOf(key));
    if (!field) field = *FindSetting(file, key);
  }
  return settings;
}

}  // namespace sda::cli
