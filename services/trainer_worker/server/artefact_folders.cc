#include "services/trainer_worker/server/artefact_folders.h"

#include <filesystem>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "services/trainer_worker/core/training/buffer_file.h"

namespace sda::trainer {
namespace {

namespace fs = std::filesystem;

std::string WithoutScheme(std::string_view uri) {
  absl::string_view path = ToAbsl(uri);
  absl::ConsumePrefix(&path, "file://");
  return std::string(path);
}

}  // namespace

ArtefactFolders::ArtefactFolders(std::string_view root)
    : root_(fs::absolute(WithoutScheme(root)).lexically_normal()) {
  while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
}

absl::StatusOr<std::string> ArtefactFolders::Resolve(std::string_view field,
                                                     std::string_view path_or_uri) const {
  const std::string text = WithoutScheme(path_or_uri);
  if (text.empty()) return InvalidField(field, "is empty; must name something below the artefact root");
  const fs::path given(text);
  std::string path = (given.is_absolute() ? given : fs::path(root_) / given).lexically_normal();
  if (!absl::StartsWith(path, root_ + "/")) {
    return InvalidField(
        field, absl::StrCat("is \"", ToAbsl(path_or_uri), "\"; must lie below the artefact root ", root_));
  }
  return path;
}

std::string ArtefactFolders::Relative(const std::string& path) const {
  absl::string_view relative = path;
  absl::ConsumePrefix(&relative, root_ + "/");
  return std::string(relative);
}

absl::StatusOr<LocalDataset> OpenDataset(const ArtefactFolders& folders, std::string_view field,
                                         std::string_view uri, std::string_view sha256) {
  SDA_ASSIGN_OR_RETURN(const std::string path, folders.Resolve(field, uri));
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  if (!sha256.empty() && Sha256Hex(text) != sha256) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(path, ": is not the manifest the trial was made for (SHA-256 ",
                                  Sha256Hex(text), ", wanted ", ToAbsl(sha256), ")"),
                     {.reason = "MANIFEST_CHANGED", .metadata = {{"manifest", path}}, .violations = {}});
  }
  LocalDataset dataset;
  SDA_ASSIGN_OR_RETURN(dataset.manifest, ManifestFromJson(text, path));
  dataset.folder = fs::path(path).parent_path();
  return dataset;
}

}  // namespace sda::trainer
