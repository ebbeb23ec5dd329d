#ifndef SDA_CLIENTS_CLI_COMMANDS_PROFILE_OUTPUT_H_
#define SDA_CLIENTS_CLI_COMMANDS_PROFILE_OUTPUT_H_

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "clients/cli/commands/terminal.h"
#include "sda/preprocessing/v1/profile.pb.h"

namespace sda::cli {

// Where a profile goes, by what --output says: "table", "json" or "yaml" to standard output; a name that ends
// in .html, .yaml, .yml or .json to that file; any other to that folder, as profile.html and profile.yaml.
struct ProfileDestination {
  enum class Form { kTable, kJson, kYaml, kHtmlFile, kJsonFile, kYamlFile, kFolder };
  Form form = Form::kTable;
  std::string path;  // of files and folders

  bool wants_page() const { return form == Form::kHtmlFile || form == Form::kFolder; }
};

// INVALID_ARGUMENT names --output: a file in a folder that does not exist, a name of another kind of file.
absl::StatusOr<ProfileDestination> ParseProfileDestination(const std::string& output, bool json);

// The profile as text for a terminal: the data as a whole, what to look at, a table of the columns.
std::string ProfileText(const preprocessing::v1::DataProfile& profile);

// Files appear whole; what was written is said, with what the profile warns of.
absl::Status WriteProfile(const preprocessing::v1::DataProfile& profile, const std::string& page,
                          const ProfileDestination& destination, Terminal& terminal);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_PROFILE_OUTPUT_H_
