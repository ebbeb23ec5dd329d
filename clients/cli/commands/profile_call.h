#ifndef SDA_CLIENTS_CLI_COMMANDS_PROFILE_CALL_H_
#define SDA_CLIENTS_CLI_COMMANDS_PROFILE_CALL_H_

#include <string>

#include <absl/status/statusor.h>

#include "clients/cli/commands/session.h"
#include "sda/preprocessing/v1/profile.pb.h"

namespace sda::cli {

// The parts of a profile's replies, put together.
struct ProfileReply {
  preprocessing::v1::DataProfile profile;
  std::string page;           // where the request wants it
  std::string pipeline_yaml;  // where the request wants it
};

// Calls ProfileData and shows its progress.
absl::StatusOr<ProfileReply> CallProfileData(const preprocessing::v1::ProfileDataRequest& request,
                                             PreprocessingClient& client, Terminal& terminal);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_PROFILE_CALL_H_
