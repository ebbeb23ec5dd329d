#include "services/advisor/server/model_folders.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"

namespace sda::advisor {
namespace {

namespace fs = std::filesystem;

constexpr char kModels[] = "models";
constexpr char kPending[] = ".pending-";  // no resource id begins with a dot

absl::Status FileError(const std::error_code& error, const std::string& what, const fs::path& path) {
  const std::string message = absl::StrCat("cannot ", what, " ", path.string(), ": ", error.message());
  if (error == std::errc::no_space_on_device) {
    return MakeError(absl::StatusCode::kResourceExhausted, message,
                     {.reason = "DISK_FULL", .metadata = {}, .violations = {}});
  }
  return MakeError(absl::StatusCode::kInternal, message,
                   {.reason = "ARTEFACTS_NOT_WRITABLE", .metadata = {}, .violations = {}});
}

// Waits until a file, or the entries of a folder, are on disk.
absl::Status Sync(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FileError({errno, std::generic_category()}, "open", path);
  const int failed = fsync(fd);
  const std::error_code error(errno, std::generic_category());
  close(fd);
  return failed != 0 ? FileError(error, "write", path) : absl::OkStatus();
}

absl::Status SyncTree(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    SDA_RETURN_IF_ERROR(Sync(it->path()));
  }
  if (error) return FileError(error, "read", folder);
  return Sync(folder);
}

absl::Status WriteFile(const fs::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) return FileError({errno, std::generic_category()}, "write", path);
  return absl::OkStatus();
}

absl::Status Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  return error ? FileError(error, "rename to", to) : absl::OkStatus();
}

absl::Status RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? FileError(error, "remove", path) : absl::OkStatus();
}

fs::path WithoutScheme(const std::string& uri) {
  return fs::path(std::string(absl::StripPrefix(uri, "file://")));
}

}  // namespace

ModelFolders::ModelFolders(const std::string& root) {
  root_ = fs::absolute(WithoutScheme(root)).lexically_normal().string();
  while (root_.size() > 1 && root_.back() == '/') root_.pop_back();
}

absl::StatusOr<std::string> ModelFolders::Resolve(const std::string& path_or_uri) const {
  const fs::path given = WithoutScheme(path_or_uri);
  const std::string path =
      (given.is_absolute() ? given : fs::path(root_) / given).lexically_normal().string();
  if (!absl::StartsWith(path, root_ + "/")) {
    return absl::InternalError(
        absl::StrCat("\"", path_or_uri, "\" does not lie below the artefact root ", root_));
  }
  return path;
}

absl::StatusOr<std::string> ModelFolders::Publish(const std::string& id, const std::string& source,
                                                  const std::map<std::string, std::string>& files) {
  SDA_ASSIGN_OR_RETURN(const std::string from, Resolve(source));
  std::error_code error;
  if (!fs::is_directory(from, error)) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat("the model's folder ", from, " does not exist"),
                     {.reason = "MODEL_FILES_NOT_FOUND", .metadata = {{"path", from}}, .violations = {}});
  }
  const fs::path models = fs::path(root_) / kModels;
  const fs::path pending = models / absl::StrCat(kPending, id);
  const fs::path published = models / id;
  SDA_RETURN_IF_ERROR(RemoveTree(pending));
  fs::create_directories(pending, error);
  if (error) return FileError(error, "create", pending);
  fs::copy(from, pending, fs::copy_options::recursive, error);
  if (error) return FileError(error, "copy to", pending);
  for (const auto& [name, content] : files) SDA_RETURN_IF_ERROR(WriteFile(pending / name, content));
  SDA_RETURN_IF_ERROR(SyncTree(pending));
  SDA_RETURN_IF_ERROR(Remove(id));
  SDA_RETURN_IF_ERROR(Rename(pending, published));
  SDA_RETURN_IF_ERROR(Sync(models));
  return ResourceName(kModels, id);
}

absl::Status ModelFolders::Remove(const std::string& id) {
  const fs::path published = fs::path(root_) / kModels / id;
  const fs::path leaving = fs::path(root_) / kModels / absl::StrCat(kPending, "removed-", id);
  std::error_code error;
  if (!fs::exists(published, error)) return absl::OkStatus();
  SDA_RETURN_IF_ERROR(RemoveTree(leaving));
  SDA_RETURN_IF_ERROR(Rename(published, leaving));
  return RemoveTree(leaving);
}

absl::Status ModelFolders::RemoveLeftovers() {
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator it(fs::path(root_) / kModels, error), end; !error && it != end;
       it.increment(error)) {
    if (absl::StartsWith(it->path().filename().string(), kPending)) leftovers.push_back(it->path());
  }
  for (const fs::path& leftover : leftovers) SDA_RETURN_IF_ERROR(RemoveTree(leftover));
  return absl::OkStatus();
}

}  // namespace sda::advisor
