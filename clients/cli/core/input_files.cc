#include "clients/cli/core/input_files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

namespace fs = std::filesystem;

absl::Status BadFile(std::string_view option, const std::string& path, const std::string& what) {
  return InvalidField(option, absl::StrCat("'", path, "' ", what));
}

std::string SystemMessage(int error) {
  return std::error_code(error, std::generic_category()).message();
}

absl::Status CheckFile(std::string_view option, const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return BadFile(
        option, path,
        errno == ENOENT ? "does not exist" : absl::StrCat("cannot be read: ", SystemMessage(errno)));
  }
  if (!S_ISREG(info.st_mode)) return BadFile(option, path, "is not a file, a folder or a glob");
  if (access(path.c_str(), R_OK) != 0)
    return BadFile(option, path, absl::StrCat("cannot be read: ", SystemMessage(errno)));
  if (info.st_size == 0) return BadFile(option, path, "is empty; a click log has at least one row");
  return absl::OkStatus();
}

absl::Status CheckFolder(std::string_view option, const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_regular_file(error)) return absl::OkStatus();
  }
  if (error) return BadFile(option, path, absl::StrCat("cannot be read: ", error.message()));
  return BadFile(option, path, "is a folder without files");
}

absl::Status CheckGlob(std::string_view option, const std::string& pattern) {
  glob_t matches{};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the command line reads its options on one thread
  const int result = glob(pattern.c_str(), 0, nullptr, &matches);
  absl::Status status;
  if (result != 0 || matches.gl_pathc == 0) status = BadFile(option, pattern, "matches no file");
  for (size_t i = 0; status.ok() && result == 0 && i < matches.gl_pathc; ++i) {
    status = CheckFile(option, matches.gl_pathv[i]);
  }
  globfree(&matches);
  return status;
}

absl::StatusOr<std::string> ResolveOne(std::string_view option, const std::string& text) {
  std::string path = text;
  if (absl::StartsWith(path, "file://")) path = path.substr(std::strlen("file://"));
  if (path.empty()) return BadFile(option, text, "is not a path");
  if (absl::StrContains(path, "://")) return path;
  path = AbsolutePath(path);
  std::error_code error;
  if (fs::is_directory(path, error)) {
    SDA_RETURN_IF_ERROR(CheckFolder(option, path));
  } else if (!fs::exists(path, error) && path.find_first_of("*?[") != std::string::npos) {
    SDA_RETURN_IF_ERROR(CheckGlob(option, path));
  } else {
    SDA_RETURN_IF_ERROR(CheckFile(option, path));
  }
  return path;
}

}  // namespace

std::string AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  std::string text = (error ? fs::path(path) : absolute).lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

absl::StatusOr<std::vector<std::string>> ResolveInputs(std::string_view option,
                                                       const std::vector<std::string>& texts,
                                                       FileCheck check) {
  if (check == FileCheck::kElsewhere) return texts;
  std::vector<std::string> paths;
  for (const std::string& text : texts) {
    SDA_ASSIGN_OR_RETURN(std::string path, ResolveOne(option, text));
    paths.push_back(std::move(path));
  }
  return paths;
}

absl::StatusOr<std::string> ReadSmallFile(std::string_view option, const std::string& path,
                                          size_t max_bytes) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return BadFile(
        option, path,
        errno == ENOENT ? "does not exist" : absl::StrCat("cannot be read: ", SystemMessage(errno)));
  }
  if (S_ISDIR(info.st_mode)) return BadFile(option, path, "is a folder, not a file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return BadFile(option, path, absl::StrCat("cannot be read: ", SystemMessage(errno)));
  std::string text(max_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.bad()) return BadFile(option, path, "cannot be read to its end");
  if (text.size() > max_bytes)
    return BadFile(option, path, absl::StrCat("is larger than ", max_bytes, " bytes"));
  return text;
}

}  // namespace sda::cli
