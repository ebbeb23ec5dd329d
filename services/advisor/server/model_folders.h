#ifndef SDA_SERVICES_ADVISOR_SERVER_MODEL_FOLDERS_H_
#define SDA_SERVICES_ADVISOR_SERVER_MODEL_FOLDERS_H_

#include <map>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/artefact_store.h"

namespace sda::advisor {

// Delivered models as folders `models/{m}` of the artefact root. In a local root a model's folder is there
// whole or not at all; in an object store, which cannot rename folders, a model exists for others once the
// advisor's record says so. Thread-safe as long as no two calls are about the same model.
class ModelFolders {
 public:
  // `artefacts` must outlive this.
  explicit ModelFolders(ArtefactStore& artefacts) : artefacts_(artefacts) {}

  // Copies the folder `source` (a path below the artefact root, or one that begins with the root as it was
  // given) and writes `files` (content by name) beside, all of it durable when it returns; what was at
  // models/{id} before goes. The folder below the root. NOT_FOUND MODEL_FILES_NOT_FOUND if there is no
  // source; else errors as ArtefactStore.
  absl::StatusOr<std::string> Publish(const std::string& id, const std::string& source,
                                      const std::map<std::string, std::string>& files);

  // Removes models/{id}, if there.
  absl::Status Remove(const std::string& id);

  // Leftovers of what was cut off. Call before the first Publish.
  absl::Status RemoveLeftovers();

 private:
  absl::Status CopyFolder(const std::string& from, const std::string& to);
  absl::Status CopyFile(const std::string& from, const std::string& to);

  ArtefactStore& artefacts_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_MODEL_FOLDERS_H_
