#ifndef SDA_SERVICES_ADVISOR_SERVER_MODEL_FOLDERS_H_
#define SDA_SERVICES_ADVISOR_SERVER_MODEL_FOLDERS_H_

#include <map>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace sda::advisor {

// Delivered models as folders `models/{m}` of the artefact root on this machine. A model's folder is there
// whole or not at all. Thread-safe as long as no two calls are about the same model.
class ModelFolders {
 public:
  // A path or a file:// URI.
  explicit ModelFolders(const std::string& root);

  // Copies the folder `source` (a path below the root, or a path or URI that lies below it), writes `files`
  // (content by name) beside, and publishes all of it as models/{id} by rename, on disk before it returns;
  // what was there before goes. The path below the root. NOT_FOUND MODEL_FILES_NOT_FOUND if there is no
  // source; RESOURCE_EXHAUSTED DISK_FULL.
  absl::StatusOr<std::string> Publish(const std::string& id, const std::string& source,
                                      const std::map<std::string, std::string>& files);

  // Removes models/{id}, if there.
  absl::Status Remove(const std::string& id);

  // Leftovers of publications that were cut off. Call before the first Publish.
  absl::Status RemoveLeftovers();

 private:
  absl::StatusOr<std::string> Resolve(const std::string& path_or_uri) const;

  std::string root_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_MODEL_FOLDERS_H_
