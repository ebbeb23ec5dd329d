#include "services/preprocessing/server/root_owner.h"

#include <string>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

constexpr char kLockFile[] = "preprocessing/owner.lock";

}  // namespace

absl::StatusOr<std::unique_ptr<RootOwner>> RootOwner::Take(const ArtefactStore& store) {
  if (!store.is_local()) return std::unique_ptr<RootOwner>(new RootOwner(-1));
  SDA_ASSIGN_OR_RETURN(const bool exists, store.Exists(kLockFile));
  if (!exists) SDA_RETURN_IF_ERROR(store.Write(kLockFile, ""));
  const std::string path = store.LocalPath(kLockFile);
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0 || ::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (file >= 0) ::close(file);
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(store.root(), ": another preprocessing service works on this artefact root"),
        {.reason = "ROOT_IN_USE", .metadata = {{"root", store.root()}}, .violations = {}});
  }
  return std::unique_ptr<RootOwner>(new RootOwner(file));
}

RootOwner::~RootOwner() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace sda::preprocessing
