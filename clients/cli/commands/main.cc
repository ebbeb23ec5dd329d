// The command line of the suite.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/session.h"
#include "clients/cli/commands/signals.h"
#include "clients/cli/commands/terminal.h"
#include "clients/cli/core/person_error.h"
#include "common/base/version.h"

namespace sda::cli {
namespace {

constexpr const char* kDescription =
    "SDA tunes recommender models on ordinary CPUs: a click log and a goal go in, a trained model comes out.";

constexpr const char* kExamples =
    "\nExamples:\n"
    "  sda datagen criteo --rows 100000 --seed 1 --output clicks.tsv\n"
    "  sda run --data clicks.tsv --label 0 --budget 8 --parallel 2\n"
    "  sda model list\n"
    "\nEnvironment: SDA_STATE, SDA_ADVISOR, SDA_OPTIMIZER, SDA_PREPROCESSING, SDA_TRAINER, SDA_CA, SDA_CERT, "
    "SDA_KEY,\n"
    "SDA_TOKEN_FILE and SDA_CLIENT_CONFIG stand for the options of these names.";

void Declare(CommandLine& line) {
  line.app.description(kDescription);
  line.app.name("sda");
  line.app.footer(kExamples);
  line.app.require_subcommand(1);
  line.app.set_version_flag("--version", absl::StrCat("sda ", std::string(Version())));
  AddRunCommand(line);
  AddRunsCommands(line);
  AddLocalCommand(line);
  AddDataCommands(line);
  AddDatasetCommands(line);
  AddPipelineCommands(line);
  AddRecipeCommands(line);
  AddExperimentCommands(line);
  AddModelCommands(line);
  AddDatagenCommands(line);
  AddHealthCommand(line);
}

// "sda run" for the innermost command that was recognised.
std::string CommandPath(const CLI::App& app) {
  std::string path = "sda";
  const CLI::App* current = &app;
  while (!current->get_subcommands().empty()) {
    current = current->get_subcommands().front();
    absl::StrAppend(&path, " ", current->get_name());
  }
  return path;
}

// CLI11 speaks of a missing command where a word is none.
std::string WhatIsWrong(CLI::App& app, const CLI::ParseError& error) {
  CLI::App* innermost = &app;
  while (!innermost->get_subcommands().empty()) innermost = innermost->get_subcommands().front();
  const std::vector<std::string> rest = innermost->remaining();
  if (!rest.empty() && innermost->get_require_subcommand_min() > 0 && !absl::StartsWith(rest.front(), "-")) {
    return absl::StrCat("'", rest.front(), "' is not a command");
  }
  return error.what();
}

ExitCode Execute(CommandLine& line) {
  Signals signals;
  Terminal terminal(line.common.quiet);
  absl::StatusOr<ExitCode> result = absl::InternalError("no command");
  if (auto session = Session::Create(line.common, terminal, signals); session.ok()) {
    result = line.action(**session);
  } else {
    result = session.status();
  }
  if (result.ok()) return *result;
  const PersonError error = ExplainError(result.status());
  terminal.Error(error.text);
  return error.exit_code;
}

}  // namespace
}  // namespace sda::cli

int main(int argc, char** argv) {
  sda::cli::CommandLine line;
  sda::cli::Declare(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return line.app.exit(error);  // --help, --version
    const std::string path = sda::cli::CommandPath(line.app);
    const std::string what = sda::cli::WhatIsWrong(line.app, error);
    std::fprintf(stderr, "sda: %s\nsee `%s --help`\n", what.c_str(), path.c_str());
    return static_cast<int>(sda::cli::ExitCode::kBadInput);
  }
  return static_cast<int>(sda::cli::Execute(line));
}
