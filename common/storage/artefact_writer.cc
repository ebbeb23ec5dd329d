#include "common/storage/artefact_writer.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/store_error.h"

namespace sda {
namespace {

constexpr char kTemporaryEnding[] = ".partial";

// Beside the file, with a name that no other writer uses and no list shows.
std::string TemporaryPath(const std::filesystem::path& file) {
  static std::atomic<uint64_t> counter = 0;
  const std::string name =
      absl::StrCat(".", file.filename().string(), ".", getpid(), ".", counter.fetch_add(1), kTemporaryEnding);
  return (file.parent_path() / name).string();
}

// Writes beside the file; then fsync, rename and fsync of the folder, in this order.
class LocalWriter final : public ArtefactWriter {
 public:
  LocalWriter(const std::string& file, std::string_view path)
      : file_(file),
        path_(path),
        temporary_(TemporaryPath(file)),
        descriptor_(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {}

  ~LocalWriter() override {
    if (opened() && !published_) ::unlink(temporary_.c_str());
    if (opened()) ::close(descriptor_);
  }

  bool opened() const { return descriptor_ >= 0; }

  absl::Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return StoreErrorFromErrno(path_, errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Publish() override {
    if (::fsync(descriptor_) != 0) return StoreErrorFromErrno(path_, errno);
    if (std::rename(temporary_.c_str(), file_.c_str()) != 0) return StoreErrorFromErrno(path_, errno);
    published_ = true;
    return SyncLocalFolder(std::filesystem::path(file_).parent_path().string(), path_);
  }

 private:
  const std::string file_;
  const std::string path_;
  const std::string temporary_;
  const int descriptor_;
  bool published_ = false;
};

class RemoteWriter final : public ArtefactWriter {
 public:
  RemoteWriter(std::shared_ptr<arrow::io::OutputStream> stream, std::string_view path)
      : stream_(std::move(stream)), path_(path) {}

  ~RemoteWriter() override {
    // Nobody is left to tell; an upload that was not completed shows nothing.
    if (!stream_->closed()) (void)stream_->Abort();
  }

  absl::Status Write(std::string_view bytes) override {
    return StoreErrorFromArrow(path_, stream_->Write(bytes.data(), static_cast<int64_t>(bytes.size())));
  }

  absl::Status Publish() override { return StoreErrorFromArrow(path_, stream_->Close()); }

 private:
  const std::shared_ptr<arrow::io::OutputStream> stream_;
  const std::string path_;
};

}  // namespace

bool IsTemporaryName(std::string_view name) {
  return absl::StartsWith(ToAbsl(name), ".") && absl::EndsWith(ToAbsl(name), kTemporaryEnding);
}

absl::StatusOr<std::unique_ptr<ArtefactWriter>> NewLocalWriter(const std::string& file,
                                                               std::string_view path) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), failed);
  if (failed) return StoreErrorFromErrno(path, failed.value());
  auto writer = std::make_unique<LocalWriter>(file, path);
  if (!writer->opened()) return StoreErrorFromErrno(path, errno);
  return writer;
}

absl::StatusOr<std::unique_ptr<ArtefactWriter>> NewRemoteWriter(arrow::fs::FileSystem& filesystem,
                                                                const std::string& file,
                                                                std::string_view path) {
  auto stream = filesystem.OpenOutputStream(file);
  if (!stream.ok()) return StoreErrorFromArrow(path, stream.status());
  return std::make_unique<RemoteWriter>(*std::move(stream), path);
}

absl::Status SyncLocalFolder(const std::string& folder, std::string_view path) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return StoreErrorFromErrno(path, errno);
  const int failed = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return failed == 0 ? absl::OkStatus() : StoreErrorFromErrno(path, failed);
}

}  // namespace sda
