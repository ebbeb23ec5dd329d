#include "services/preprocessing/server/reply_records.h"

#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::json;

constexpr char kFolder[] = "preprocessing/requests";

std::string PathOf(const std::string& request_id) {
  // Ids may hold anything; hashes make file names.
  return absl::StrCat(kFolder, "/", Sha256Hex(request_id), ".json");
}

// A record that cannot be read is as none: the call is tried again, and every call is safe to repeat.
std::optional<Json> Parse(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  for (const char* key : {"request_id", "method", "payload_sha256", "reply", "time"}) {
    if (!json.contains(key) || !json[key].is_string()) return std::nullopt;
  }
  return json;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> ReplyRecords::Find(const RequestKey& key) const {
  const auto text = store_.Read(PathOf(key.request_id));
  if (absl::IsNotFound(text.status())) return std::nullopt;
  SDA_RETURN_IF_ERROR(text.status());
  const std::optional<Json> json = Parse(*text);
  if (!json) return std::nullopt;
  const RequestKey recorded{(*json)["request_id"], (*json)["method"], (*json)["payload_sha256"]};
  if (recorded != key) return RequestIdReused(key.request_id);
  std::string reply;
  if (!absl::Base64Unescape((*json)["reply"].get<std::string>(), &reply)) return std::nullopt;
  return reply;
}

absl::Status ReplyRecords::Save(const RequestKey& key, const std::string& reply, absl::Time now) const {
  const Json json = {{"request_id", key.request_id},
                     {"method", key.method},
                     {"payload_sha256", key.payload_sha256},
                     {"reply", absl::Base64Escape(reply)},
                     {"time", absl::FormatTime(absl::RFC3339_full, now, absl::UTCTimeZone())}};
  return store_.Write(PathOf(key.request_id),
                      json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

absl::Status ReplyRecords::RemoveOld(absl::Time oldest) const {
  SDA_RETURN_IF_ERROR(store_.RemoveUnpublished(kFolder, /*except=*/""));
  SDA_ASSIGN_OR_RETURN(const auto names, store_.ListFiles(kFolder));
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(kFolder, "/", name);
    const auto text = store_.Read(path);
    const std::optional<Json> json = text.ok() ? Parse(*text) : std::nullopt;
    absl::Time time;
    std::string error;
    const bool known =
        json && absl::ParseTime(absl::RFC3339_full, (*json)["time"].get<std::string>(), &time, &error);
    if (known && time < oldest) SDA_RETURN_IF_ERROR(store_.Remove(path));
  }
  return absl::OkStatus();
}

absl::Status RequestIdReused(const std::string& request_id) {
  return MakeError(
      absl::StatusCode::kAlreadyExists, absl::StrCat("request_id ", request_id, " was used for another call"),
      {.reason = "REQUEST_ID_REUSED", .metadata = {{"request_id", request_id}}, .violations = {}});
}

}  // namespace sda::preprocessing
