// `sda datagen`: made-up click logs, for trying things out without a download.
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/input_files.h"
#include "clients/cli/core/table.h"
#include "clients/cli/process/available_cores.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/datagen/criteo_log.h"

namespace sda::cli {
namespace {

using preprocessing::datagen::CriteoLogOptions;
using preprocessing::datagen::CriteoLogSummary;

constexpr const char* kExamples =
    "  sda datagen criteo --rows 100000 --seed 1 --output clicks.tsv\n"
    "  sda datagen criteo --rows 1000 --seed 1 | head\n"
    "\nThe log has Criteo's layout: label, 13 integers, 26 categories, tab separated, no header, with "
    "missing fields. Labels are\n"
    "drawn from a hidden model; what is printed as best AUC is what that model itself reaches on these rows. "
    "The same rows and\n"
    "seed give the same bytes.";

constexpr int64_t kMostRows = 10'000'000'000;

struct CriteoFlags {
  std::string rows;
  std::string seed = "0";
  std::optional<std::string> sizes_of_rows;
  std::string output = "-";
};

Document SummaryDocument(const CriteoLogSummary& summary, const std::string& path) {
  Document document;
  document["file"] = path;
  document["rows"] = summary.rows;
  document["positive_rows"] = summary.positive_rows;
  document["bytes"] = summary.bytes;
  document["best_auc"] = summary.best_auc;
  return document;
}

std::string SummaryText(const CriteoLogSummary& summary, const std::string& path) {
  return absl::StrCat(path, ": ", FormatCount(summary.rows), " rows, ", FormatCount(summary.positive_rows),
                      " clicks, ", FormatCount(summary.bytes), " bytes; best reachable AUC ",
                      FormatNumber(summary.best_auc));
}

absl::Status CheckOutput(const std::string& path) {
  if (path.empty()) return InvalidField("--output", "is empty; name a file, or - for standard output");
  const std::string folder = std::filesystem::path(AbsolutePath(path)).parent_path().string();
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return InvalidField("--output", absl::StrCat("'", path, "': ", folder, " is not a folder"));
  }
  if (std::filesystem::is_directory(path, error)) {
    return InvalidField("--output", absl::StrCat("'", path, "' is a folder, not a file"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Execute(const CriteoFlags& flags, Session& session) {
  CriteoLogOptions options;
  SDA_ASSIGN_OR_RETURN(options.rows, ParseIntFlag("--rows", flags.rows, 1, kMostRows));
  SDA_ASSIGN_OR_RETURN(options.seed,
                       ParseIntFlag("--seed", flags.seed, 0, std::numeric_limits<int64_t>::max()));
  if (flags.sizes_of_rows) {
    SDA_ASSIGN_OR_RETURN(options.sizes_of_rows,
                         ParseIntFlag("--sizes-of-rows", *flags.sizes_of_rows, 1, kMostRows));
  }
  options.threads = AvailableCores();
  options.stop = session.stop();
  ProgressView view;
  view.what = "datagen";
  view.unit = "rows";
  view.total = options.rows;
  options.on_progress = [&](int64_t done) {
    view.done = done;
    session.terminal().Show(view);
  };
  Terminal& terminal = session.terminal();
  if (flags.output == "-") {
    const auto write = [&](std::string_view bytes) { return terminal.Print(std::string(bytes)); };
    SDA_ASSIGN_OR_RETURN(const CriteoLogSummary summary, MakeCriteoLog(options, write));
    terminal.Say(SummaryText(summary, "standard output"));  // not among the rows
    return ExitCode::kDone;
  }
  SDA_RETURN_IF_ERROR(CheckOutput(flags.output));
  SDA_ASSIGN_OR_RETURN(const CriteoLogSummary summary, WriteCriteoLog(options, AbsolutePath(flags.output)));
  SDA_RETURN_IF_ERROR(session.Print(SummaryDocument(summary, flags.output),
                                    [&] { return SummaryText(summary, flags.output) + "\n"; }));
  return ExitCode::kDone;
}

}  // namespace

void AddDatagenCommands(CommandLine& line) {
  CLI::App* family = line.Add(line.app, "datagen", "Make up click logs for trying things out", kExamples);
  family->require_subcommand(1);
  const auto flags = std::make_shared<CriteoFlags>();
  CLI::App* command =
      line.Add(*family, "criteo", "A click log in Criteo's layout with planted structure", kExamples);
  command->add_option("--rows", flags->rows, "Rows, 1 to 10^10")->required()->type_name("N");
  command->add_option("--seed", flags->seed, "Seed (default 0)")->type_name("S");
  command
      ->add_option("--sizes-of-rows", flags->sizes_of_rows,
                   "Columns have as many values as in a log of so many rows (default: of --rows)")
      ->type_name("N");
  command
      ->add_option("--output,-o", flags->output,
                   "File to write, whole or not at all (default -, standard output)")
      ->type_name("FILE");
  command->add_flag("--quiet,-q", line.common.quiet, "No progress on standard error");
  line.Run(command, [flags](Session& session) { return Execute(*flags, session); });
}

}  // namespace sda::cli
