#include "services/preprocessing/core/errors.h"

#include <algorithm>
#include <map>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/strings.h"
#include "services/preprocessing/core/utf8_check.h"

namespace sda::preprocessing::error {
namespace {

constexpr size_t kQuotedBytes = 60;
constexpr size_t kListedColumns = 20;

absl::Status BadInput(std::string_view message, std::string_view reason,
                      std::map<std::string, std::string> metadata, std::string_view field,
                      std::string_view rule) {
  return MakeError(absl::StatusCode::kInvalidArgument, message,
                   {.reason = std::string(reason),
                    .metadata = std::move(metadata),
                    .violations = {{std::string(field), std::string(rule)}}});
}

absl::Status BadFile(std::string_view path, std::string_view reason, std::string_view rule) {
  return BadInput(absl::StrCat(ToAbsl(path), ": ", ToAbsl(rule)), reason, {{"file", std::string(path)}}, path,
                  rule);
}

}  // namespace

absl::Status InputNotFound(std::string_view path) {
  return BadFile(path, "INPUT_NOT_FOUND", "does not exist");
}

absl::Status InputEmpty(std::string_view path, std::string_view why) {
  return BadFile(path, "INPUT_EMPTY", why);
}

absl::Status InputUnreadable(std::string_view path, std::string_view why) {
  return BadFile(path, "INPUT_UNREADABLE", why);
}

absl::Status BadFormat(std::string_view path, std::string_view why) {
  return BadFile(path, "BAD_FORMAT", why);
}

absl::Status ColumnNotFound(std::string_view field, std::string_view column,
                            const std::vector<std::string>& available) {
  const size_t listed = std::min(available.size(), kListedColumns);
  std::string names =
      absl::StrJoin(available.begin(), available.begin() + static_cast<int64_t>(listed), ", ");
  if (listed < available.size()) absl::StrAppend(&names, ", … (", available.size(), " in all)");
  const std::string rule = absl::StrCat("there is no column ", Quoted(column), "; columns are ", names);
  return BadInput(absl::StrCat(ToAbsl(field), ": ", rule), "COLUMN_NOT_FOUND",
                  {{"column", std::string(column)}}, field, rule);
}

absl::Status BadCell(const Place& place, std::string_view reason, std::string_view rule) {
  std::map<std::string, std::string> metadata = {{"file", place.file}, {"line", absl::StrCat(place.line)}};
  std::string field = absl::StrCat(place.file, ":", place.line);
  if (!place.column.empty()) {
    metadata["column"] = place.column;
    absl::StrAppend(&field, ": column ", Quoted(place.column));
  }
  return BadInput(absl::StrCat(field, ": ", ToAbsl(rule)), reason, std::move(metadata), field, rule);
}

absl::Status InputChanged(std::string_view path) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(ToAbsl(path), ": changed while it was being read"),
                   {.reason = "INPUT_CHANGED", .metadata = {{"file", std::string(path)}}, .violations = {}});
}

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, "cancelled",
                   {.reason = "JOB_CANCELLED", .metadata = {}, .violations = {}});
}

std::string Quoted(std::string_view value) {
  std::string_view shown = value.substr(0, kQuotedBytes);
  // Not in the middle of a character.
  while (shown.size() < value.size() && !shown.empty() && (value[shown.size()] & 0xc0) == 0x80)
    shown.remove_suffix(1);
  const std::string text =
      IsValidUtf8(shown) ? absl::Utf8SafeCHexEscape(ToAbsl(shown)) : absl::CHexEscape(ToAbsl(shown));
  return absl::StrCat("\"", text, shown.size() < value.size() ? "…\"" : "\"");
}

}  // namespace sda::preprocessing::error
