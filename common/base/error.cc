#include "common/base/error.h"

#include <cstdint>
#include <cstring>

#include <absl/strings/cord.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/strings.h"

namespace sda {
namespace {

constexpr char kPayloadUrl[] = "sda/ErrorDetail";

// The payload is a sequence of strings, each behind its length: reason, pairs of metadata, pairs of
// violations.
void Put(std::string& out, std::string_view text) {
  const uint32_t size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(text);
}

std::optional<std::string> Take(std::string_view& in) {
  uint32_t size = 0;
  if (in.size() < sizeof(size)) return std::nullopt;
  std::memcpy(&size, in.data(), sizeof(size));
  in.remove_prefix(sizeof(size));
  if (in.size() < size) return std::nullopt;
  std::string text(in.substr(0, size));
  in.remove_prefix(size);
  return text;
}

std::string Encode(const ErrorDetail& detail) {
  std::string out;
  Put(out, detail.reason);
  Put(out, absl::StrCat(detail.metadata.size()));
  for (const auto& [key, value] : detail.metadata) {
    Put(out, key);
    Put(out, value);
  }
  for (const FieldViolation& violation : detail.violations) {
    Put(out, violation.field);
    Put(out, violation.description);
  }
  return out;
}

std::optional<ErrorDetail> Decode(std::string_view in) {
  ErrorDetail detail;
  auto reason = Take(in);
  auto count = Take(in);
  if (!reason || !count) return std::nullopt;
  detail.reason = *reason;
  for (int left = std::stoi(*count); left > 0; --left) {
    auto key = Take(in);
    auto value = Take(in);
    if (!key || !value) return std::nullopt;
    detail.metadata[*key] = *value;
  }
  while (!in.empty()) {
    auto field = Take(in);
    auto description = Take(in);
    if (!field || !description) return std::nullopt;
    detail.violations.push_back({*field, *description});
  }
  return detail;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, std::string_view message, const ErrorDetail& detail) {
  absl::Status status(code, ToAbsl(message));
  status.SetPayload(kPayloadUrl, absl::Cord(Encode(detail)));
  return status;
}

absl::Status InvalidField(std::string_view field, std::string_view description) {
  return InvalidFields({{std::string(field), std::string(description)}});
}

absl::Status InvalidFields(const std::vector<FieldViolation>& violations) {
  const std::string message =
      absl::StrJoin(violations, "; ", [](std::string* out, const FieldViolation& violation) {
        absl::StrAppend(out, violation.field, ": ", violation.description);
      });
  return MakeError(absl::StatusCode::kInvalidArgument, message,
                   {.reason = "INVALID_FIELD", .metadata = {}, .violations = violations});
}

std::optional<ErrorDetail> GetErrorDetail(const absl::Status& status) {
  auto payload = status.GetPayload(kPayloadUrl);
  if (!payload) return std::nullopt;
  return Decode(std::string(*payload));
}

std::string GetErrorReason(const absl::Status& status) {
  auto detail = GetErrorDetail(status);
  return detail ? detail->reason : "";
}

absl::Status Annotate(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(ToAbsl(prefix), ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { annotated.SetPayload(url, payload); });
  return annotated;
}

}  // namespace sda
