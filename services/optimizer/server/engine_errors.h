#ifndef SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ERRORS_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ERRORS_H_

#include <string>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"

// The optimizer's own words for what can go wrong.
namespace sda::optimizer::error {

inline absl::Status LeaseLost(const std::string& trial) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat(trial, ": the lease is no longer valid; the trial has ended or somebody else works on it"),
      {.reason = "LEASE_LOST", .metadata = {{"trial", trial}}, .violations = {}});
}

inline absl::Status WrongState(const std::string& name, const std::string& what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat(name, ": ", what),
                   {.reason = "WRONG_STATE", .metadata = {{"name", name}}, .violations = {}});
}

inline absl::Status EtagMismatch(const std::string& name) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat(name, ": was changed by somebody else; read it again"),
                   {.reason = "ETAG_MISMATCH", .metadata = {{"name", name}}, .violations = {}});
}

inline absl::Status BudgetUsedUp(const std::string& name) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(name, ": the observation budget leaves no room for another trial"),
                   {.reason = "BUDGET_USED_UP", .metadata = {{"name", name}}, .violations = {}});
}

}  // namespace sda::optimizer::error

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ERRORS_H_
