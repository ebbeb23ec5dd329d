#ifndef SDA_CLIENTS_CLI_COMMANDS_AUTOMATIC_PIPELINE_H_
#define SDA_CLIENTS_CLI_COMMANDS_AUTOMATIC_PIPELINE_H_

#include <absl/status/status.h>

#include "clients/cli/commands/session.h"
#include "clients/cli/core/input_plan.h"

namespace sda::cli {

// With --auto: has the preprocessing service choose a pipeline for the log, says what it chose and why, and
// puts it into the plan. Without: nothing.
absl::Status ChoosePipeline(InputPlan& plan, Session& session);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_AUTOMATIC_PIPELINE_H_
