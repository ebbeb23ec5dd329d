#ifndef SDA_SERVICES_PREPROCESSING_SERVER_ROOT_OWNER_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_ROOT_OWNER_H_

#include <memory>

#include <absl/status/statusor.h>

#include "common/storage/artefact_store.h"

namespace sda::preprocessing {

// Sees to it that one process at a time works on the jobs of a local artefact root, by a lock on a file in it
// that the kernel takes back when the process ends. On a store that is not local there is no such lock: run
// one replica.
class RootOwner {
 public:
  // FAILED_PRECONDITION (ROOT_IN_USE) while another process owns the root.
  static absl::StatusOr<std::unique_ptr<RootOwner>> Take(const ArtefactStore& store);
  ~RootOwner();
  RootOwner(const RootOwner&) = delete;
  RootOwner& operator=(const RootOwner&) = delete;

 private:
  explicit RootOwner(int file) : file_(file) {}

  const int file_;  // -1 where there is no lock
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_ROOT_OWNER_H_
