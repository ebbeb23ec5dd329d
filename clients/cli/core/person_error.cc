#include "clients/cli/core/person_error.h"

#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "common/base/error.h"

namespace sda::cli {
namespace {

// Segments of field paths and the options that set them.
constexpr std::pair<const char*, const char*> kOptions[] = {
    {"data_uris", "--data"},
    {"test_uris", "--test"},
    {"label", "--label"},
    {"positive_values", "--positive"},
    {"weight", "--weight"},
    {"delimiter", "--delimiter"},
    {"header", "--header"},
    {"null_values", "--null"},
    {"columns", "--schema"},
    {"validation_share", "--validation-share"},
    {"test_share", "--test-share"},
    {"split", "--split"},
    {"frequency_threshold", "--frequency-threshold"},
    {"pipeline", "--pipeline"},
    {"bad_rows", "--bad-rows"},
    {"goal", "--goal"},
    {"observation_budget", "--budget"},
    {"parallel_bandwidth", "--parallel"},
    {"seed", "--seed"},
    {"run_id", "--run-id"},
};

// Whether the message is the service's own, not the transport's.
bool SpokenByService(const absl::Status& status) {
  return GetErrorDetail(status).has_value();
}

ExitCode ExitCodeOf(absl::StatusCode code) {
  if (IsBadInput(code)) return ExitCode::kBadInput;
  return code == absl::StatusCode::kCancelled ? ExitCode::kInterrupted : ExitCode::kFailed;
}

}  // namespace

bool IsBadInput(absl::StatusCode code) {
  return code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kNotFound ||
         code == absl::StatusCode::kAlreadyExists || code == absl::StatusCode::kOutOfRange;
}

std::string OptionOfField(const std::string& field) {
  // "spec.split.validation_share": the innermost segment that has an option wins.
  std::vector<std::string> segments = absl::StrSplit(field, absl::ByAnyChar(".["));
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    for (const auto& [name, option] : kOptions) {
      if (*segment == name) return option;
    }
  }
  return field;
}

std::string WithOptions(const std::string& message) {
  std::vector<std::string> parts = absl::StrSplit(message, ": ");
  // Where a message names a place and a field, they stand first.
  for (size_t i = 0; i + 1 < parts.size() && i < 3; ++i) {
    if (parts[i].find(' ') == std::string::npos) parts[i] = OptionOfField(parts[i]);
  }
  return absl::StrJoin(parts, ": ");
}

PersonError ExplainError(const absl::Status& status) {
  PersonError error;
  error.exit_code = ExitCodeOf(status.code());
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  if (detail && !detail->violations.empty()) {
    for (const FieldViolation& violation : detail->violations) {
      absl::StrAppend(&error.text, error.text.empty() ? "" : "\n", OptionOfField(violation.field), ": ",
                      violation.description);
    }
    // What stands before the violations in the message (file, line) is kept.
    const std::string message(status.message());
    const std::string first =
        absl::StrCat(detail->violations[0].field, ": ", detail->violations[0].description);
    if (const size_t at = message.find(first); at != std::string::npos && at > 0) {
      error.text = message.substr(0, at) + error.text;
    }
  } else {
    error.text = std::string(status.message());
  }
  if (error.text.empty()) error.text = absl::StatusCodeToString(status.code());
  return error;
}

absl::Status ExplainCall(const absl::Status& status, const std::string& service, const std::string& address) {
  if (status.ok()) return status;
  const std::string who = absl::StrCat("the ", service, " at ", address);
  if (SpokenByService(status) && status.code() != absl::StatusCode::kUnauthenticated) return status;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::UnavailableError(
          absl::StrCat(who, " cannot be reached; is it running, and is its address right?"));
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(
          absl::StrCat(who, " did not answer in time; it is busy or cannot be reached"));
    case absl::StatusCode::kUnauthenticated:
      return absl::UnauthenticatedError(absl::StrCat(
          who, " does not accept this caller; give its token with --token-file or SDA_TOKEN_FILE"));
    case absl::StatusCode::kUnimplemented:
      return absl::UnimplementedError(
          absl::StrCat(who, " does not know this call; it is older than this program"));
    case absl::StatusCode::kCancelled:
      return absl::CancelledError("interrupted");
    default:
      return Annotate(status, who);
  }
}

}  // namespace sda::cli
