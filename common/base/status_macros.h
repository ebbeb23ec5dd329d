#ifndef SDA_COMMON_BASE_STATUS_MACROS_H_
#define SDA_COMMON_BASE_STATUS_MACROS_H_

#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

// Returns from the enclosing function when `expr`, an absl::Status, is not OK.
#define SDA_RETURN_IF_ERROR(expr)                               \
  do {                                                          \
    if (absl::Status sda_status_ = (expr); !sda_status_.ok()) { \
      return sda_status_;                                       \
    }                                                           \
  } while (false)

#define SDA_STATUS_CONCAT_INNER_(a, b) a##b
#define SDA_STATUS_CONCAT_(a, b) SDA_STATUS_CONCAT_INNER_(a, b)

// Declares or assigns `lhs` from `expr`, an absl::StatusOr, or returns its status.
#define SDA_ASSIGN_OR_RETURN(lhs, expr) \
  SDA_ASSIGN_OR_RETURN_IMPL_(SDA_STATUS_CONCAT_(sda_statusor_, __LINE__), lhs, expr)

#define SDA_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr)  \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)

#endif  // SDA_COMMON_BASE_STATUS_MACROS_H_
