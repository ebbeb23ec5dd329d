#ifndef SDA_CLIENTS_CLI_CORE_PERSON_ERROR_H_
#define SDA_CLIENTS_CLI_CORE_PERSON_ERROR_H_

#include <string>

#include <absl/status/status.h>

#include "clients/cli/core/exit_code.h"

namespace sda::cli {

// What a person is told of an error, and how the program ends.
struct PersonError {
  std::string text;  // one line for each thing that is wrong, no final newline
  ExitCode exit_code = ExitCode::kFailed;
};

// Field paths of requests are replaced by the options that set them. Errors in what the user gave
// (INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, OUT_OF_RANGE) are bad input, CANCELLED is an interruption,
// all else a failure. `status` must not be OK.
PersonError ExplainError(const absl::Status& status);

// The same decision for an error that ended a resource, by its google.rpc.Code.
bool IsBadInput(absl::StatusCode code);

// The option that sets a field of a request, e.g. "--label" for "spec.dataset_spec.label"; the field where
// none does.
std::string OptionOfField(const std::string& field);

// The message of a run's error with the fields that begin it turned into options: "label: there is no …" into
// "--label: there is no …".
std::string WithOptions(const std::string& message);

// A failed call to `service` at `address`, in words: who could not be reached, what was asked for, what to
// do. Errors that the service itself spoke of pass through.
absl::Status ExplainCall(const absl::Status& status, const std::string& service, const std::string& address);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_PERSON_ERROR_H_
