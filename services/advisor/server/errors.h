#ifndef SDA_SERVICES_ADVISOR_SERVER_ERRORS_H_
#define SDA_SERVICES_ADVISOR_SERVER_ERRORS_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "sda/common/v1/common.pb.h"
#include "services/advisor/core/recipe.h"

// The advisor's vocabulary of errors: codes, reasons and words are decided here.
namespace sda::advisor::error {

absl::Status RecipeNotFound(std::string_view name);
absl::Status RunNotFound(std::string_view name);
absl::Status ModelNotFound(std::string_view name);

absl::Status AlreadyExists(std::string_view name);  // reason RESOURCE_EXISTS
absl::Status TooManyRuns();

// FAILED_PRECONDITION WRONG_STATE: `what` cannot be done with a run in this state.
absl::Status WrongState(std::string_view run, std::string_view state, std::string_view what);

// ABORTED RUN_ENDED: the run was cancelled while it was worked on. Never leaves the engine.
absl::Status RunEnded(std::string_view run);
bool IsRunEnded(const absl::Status& status);

// FAILED_PRECONDITION NO_SUCCESSFUL_TRIAL, with what a trial failed of where one says so.
absl::Status NoSuccessfulTrial(std::string_view experiment, std::string_view example);

// INVALID_ARGUMENT INVALID_RECIPE: every violation as "field: line L, column C: description".
absl::Status InvalidRecipe(const std::vector<RecipeViolation>& violations);

// A status as a run keeps it, and back.
common::v1::ResourceError ToResourceError(const absl::Status& status);
absl::Status FromResourceError(const common::v1::ResourceError& error);

}  // namespace sda::advisor::error

#endif  // SDA_SERVICES_ADVISOR_SERVER_ERRORS_H_
