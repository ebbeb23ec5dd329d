#ifndef SDA_CLIENTS_CLI_COMMANDS_EXPERIMENT_COMMANDS_H_
#define SDA_CLIENTS_CLI_COMMANDS_EXPERIMENT_COMMANDS_H_

#include "clients/cli/commands/command_line.h"
#include "sda/optimizer/v1/experiment.pb.h"

// The files that `sda experiment` is made of.
namespace sda::cli {

// export, import, import-csv.
void AddExperimentFileCommands(CommandLine& line, CLI::App& family);

// insights, clone, amend, void.
void AddExperimentInsightsCommands(CommandLine& line, CLI::App& family);

absl::StatusOr<ExitCode> PrintExperiment(const optimizer::v1::Experiment& experiment, Session& session);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_EXPERIMENT_COMMANDS_H_
