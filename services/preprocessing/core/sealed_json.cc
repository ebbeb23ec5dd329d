#include "services/preprocessing/core/sealed_json.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "common/base/sha256.h"
#include "common/base/strings.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kSealBytes = 64;  // hexadecimal digits of a SHA-256

}  // namespace

absl::Status Unusable(std::string_view path, std::string_view why) {
  return absl::DataLossError(absl::StrCat(ToAbsl(path), ": ", ToAbsl(why)));
}

std::string SealJson(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return absl::StrCat(Sha256Hex(text), "\n", text);
}

absl::StatusOr<Json> UnsealJson(std::string_view sealed, std::string_view path) {
  const std::string_view text = sealed.substr(std::min(sealed.size(), kSealBytes + 1));
  if (sealed.substr(0, kSealBytes) != Sha256Hex(text)) return Unusable(path, "is damaged");
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Unusable(path, "is no object");
  return json;
}

}  // namespace sda::preprocessing
