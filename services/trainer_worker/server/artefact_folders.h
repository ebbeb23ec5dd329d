#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_ARTEFACT_FOLDERS_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_ARTEFACT_FOLDERS_H_

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"

namespace sda::trainer {

// The artefact root on this machine: from paths and URIs in requests to local paths, never out of the root.
class ArtefactFolders {
 public:
  // A path or a file:// URI.
  explicit ArtefactFolders(std::string_view root);

  const std::string& root() const { return root_; }

  // A path below the root, or a URI or absolute path that lies below it, as a local path. INVALID_ARGUMENT
  // names `field` for one that leads elsewhere.
  absl::StatusOr<std::string> Resolve(std::string_view field, std::string_view path_or_uri) const;

  // The inverse for a local path below the root.
  std::string Relative(const std::string& path) const;

 private:
  std::string root_;
};

// A dataset as a worker opens it.
struct LocalDataset {
  DatasetManifest manifest;
  std::string folder;
};

// Reads a manifest; where `sha256` is not empty its bytes must have it. NOT_FOUND, INVALID_ARGUMENT, or
// FAILED_PRECONDITION MANIFEST_CHANGED.
absl::StatusOr<LocalDataset> OpenDataset(const ArtefactFolders& folders, std::string_view field,
                                         std::string_view uri, std::string_view sha256);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_ARTEFACT_FOLDERS_H_
