#ifndef SDA_SERVICES_PREPROCESSING_CORE_SEALED_JSON_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SEALED_JSON_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

namespace sda::preprocessing {

// JSON text behind its own SHA-256, so that what is read is what was written.
std::string SealJson(const nlohmann::ordered_json& json);

// DATA_LOSS, naming `path`, for what is no object that was sealed so.
absl::StatusOr<nlohmann::ordered_json> UnsealJson(std::string_view sealed, std::string_view path);

// What an earlier attempt left at `path` cannot be used.
absl::Status Unusable(std::string_view path, std::string_view why);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SEALED_JSON_H_
