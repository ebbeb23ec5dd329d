#include "services/advisor/server/errors.h"

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/strings.h"

namespace sda::advisor::error {
namespace {

constexpr char kRunEnded[] = "RUN_ENDED";

absl::Status NotFound(std::string_view kind, std::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat(ToAbsl(name), " does not exist"),
                   {.reason = absl::StrCat(ToAbsl(kind), "_NOT_FOUND"),
                    .metadata = {{"name", std::string(name)}},
                    .violations = {}});
}

}  // namespace

absl::Status RecipeNotFound(std::string_view name) {
  return NotFound("RECIPE", name);
}
absl::Status RunNotFound(std::string_view name) {
  return NotFound("RUN", name);
}
absl::Status ModelNotFound(std::string_view name) {
  return NotFound("MODEL", name);
}

absl::Status AlreadyExists(std::string_view name) {
  return MakeError(
      absl::StatusCode::kAlreadyExists, absl::StrCat(ToAbsl(name), " exists; choose another id"),
      {.reason = "RESOURCE_EXISTS", .metadata = {{"name", std::string(name)}}, .violations = {}});
}

absl::Status TooManyRuns() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "too many runs have not ended; wait for one, or cancel one",
                   {.reason = "TOO_MANY_RUNS", .metadata = {}, .violations = {}});
}

absl::Status WrongState(std::string_view run, std::string_view state, std::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(ToAbsl(run), " is ", ToAbsl(state), "; it cannot be ", ToAbsl(what)),
                   {.reason = "WRONG_STATE",
                    .metadata = {{"name", std::string(run)}, {"state", std::string(state)}},
                    .violations = {}});
}

absl::Status RunEnded(std::string_view run) {
  return MakeError(absl::StatusCode::kAborted, absl::StrCat(ToAbsl(run), " has ended"),
                   {.reason = kRunEnded, .metadata = {}, .violations = {}});
}

bool IsRunEnded(const absl::Status& status) {
  return GetErrorReason(status) == kRunEnded;
}

absl::Status NoSuccessfulTrial(std::string_view experiment, std::string_view example) {
  const std::string why = example.empty() ? "" : absl::StrCat("; one of them: ", ToAbsl(example));
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("no trial of ", ToAbsl(experiment), " succeeded", why),
                   {.reason = "NO_SUCCESSFUL_TRIAL",
                    .metadata = {{"experiment", std::string(experiment)}},
                    .violations = {}});
}

absl::Status InvalidRecipe(const std::vector<RecipeViolation>& violations) {
  std::vector<FieldViolation> fields;
  std::string message;
  for (const RecipeViolation& violation : violations) {
    const std::string place =
        violation.line == 0 ? "" : absl::StrCat("line ", violation.line, ", column ", violation.column, ": ");
    const std::string field = violation.field.empty() ? "yaml" : violation.field;
    fields.push_back({field, absl::StrCat(place, violation.description)});
    absl::StrAppend(&message, message.empty() ? "" : "; ", place, field, " ", violation.description);
  }
  return MakeError(absl::StatusCode::kInvalidArgument, message,
                   {.reason = "INVALID_RECIPE", .metadata = {}, .violations = std::move(fields)});
}

common::v1::ResourceError ToResourceError(const absl::Status& status) {
  common::v1::ResourceError error;
  error.set_code(static_cast<int>(status.code()));
  error.set_message(std::string(status.message()));
  const auto detail = GetErrorDetail(status);
  error.set_reason(detail && !detail->reason.empty() ? detail->reason
                                                     : absl::StatusCodeToString(status.code()));
  if (detail) error.mutable_metadata()->insert(detail->metadata.begin(), detail->metadata.end());
  return error;
}

absl::Status FromResourceError(const common::v1::ResourceError& error) {
  const auto code =
      error.code() == 0 ? absl::StatusCode::kUnknown : static_cast<absl::StatusCode>(error.code());
  return MakeError(code, error.message(),
                   {.reason = error.reason(),
                    .metadata = {error.metadata().begin(), error.metadata().end()},
                    .violations = {}});
}

}  // namespace sda::advisor::error
