#include "services/trainer_worker/core/training/buffer_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace sda::trainer {
namespace {

constexpr char kMagic[] = "SDABUF01";
constexpr size_t kMagicBytes = 8;
constexpr size_t kChecksumBytes = 64;

absl::Status ErrnoStatus(const std::string& path, const char* what, int error) {
  const std::string message =
      absl::StrCat(path, ": cannot ", what, ": ", std::generic_category().message(error));
  if (error == ENOSPC || error == EDQUOT) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     message + "; free space on that disk and try again",
                     {.reason = "DISK_FULL", .metadata = {{"path", path}}, .violations = {}});
  }
  return error == ENOENT ? absl::NotFoundError(message) : absl::InternalError(message);
}

// A file that becomes visible under its name only when everything is on disk.
class PublishedFile {
 public:
  explicit PublishedFile(std::string path)
      : path_(std::move(path)), temporary_(absl::StrCat(path_, ".tmp.", getpid())) {}

  ~PublishedFile() {
    if (fd_ >= 0) close(fd_);
    if (!published_) unlink(temporary_.c_str());
  }

  absl::Status Open() {
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd_ >= 0 ? absl::OkStatus() : ErrnoStatus(path_, "create", errno);
  }

  absl::Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoStatus(path_, "write", errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Publish() {
    if (fsync(fd_) != 0) return ErrnoStatus(path_, "sync", errno);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) return ErrnoStatus(path_, "rename", errno);
    published_ = true;
    const std::string folder = path_.substr(0, path_.rfind('/') + 1);
    const int folder_fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) return ErrnoStatus(folder, "open", errno);
    const int synced = fsync(folder_fd);
    close(folder_fd);
    return synced == 0 ? absl::OkStatus() : ErrnoStatus(folder, "sync", errno);
  }

 private:
  const std::string path_;
  const std::string temporary_;
  int fd_ = -1;
  bool published_ = false;
};

std::string_view Bytes(const uint64_t& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string_view Bytes(std::span<const float> floats) {
  return {reinterpret_cast<const char*>(floats.data()), floats.size_bytes()};
}

absl::Status Damaged(const std::string& path, std::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", std::string(what)));
}

absl::StatusOr<std::string> TakeHeader(std::ifstream& file, const std::string& path) {
  char magic[kMagicBytes] = {};
  uint64_t size = 0;
  file.read(magic, kMagicBytes).read(reinterpret_cast<char*>(&size), sizeof(size));
  if (!file || std::memcmp(magic, kMagic, kMagicBytes) != 0 || size > (64u << 20)) {
    return Damaged(path, "is not a file of this program");
  }
  std::string header(size, '\0');
  file.read(header.data(), static_cast<std::streamsize>(size));
  if (!file) return Damaged(path, "is cut short");
  return header;
}

}  // namespace

absl::Status WriteBufferFile(const std::string& path, std::string_view header,
                             const std::vector<std::span<const float>>& buffers) {
  PublishedFile file(path);
  SDA_RETURN_IF_ERROR(file.Open());
  Sha256 hash;
  const auto put = [&](std::string_view bytes) {
    hash.Update(bytes);
    return file.Write(bytes);
  };
  uint64_t floats = 0;
  for (const auto& buffer : buffers) floats += buffer.size();
  const uint64_t header_size = header.size();
  SDA_RETURN_IF_ERROR(put({kMagic, kMagicBytes}));
  SDA_RETURN_IF_ERROR(put(Bytes(header_size)));
  SDA_RETURN_IF_ERROR(put(header));
  SDA_RETURN_IF_ERROR(put(Bytes(floats)));
  for (const auto& buffer : buffers) SDA_RETURN_IF_ERROR(put(Bytes(buffer)));
  SDA_RETURN_IF_ERROR(file.Write(hash.HexDigest()));
  return file.Publish();
}

int64_t BufferFileDataBegin(std::string_view header) {
  return static_cast<int64_t>(kMagicBytes + 2 * sizeof(uint64_t) + header.size());
}

std::string PaddedHeader(std::string_view header) {
  std::string padded(header);
  while (BufferFileDataBegin(padded) % 64 != 0) padded.push_back(' ');
  return padded;
}

absl::StatusOr<std::string> ReadBufferFileHeader(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(path, "open", errno);
  return TakeHeader(file, path);
}

absl::Status ReadBufferFile(const std::string& path, const std::vector<std::span<float>>& buffers) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(path, "open", errno);
  SDA_ASSIGN_OR_RETURN(const std::string header, TakeHeader(file, path));
  uint64_t floats = 0;
  file.read(reinterpret_cast<char*>(&floats), sizeof(floats));
  uint64_t wanted = 0;
  for (const auto& buffer : buffers) wanted += buffer.size();
  if (!file || floats != wanted)
    return Damaged(path, absl::StrCat("holds ", floats, " numbers, not ", wanted));

  Sha256 hash;
  const uint64_t header_size = header.size();
  hash.Update({kMagic, kMagicBytes});
  hash.Update(Bytes(header_size));
  hash.Update(header);
  hash.Update(Bytes(floats));
  for (const auto& buffer : buffers) {
    file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size_bytes()));
    hash.Update(Bytes(std::span<const float>(buffer)));
  }
  std::string checksum(kChecksumBytes, '\0');
  file.read(checksum.data(), kChecksumBytes);
  if (!file) return Damaged(path, "is cut short");
  if (checksum != hash.HexDigest()) return Damaged(path, "is damaged: its checksum differs");
  return absl::OkStatus();
}

absl::Status WriteTextFile(const std::string& path, std::string_view text) {
  PublishedFile file(path);
  SDA_RETURN_IF_ERROR(file.Open());
  SDA_RETURN_IF_ERROR(file.Write(text));
  return file.Publish();
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  constexpr size_t kPieceBytes = size_t{1} << 20;
  std::ifstream source(from, std::ios::binary);
  if (!source) return ErrnoStatus(from, "open", errno);
  PublishedFile file(to);
  SDA_RETURN_IF_ERROR(file.Open());
  std::string piece(kPieceBytes, '\0');
  while (source) {
    source.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    SDA_RETURN_IF_ERROR(file.Write({piece.data(), static_cast<size_t>(source.gcount())}));
  }
  if (source.bad()) return ErrnoStatus(from, "read", errno);
  return file.Publish();
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(path, "open", errno);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace sda::trainer
