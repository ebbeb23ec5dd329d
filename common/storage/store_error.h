#ifndef SDA_COMMON_STORAGE_STORE_ERROR_H_
#define SDA_COMMON_STORAGE_STORE_ERROR_H_

#include <string_view>

#include <absl/status/status.h>

namespace arrow {
class Status;
}

namespace sda {

// What went wrong with a file, as ArtefactStore's class comment lists it. `code` is an errno value, 0 for
// none.
absl::Status StoreError(std::string_view path, int code, std::string_view message);

// The same for an errno value alone.
absl::Status StoreErrorFromErrno(std::string_view path, int code);

// The same for what Arrow says; OK for its OK.
absl::Status StoreErrorFromArrow(std::string_view path, const arrow::Status& status);

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_STORE_ERROR_H_
