#ifndef SDA_COMMON_STORAGE_ARTEFACT_STORE_H_
#define SDA_COMMON_STORAGE_ARTEFACT_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/artefact_writer.h"

namespace arrow::fs {
class FileSystem;
}  // namespace arrow::fs
namespace arrow::io {
class RandomAccessFile;
}  // namespace arrow::io

namespace sda {

// The files that services share: everything below one root, a local folder or a URI (see open_filesystem.h:
// "file:///data/sda", "s3://bucket/sda"). Paths are relative to the root, with "/" between names, e.g.
// "datasets/clicks/manifest.json"; INVALID_ARGUMENT for an absolute one, an empty name, "." and "..". Names
// that begin with "." are the store's own and never listed. Thread-safe; several processes may use one root.
//
// Errors: NOT_FOUND (NO_SUCH_ARTEFACT), RESOURCE_EXHAUSTED (DISK_FULL), PERMISSION_DENIED
// (ARTEFACT_FORBIDDEN), UNAVAILABLE (ARTEFACT_STORE) for everything else that goes wrong below. Each names
// the path.
class ArtefactStore {
 public:
  // Makes the root folder where it does not exist.
  static absl::StatusOr<std::unique_ptr<ArtefactStore>> Open(const std::string& root);
  ~ArtefactStore();

  // The root as given.
  const std::string& root() const { return root_; }

  // Whether files are local: LocalPath is possible.
  bool is_local() const { return local_; }

  // Where the file lies on this machine. Only if is_local().
  std::string LocalPath(std::string_view path) const;

  // Publishes a file whole or not at all: written beside its place, made durable, then renamed (object stores
  // show objects whole by themselves). Replaces what was there; makes folders as needed. After an error
  // nothing is left.
  absl::Status Write(std::string_view path, std::string_view bytes) const;

  // The same for a file that is written piece by piece.
  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(std::string_view path) const;

  absl::StatusOr<std::string> Read(std::string_view path) const;

  // For reading parts. Local files are mapped into memory, so that Arrow's readers copy nothing; a mapped
  // file that is replaced or removed stays readable as it was.
  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInput(std::string_view path) const;

  // The same, never mapped: what is read counts only while it is held.
  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenUnmapped(std::string_view path) const;

  // True for files and folders.
  absl::StatusOr<bool> Exists(std::string_view path) const;

  // Of a file, in bytes.
  absl::StatusOr<int64_t> Size(std::string_view path) const;

  // SHA-256 of a file's content, 64 lower-case hexadecimal digits, read piece by piece.
  absl::StatusOr<std::string> Sha256Of(std::string_view path) const;

  // Gives a file, or where files are local a folder, another name; durable when it returns. Replaces a file,
  // never a folder that holds something (FAILED_PRECONDITION). On object stores folders cannot be renamed
  // (UNIMPLEMENTED).
  absl::Status Rename(std::string_view from, std::string_view to) const;

  // Names of the folders, or files, right below a folder, sorted. None for a folder that does not exist.
  absl::StatusOr<std::vector<std::string>> ListFolders(std::string_view path) const;
  absl::StatusOr<std::vector<std::string>> ListFiles(std::string_view path) const;

  // Removes a file, or a folder with everything below it; OK if there is none.
  absl::Status Remove(std::string_view path) const;
  absl::Status RemoveFolder(std::string_view path) const;

  // Removes what writers of killed processes left half-written below a folder, but for its subfolder
  // `except`; nobody may be writing to the rest. OK where there is no such folder. Object stores never show
  // such files.
  absl::Status RemoveUnpublished(std::string_view path, std::string_view except) const;

 private:
  ArtefactStore(std::string root, std::shared_ptr<arrow::fs::FileSystem> filesystem, std::string base);

  absl::StatusOr<std::string> Resolve(std::string_view path) const;
  absl::StatusOr<std::vector<std::string>> List(std::string_view path, bool folders) const;

  const std::string root_;
  const std::shared_ptr<arrow::fs::FileSystem> filesystem_;
  const std::string base_;  // the root inside the file system
  const bool local_;
};

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_ARTEFACT_STORE_H_
