#ifndef SDA_SERVICES_PREPROCESSING_CORE_ERRORS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ERRORS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

// What can be wrong with data, each with its code, reason and wording. Bad data is INVALID_ARGUMENT and
// carries file, line and column, as far as there are any, in the metadata.
namespace sda::preprocessing::error {

// INPUT_NOT_FOUND, INPUT_EMPTY, INPUT_UNREADABLE.
absl::Status InputNotFound(std::string_view path);
absl::Status InputEmpty(std::string_view path, std::string_view why);
absl::Status InputUnreadable(std::string_view path, std::string_view why);

// BAD_FORMAT: the layout of the file as a whole.
absl::Status BadFormat(std::string_view path, std::string_view why);

// COLUMN_NOT_FOUND: `field` is the request's field that names it, e.g. "label".
absl::Status ColumnNotFound(std::string_view field, std::string_view column,
                            const std::vector<std::string>& available);

// A row or cell: `line` counts from 1; an empty `column` means the row as a whole.
struct Place {
  std::string file;
  int64_t line = 0;
  std::string column;
};
absl::Status BadCell(const Place& place, std::string_view reason, std::string_view rule);

// INPUT_CHANGED: the file is not the one that the first pass read.
absl::Status InputChanged(std::string_view path);

// CANCELLED with reason JOB_CANCELLED.
absl::Status Cancelled();

// A value for messages: quoted, cut at 60 bytes, control characters and bytes that are not UTF-8 escaped.
std::string Quoted(std::string_view value);

}  // namespace sda::preprocessing::error

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ERRORS_H_
