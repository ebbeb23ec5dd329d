#ifndef SDA_CLIENTS_CLI_CORE_CLIENT_SETTINGS_H_
#define SDA_CLIENTS_CLI_CORE_CLIENT_SETTINGS_H_

#include <functional>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

namespace sda::cli {

// Where the services are and how to speak to them. Each may come from an option (--advisor), an environment
// variable (SDA_ADVISOR) or the client file (key advisor), in this order.
struct ClientSettings {
  std::optional<std::string> advisor, optimizer, preprocessing, trainer;  // HOST:PORT
  std::optional<std::string> state;                                       // folder of the local suite
  std::optional<std::string> ca, cert, key, token_file;                   // paths
};

// The keys of the client file, and their fields; "token-file" is an option --token-file and a variable
// SDA_TOKEN_FILE.
std::optional<std::string>* FindSetting(ClientSettings& settings, const std::string& key);

// Text of the client file, a YAML mapping of the keys above. Relative paths in it count from `folder`, the
// file's own. INVALID_ARGUMENT names `source`, line, column and rule.
absl::StatusOr<ClientSettings> ParseClientFile(const std::string& source, const std::string& folder,
                                               const std::string& yaml);

// `settings` with what is not set taken from `environment` ("SDA_ADVISOR" → value), then from `file`.
ClientSettings MergeSettings(ClientSettings settings,
                             const std::function<std::optional<std::string>(const std::string&)>& environment,
                             ClientSettings file);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_CLIENT_SETTINGS_H_
