#ifndef SDA_COMMON_BASE_ERROR_H_
#define SDA_COMMON_BASE_ERROR_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

namespace sda {

// One field of a request or file that broke a rule.
struct FieldViolation {
  std::string field;        // path of the field, e.g. "parameters[2].bounds.min"
  std::string description;  // the value and the rule, e.g. "is NaN; must be a finite number"

  bool operator==(const FieldViolation&) const = default;
};

// What an absl::Status carries beyond code and message, free of any transport. common/rpc turns it into
// google.rpc.ErrorInfo and google.rpc.BadRequest once, at the edge, and back on the client's side.
struct ErrorDetail {
  std::string reason;  // UPPER_SNAKE_CASE, stable, e.g. "LEASE_LOST"
  std::map<std::string, std::string> metadata =
      {};  // the variables of the message, e.g. {"trial", "…/trials/7"}
  std::vector<FieldViolation> violations = {};  // empty unless input was bad

  bool operator==(const ErrorDetail&) const = default;
};

// A status with a detail. `code` must not be OK.
absl::Status MakeError(absl::StatusCode code, std::string_view message, const ErrorDetail& detail);

// INVALID_ARGUMENT naming one field: message "<field>: <description>", reason "INVALID_FIELD".
absl::Status InvalidField(std::string_view field, std::string_view description);

// INVALID_ARGUMENT naming several fields; the message joins them. `violations` must not be empty.
absl::Status InvalidFields(const std::vector<FieldViolation>& violations);

// The detail that MakeError attached, or nothing.
std::optional<ErrorDetail> GetErrorDetail(const absl::Status& status);

// The reason of the attached detail, or "" where there is none.
std::string GetErrorReason(const absl::Status& status);

// `status` with `prefix` and ": " before its message; code and detail stay.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

}  // namespace sda

#endif  // SDA_COMMON_BASE_ERROR_H_
