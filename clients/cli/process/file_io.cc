#include "clients/cli/process/file_io.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "common/base/strings.h"

namespace sda::cli {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return absl::StatusCode::kResourceExhausted;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status WriteAll(int fd, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write", path, errno);
    text.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(fd) != 0) return FileError("cannot write", path, errno);
  return absl::OkStatus();
}

// The end of a file, without the first, possibly cut line where it is longer than that.
std::vector<std::string> LastLines(const std::string& path) {
  constexpr std::streamoff kEnd = 16384;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kEnd));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (size > kEnd) text.erase(0, text.find('\n') + 1);
  return absl::StrSplit(text, '\n', absl::SkipWhitespace());
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

absl::Status FileError(std::string_view doing, const std::string& path, int error) {
  return absl::Status(CodeOf(error), absl::StrCat(ToAbsl(doing), " ", path, ": ",
                                                  std::error_code(error, std::generic_category()).message()));
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view text) {
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  const UniqueFd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.valid()) return FileError("cannot create", temporary, errno);
  absl::Status status = WriteAll(file.get(), path, text);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0)
    status = FileError("cannot write", path, errno);
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return FileError("cannot read", path, errno);
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t got = read(file.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("cannot read", path, errno);
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return FileError("cannot create", path, error.value());
  return absl::OkStatus();
}

std::string LastWords(const std::string& log_path) {
  constexpr size_t kLongest = 1000;
  const std::vector<std::string> lines = LastLines(log_path);
  if (lines.empty()) return "";
  // What is no line of log was meant for people, but an error that came later is closer to the end.
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (line->front() != '{') return line->substr(0, kLongest);
    const auto json = nlohmann::json::parse(*line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("error") && json["error"].is_string()) {
      return json["error"].get<std::string>().substr(0, kLongest);
    }
  }
  return lines.back().substr(0, kLongest);
}

}  // namespace sda::cli
