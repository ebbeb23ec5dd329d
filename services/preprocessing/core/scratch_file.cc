#include "services/preprocessing/core/scratch_file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

absl::Status ScratchError(const std::string& folder, const char* what, int code) {
  const bool full = code == ENOSPC || code == EDQUOT;
  return MakeError(
      full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
      absl::StrCat("scratch file in ", folder, ": ", what, ": ", std::generic_category().message(code)),
      {.reason = full ? "SCRATCH_FULL" : "SCRATCH", .metadata = {{"folder", folder}}, .violations = {}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScratchFile>> ScratchFile::Create(const std::string& folder) {
  std::error_code error;
  const std::string where = folder.empty() ? std::filesystem::temp_directory_path(error).string() : folder;
  if (error) return ScratchError("", "cannot be found", error.value());
  std::filesystem::create_directories(where, error);
  if (error) return ScratchError(where, "cannot be made", error.value());
  std::string path = where + "/sda-scratch-XXXXXX";
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) return ScratchError(where, "cannot be made", errno);
  ::unlink(path.c_str());
  return std::unique_ptr<ScratchFile>(new ScratchFile(descriptor, where));
}

ScratchFile::~ScratchFile() {
  ::close(descriptor_);
}

absl::Status ScratchFile::Error(const char* what, int code) const {
  return ScratchError(folder_, what, code);
}

absl::Status ScratchFile::Append(std::string_view bytes) {
  SDA_RETURN_IF_ERROR(WriteAt(size_, bytes.data(), bytes.size()));
  size_ += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

absl::Status ScratchFile::WriteAt(int64_t offset, const void* data, size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor_, from, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error("cannot be written", errno);
    from += written;
    offset += written;
    size -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

absl::Status ScratchFile::ReadAt(int64_t offset, void* data, size_t size) const {
  char* to = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t read = ::pread(descriptor_, to, size, offset);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return Error("cannot be read", errno);
    if (read == 0) return absl::DataLossError(absl::StrCat("scratch file in ", folder_, " ends early"));
    to += read;
    offset += read;
    size -= static_cast<size_t>(read);
  }
  return absl::OkStatus();
}

absl::Status ScratchWriter::Write(const void* data, size_t size) {
  buffer_.append(static_cast<const char*>(data), size);
  return buffer_.size() >= kBufferBytes ? Flush() : absl::OkStatus();
}

absl::Status ScratchWriter::Flush() {
  SDA_RETURN_IF_ERROR(file_.Append(buffer_));
  buffer_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::string_view> ScratchReader::Take(size_t size) {
  if (buffer_.size() - taken_ < size) {
    const size_t rest = buffer_.size() - taken_;
    const size_t more = std::min(std::max(size, kBufferBytes) - rest, static_cast<size_t>(end_ - next_));
    buffer_.erase(0, taken_);
    taken_ = 0;
    buffer_.resize(rest + more);
    SDA_RETURN_IF_ERROR(file_.ReadAt(next_, buffer_.data() + rest, more));
    next_ += static_cast<int64_t>(more);
    if (buffer_.size() < size) return absl::DataLossError("a scratch file ends inside a record");
  }
  const std::string_view taken(buffer_.data() + taken_, size);
  taken_ += size;
  return taken;
}

}  // namespace sda::preprocessing
