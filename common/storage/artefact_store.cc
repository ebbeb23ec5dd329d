#include "common/storage/artefact_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/util/io_util.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"

namespace sda {
namespace {

using arrow::fs::FileInfo;
using arrow::fs::FileType;

absl::Status StoreError(std::string_view path, int code, std::string_view message) {
  absl::StatusCode status = absl::StatusCode::kUnavailable;
  std::string reason = "ARTEFACT_STORE";
  if (code == ENOSPC || code == EDQUOT) {
    status = absl::StatusCode::kResourceExhausted;
    reason = "DISK_FULL";
  } else if (code == ENOENT) {
    status = absl::StatusCode::kNotFound;
    reason = "NO_SUCH_ARTEFACT";
  } else if (code == EACCES || code == EPERM || code == EROFS) {
    status = absl::StatusCode::kPermissionDenied;
    reason = "ARTEFACT_FORBIDDEN";
  }
  return MakeError(status, absl::StrCat(ToAbsl(path), ": ", ToAbsl(message)),
                   {.reason = reason, .metadata = {{"path", std::string(path)}}, .violations = {}});
}

absl::Status FromErrno(std::string_view path, int code) { return StoreError(path, code, std::strerror(code)); }

absl::Status FromArrow(std::string_view path, const arrow::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return StoreError(path, arrow::internal::ErrnoFromStatus(status), status.message());
}

// An open file that closes itself.
class OpenFile {
 public:
  OpenFile(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~OpenFile() { Close(); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool ok() const { return descriptor_ >= 0; }

  // False with errno set, as the calls they stand for.
  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }
  bool Sync() { return ::fsync(descriptor_) == 0; }
  bool Close() {
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || ::close(descriptor) == 0;
  }

 private:
  int descriptor_;
};

// Beside the file, with a name that no other writer uses and no list shows.
std::string TemporaryPath(const std::filesystem::path& file) {
  static std::atomic<uint64_t> counter = 0;
  const std::string name =
      absl::StrCat(".", file.filename().string(), ".", getpid(), ".", counter.fetch_add(1), ".partial");
  return (file.parent_path() / name).string();
}

absl::Status PublishLocal(const std::string& file, std::string_view bytes) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  std::error_code made;
  std::filesystem::create_directories(folder, made);
  if (made) return FromErrno(folder.string(), made.value());
  const std::string temporary = TemporaryPath(file);
  OpenFile out(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (!out.ok()) return FromErrno(file, errno);
  if (!out.Write(bytes) || !out.Sync() || !out.Close() || std::rename(temporary.c_str(), file.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary.c_str());
    return FromErrno(file, code);
  }
  // Makes the rename itself durable.
  OpenFile parent(folder.string(), O_RDONLY | O_DIRECTORY);
  if (!parent.ok() || !parent.Sync()) return FromErrno(folder.string(), errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ArtefactStore>> ArtefactStore::Open(const std::string& root) {
  if (root.empty()) return InvalidField("artefacts", "is empty; must be a folder or a URI");
  std::string base;
  std::string location = root;
  if (!absl::StrContains(root, "://")) {
    std::error_code failed;
    location = std::filesystem::absolute(root, failed).lexically_normal().string();
    if (failed) return FromErrno(root, failed.value());
  }
  auto filesystem = arrow::fs::FileSystemFromUriOrPath(location, &base);
  if (!filesystem.ok()) return InvalidField("artefacts", absl::StrCat(root, ": ", filesystem.status().message()));
  while (base.size() > 1 && base.back() == '/') base.pop_back();
  std::unique_ptr<ArtefactStore> store(new ArtefactStore(root, *std::move(filesystem), std::move(base)));
  SDA_RETURN_IF_ERROR(FromArrow(root, store->filesystem_->CreateDir(store->base_, /*recursive=*/true)));
  return store;
}

ArtefactStore::ArtefactStore(std::string root, std::shared_ptr<arrow::fs::FileSystem> filesystem, std::string base)
    : root_(std::move(root)),
      filesystem_(std::move(filesystem)),
      base_(std::move(base)),
      local_(filesystem_->type_name() == "local") {}

ArtefactStore::~ArtefactStore() = default;

absl::StatusOr<std::string> ArtefactStore::Resolve(std::string_view path) const {
  for (const absl::string_view name : absl::StrSplit(ToAbsl(path), '/')) {
    if (name.empty() || name == "." || name == "..") {
      return InvalidField("path", absl::StrCat("is \"", ToAbsl(path), "\"; must be names with single slashes between"));
    }
  }
  return absl::StrCat(base_, "/", ToAbsl(path));
}

std::string ArtefactStore::LocalPath(std::string_view path) const { return absl::StrCat(base_, "/", ToAbsl(path)); }

absl::Status ArtefactStore::Write(std::string_view path, std::string_view bytes) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  if (local_) return PublishLocal(file, bytes);
  auto stream = filesystem_->OpenOutputStream(file);
  if (!stream.ok()) return FromArrow(path, stream.status());
  arrow::Status status = (*stream)->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
  if (!status.ok()) {
    (*stream)->Abort().Warn();
    return FromArrow(path, status);
  }
  return FromArrow(path, (*stream)->Close());
}

absl::StatusOr<std::string> ArtefactStore::Read(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  auto input = filesystem_->OpenInputFile(file);
  if (!input.ok()) {
    SDA_ASSIGN_OR_RETURN(const bool exists, Exists(path));
    return exists ? FromArrow(path, input.status()) : StoreError(path, ENOENT, "does not exist");
  }
  auto size = (*input)->GetSize();
  if (!size.ok()) return FromArrow(path, size.status());
  std::string bytes(static_cast<size_t>(*size), '\0');
  auto read = (*input)->ReadAt(0, *size, bytes.data());
  if (!read.ok()) return FromArrow(path, read.status());
  bytes.resize(static_cast<size_t>(*read));
  return bytes;
}

absl::StatusOr<bool> ArtefactStore::Exists(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  auto info = filesystem_->GetFileInfo(file);
  if (!info.ok()) return FromArrow(path, info.status());
  return info->type() != FileType::NotFound;
}

absl::StatusOr<std::vector<std::string>> ArtefactStore::List(std::string_view path, bool folders) const {
  SDA_ASSIGN_OR_RETURN(const std::string folder, Resolve(path));
  arrow::fs::FileSelector selector;
  selector.base_dir = folder;
  selector.allow_not_found = true;
  auto infos = filesystem_->GetFileInfo(selector);
  if (!infos.ok()) return FromArrow(path, infos.status());
  std::vector<std::string> names;
  for (const FileInfo& info : *infos) {
    const std::string name = info.base_name();
    const bool wanted = info.type() == (folders ? FileType::Directory : FileType::File);
    if (wanted && !absl::StartsWith(name, ".")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<std::string>> ArtefactStore::ListFolders(std::string_view path) const {
  return List(path, /*folders=*/true);
}

absl::StatusOr<std::vector<std::string>> ArtefactStore::ListFiles(std::string_view path) const {
  return List(path, /*folders=*/false);
}

absl::Status ArtefactStore::Remove(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  SDA_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (!exists) return absl::OkStatus();
  return FromArrow(path, filesystem_->DeleteFile(file));
}

absl::Status ArtefactStore::RemoveFolder(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string folder, Resolve(path));
  SDA_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (!exists) return absl::OkStatus();
  return FromArrow(path, filesystem_->DeleteDir(folder));
}

}  // namespace sda
