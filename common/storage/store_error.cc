#include "common/storage/store_error.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <absl/strings/str_cat.h>
#include <arrow/status.h>
#include <arrow/util/io_util.h>

#include "common/base/error.h"
#include "common/base/strings.h"

namespace sda {

absl::Status StoreError(std::string_view path, int code, std::string_view message) {
  absl::StatusCode status = absl::StatusCode::kUnavailable;
  std::string reason = "ARTEFACT_STORE";
  std::string remedy;
  if (code == ENOSPC || code == EDQUOT) {
    status = absl::StatusCode::kResourceExhausted;
    reason = "DISK_FULL";
    remedy = "; free some space or choose another artefact root";
  } else if (code == ENOENT) {
    status = absl::StatusCode::kNotFound;
    reason = "NO_SUCH_ARTEFACT";
  } else if (code == EACCES || code == EPERM || code == EROFS) {
    status = absl::StatusCode::kPermissionDenied;
    reason = "ARTEFACT_FORBIDDEN";
    remedy = "; the service's user must be allowed to read and write the artefact root";
  }
  return MakeError(status, absl::StrCat(ToAbsl(path), ": ", ToAbsl(message), remedy),
                   {.reason = reason, .metadata = {{"path", std::string(path)}}});
}

absl::Status StoreErrorFromErrno(std::string_view path, int code) {
  return StoreError(path, code, std::generic_category().message(code));
}

absl::Status StoreErrorFromArrow(std::string_view path, const arrow::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return StoreError(path, arrow::internal::ErrnoFromStatus(status), status.message());
}

}  // namespace sda
