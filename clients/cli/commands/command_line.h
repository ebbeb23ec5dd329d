#ifndef SDA_CLIENTS_CLI_COMMANDS_COMMAND_LINE_H_
#define SDA_CLIENTS_CLI_COMMANDS_COMMAND_LINE_H_

#include <functional>
#include <initializer_list>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <absl/status/statusor.h>

#include "clients/cli/commands/session.h"
#include "clients/cli/core/exit_code.h"
#include "clients/cli/core/input_plan.h"

namespace sda::cli {

// What a chosen command does.
using Action = std::function<absl::StatusOr<ExitCode>(Session&)>;

// The command line while it is being declared and parsed. Must outlive both.
struct CommandLine {
  CLI::App app;
  CommonFlags common;
  Action action;

  // A command below `parent`; `examples` ends its help.
  CLI::App* Add(CLI::App& parent, const std::string& name, const std::string& description,
                const std::string& examples);

  // Makes `action` what happens when `command` is chosen.
  void Run(CLI::App* command, Action action);

  // --output, --quiet.
  void AddOutputOptions(CLI::App* command);

  // --state, the addresses of these services, and how to prove who one is.
  void AddConnectionOptions(CLI::App* command, std::initializer_list<const char*> services);
};

// The options that describe a click log; see InputFlags.
void AddInputOptions(CLI::App* command, InputFlags* flags);

// One function for each family of commands, each in a file of its own.
void AddRunCommand(CommandLine& line);
void AddRunsCommands(CommandLine& line);
void AddLocalCommand(CommandLine& line);
void AddDataCommands(CommandLine& line);
void AddDatasetCommands(CommandLine& line);
void AddPipelineCommands(CommandLine& line);
void AddRecipeCommands(CommandLine& line);
void AddExperimentCommands(CommandLine& line);
void AddModelCommands(CommandLine& line);
void AddDatagenCommands(CommandLine& line);
void AddHealthCommand(CommandLine& line);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_COMMAND_LINE_H_
