#ifndef SDA_CLIENTS_CLI_COMMANDS_AUTOMATIC_PIPELINE_H_
#define SDA_CLIENTS_CLI_COMMANDS_AUTOMATIC_PIPELINE_H_

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "clients/cli/commands/session.h"
#include "clients/cli/core/input_plan.h"

namespace sda::cli {

// A pipeline for the log, chosen from its profile by the preprocessing service, as YAML with the reasons as
// comments.
absl::StatusOr<std::string> ChosenPipeline(const InputPlan& plan, Session& session);

// With --auto: has the preprocessing service choose a pipeline for the log, says what it chose and why, and
// puts it into the plan. Without: nothing.
absl::Status ChoosePipeline(InputPlan& plan, Session& session);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_AUTOMATIC_PIPELINE_H_
