#include "common/storage/artefact_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <arrow/buffer.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/result.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/open_filesystem.h"
#include "common/storage/store_error.h"

namespace sda {

using arrow::fs::FileInfo;
using arrow::fs::FileType;

absl::StatusOr<std::unique_ptr<ArtefactStore>> ArtefactStore::Open(const std::string& root) {
  if (root.empty()) return InvalidField("artefacts", "is empty; must be a folder or a URI");
  auto location = OpenFilesystem(root);
  if (!location.ok()) return Annotate(location.status(), "artefacts");
  std::unique_ptr<ArtefactStore> store(
      new ArtefactStore(root, std::move(location->filesystem), std::move(location->path)));
  SDA_RETURN_IF_ERROR(
      StoreErrorFromArrow(root, store->filesystem_->CreateDir(store->base_, /*recursive=*/true)));
  return store;
}

ArtefactStore::ArtefactStore(std::string root, std::shared_ptr<arrow::fs::FileSystem> filesystem,
                             std::string base)
    : root_(std::move(root)),
      filesystem_(std::move(filesystem)),
      base_(std::move(base)),
      local_(filesystem_->type_name() == "local") {}

ArtefactStore::~ArtefactStore() = default;

absl::StatusOr<std::string> ArtefactStore::Resolve(std::string_view path) const {
  for (const absl::string_view name : absl::StrSplit(ToAbsl(path), '/')) {
    if (name.empty() || name == "." || name == "..") {
      return InvalidField(
          "path", absl::StrCat("is \"", ToAbsl(path), "\"; must be names with single slashes between"));
    }
  }
  return absl::StrCat(base_, "/", ToAbsl(path));
}

std::string ArtefactStore::LocalPath(std::string_view path) const {
  return absl::StrCat(base_, "/", ToAbsl(path));
}

absl::StatusOr<std::unique_ptr<ArtefactWriter>> ArtefactStore::Create(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  return local_ ? NewLocalWriter(file, path) : NewRemoteWriter(*filesystem_, file, path);
}

absl::Status ArtefactStore::Write(std::string_view path, std::string_view bytes) const {
  SDA_ASSIGN_OR_RETURN(const std::unique_ptr<ArtefactWriter> writer, Create(path));
  SDA_RETURN_IF_ERROR(writer->Write(bytes));
  return writer->Publish();
}

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> ArtefactStore::OpenInput(
    std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const int64_t size, Size(path));
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  if (size == 0) return arrow::io::BufferReader::FromString("");  // nothing to map
  if (local_) {
    auto mapped = arrow::io::MemoryMappedFile::Open(file, arrow::io::FileMode::READ);
    if (!mapped.ok()) return StoreErrorFromArrow(path, mapped.status());
    return *std::move(mapped);
  }
  auto input = filesystem_->OpenInputFile(file);
  if (!input.ok()) return StoreErrorFromArrow(path, input.status());
  return *std::move(input);
}

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> ArtefactStore::OpenUnmapped(
    std::string_view path) const {
  SDA_RETURN_IF_ERROR(Size(path).status());  // NOT_FOUND in the store's own words
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  auto input = filesystem_->OpenInputFile(file);
  if (!input.ok()) return StoreErrorFromArrow(path, input.status());
  return *std::move(input);
}

absl::StatusOr<std::string> ArtefactStore::Read(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::io::RandomAccessFile> input, OpenInput(path));
  const auto size = input->GetSize();
  if (!size.ok()) return StoreErrorFromArrow(path, size.status());
  std::string bytes(static_cast<size_t>(*size), '\0');
  const auto read = input->ReadAt(0, *size, bytes.data());
  if (!read.ok()) return StoreErrorFromArrow(path, read.status());
  bytes.resize(static_cast<size_t>(*read));
  return bytes;
}

absl::StatusOr<std::string> ArtefactStore::Sha256Of(std::string_view path) const {
  constexpr int64_t kPieceBytes = 1 << 20;
  SDA_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::io::RandomAccessFile> input, OpenInput(path));
  Sha256 hash;
  while (true) {
    const auto piece = input->Read(kPieceBytes);
    if (!piece.ok()) return StoreErrorFromArrow(path, piece.status());
    if ((*piece)->size() == 0) return hash.HexDigest();
    hash.Update({reinterpret_cast<const char*>((*piece)->data()), static_cast<size_t>((*piece)->size())});
  }
}

absl::StatusOr<int64_t> ArtefactStore::Size(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  const auto info = filesystem_->GetFileInfo(file);
  if (!info.ok()) return StoreErrorFromArrow(path, info.status());
  if (info->type() == FileType::NotFound) return StoreError(path, ENOENT, "does not exist");
  if (info->type() == FileType::Directory) return StoreError(path, EISDIR, "is a folder, not a file");
  return info->size();
}

absl::Status ArtefactStore::Rename(std::string_view from, std::string_view to) const {
  SDA_ASSIGN_OR_RETURN(const std::string source, Resolve(from));
  SDA_ASSIGN_OR_RETURN(const std::string target, Resolve(to));
  if (!local_) {
    const absl::Status is_file = Size(from).status();
    if (absl::IsUnavailable(is_file))
      return absl::UnimplementedError(
          absl::StrCat(ToAbsl(from), ": a folder of an object store cannot be renamed"));
    SDA_RETURN_IF_ERROR(is_file);
    return StoreErrorFromArrow(from, filesystem_->Move(source, target));
  }
  const std::string source_folder = std::filesystem::path(source).parent_path().string();
  const std::string target_folder = std::filesystem::path(target).parent_path().string();
  std::error_code failed;
  std::filesystem::create_directories(target_folder, failed);
  if (failed) return StoreErrorFromErrno(to, failed.value());
  if (std::rename(source.c_str(), target.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       absl::StrCat(ToAbsl(to), ": a folder with content is there"),
                       {.reason = "ARTEFACT_EXISTS", .metadata = {{"path", std::string(to)}}});
    }
    return StoreErrorFromErrno(from, errno);
  }
  SDA_RETURN_IF_ERROR(SyncLocalFolder(target_folder, to));
  return source_folder == target_folder ? absl::OkStatus() : SyncLocalFolder(source_folder, from);
}

absl::StatusOr<bool> ArtefactStore::Exists(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string file, Resolve(path));
  auto info = filesystem_->GetFileInfo(file);
  if (!info.ok()) return StoreErrorFromArrow(path, info.status());
  return info->type() != FileType::NotFound;
}

absl::StatusOr<std::vector<std::string>> ArtefactStore::List(std::string_view path, bool folders) const {
  SDA_ASSIGN_OR_RETURN(const std::string folder, Resolve(path));
  arrow::fs::FileSelector selector;
  selector.base_dir = folder;
  selector.allow_not_found = true;
  auto infos = filesystem_->GetFileInfo(selector);
  if (!infos.ok()) return StoreErrorFromArrow(path, infos.status());
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
  return StoreErrorFromArrow(path, filesystem_->DeleteFile(file));
}

absl::Status ArtefactStore::RemoveUnpublished(std::string_view path, std::string_view except) const {
  SDA_ASSIGN_OR_RETURN(const std::string folder, Resolve(path));
  if (!local_) return absl::OkStatus();
  std::error_code failed;
  std::vector<std::filesystem::path> found;
  std::filesystem::recursive_directory_iterator entry(folder, failed);
  for (; !failed && entry != std::filesystem::recursive_directory_iterator(); entry.increment(failed)) {
    if (entry.depth() == 0 && entry->path().filename().string() == except) entry.disable_recursion_pending();
    if (IsTemporaryName(entry->path().filename().string())) found.push_back(entry->path());
  }
  for (size_t i = 0; i < found.size() && !failed; ++i) std::filesystem::remove(found[i], failed);
  if (!failed || failed == std::errc::no_such_file_or_directory) return absl::OkStatus();
  return StoreErrorFromErrno(path, failed.value());
}

absl::Status ArtefactStore::RemoveFolder(std::string_view path) const {
  SDA_ASSIGN_OR_RETURN(const std::string folder, Resolve(path));
  SDA_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (!exists) return absl::OkStatus();
  return StoreErrorFromArrow(path, filesystem_->DeleteDir(folder));
}

}  // namespace sda
