// `sda local`: all services on one machine.
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/run_steps.h"
#include "clients/cli/process/local_suite.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

constexpr const char* kExamples =
    "  sda local --state ./sda-state\n"
    "      Starts optimizer, preprocessing, a trainer-worker and advisor on loopback; Ctrl-C stops them.\n"
    "  sda run --data clicks.csv --label click --budget 20\n"
    "      In another terminal: uses the suite over ./sda-state.\n"
    "\nThe state folder holds everything: databases, datasets, models (artefacts/), logs/ and local.json "
    "with addresses and process\n"
    "ids. It has one owner at a time. A service that dies is started again on its port.";

struct LocalFlags {
  std::optional<std::string> workers, slots, threads_per_slot;
  std::string log_level = "info";
};

Document SuiteDocument(const LocalSuite& suite) {
  return Document::parse(AnnouncementToJson(suite.announcement()));
}

std::string SuiteText(const LocalSuite& suite, const StateLayout& layout) {
  std::string text = absl::StrCat("the suite over ", layout.folder, " is ready:\n");
  for (const Announcement::Child& child : suite.announcement().children) {
    absl::StrAppend(&text, "  ", child.name, std::string(14 - std::min<size_t>(13, child.name.size()), ' '),
                    child.address, "\n");
  }
  const WorkerSizes& sizes = suite.workers();
  absl::StrAppend(&text, sizes.workers, " worker(s) x ", sizes.slots, " slot(s) x ", sizes.threads_per_slot,
                  " thread(s); logs in ", layout.logs(), "; stop with Ctrl-C\n");
  return text;
}

absl::StatusOr<ExitCode> Execute(const LocalFlags& flags, Session& session) {
  LocalSuiteOptions options;
  options.state = session.state().folder;
  options.owner = "sda local";
  SDA_RETURN_IF_ERROR(ParseSuiteSizes(flags.workers, flags.slots, flags.threads_per_slot, options));
  if (flags.log_level != "debug" && flags.log_level != "info" && flags.log_level != "warning" &&
      flags.log_level != "error") {
    return InvalidField("--log-level",
                        absl::StrCat("'", flags.log_level, "' is not one of debug, info, warning, error"));
  }
  options.log_level = flags.log_level;
  options.say = [&terminal = session.terminal()](const std::string& line) { terminal.Say(line); };
  SDA_ASSIGN_OR_RETURN(const std::unique_ptr<LocalSuite> suite, LocalSuite::Start(options, session.stop()));
  session.signals().OnImpatience([&suite] { suite->supervisor().Kill(); });
  SDA_RETURN_IF_ERROR(
      session.Print(SuiteDocument(*suite), [&] { return SuiteText(*suite, session.state()); }));
  const absl::Status status = suite->supervisor().AwaitEnd(session.stop());
  session.terminal().Say("stopping");
  suite->supervisor().Stop();
  session.signals().OnImpatience({});
  SDA_RETURN_IF_ERROR(status);
  return ExitCode::kDone;
}

}  // namespace

void AddLocalCommand(CommandLine& line) {
  CLI::App* command = line.Add(line.app, "local", "Run all services on this machine", kExamples);
  const auto flags = std::make_shared<LocalFlags>();
  const auto add = [&](const char* option, std::optional<std::string>* target, const char* help) {
    command->add_option(option, *target, help)->type_name("N");
  };
  command
      ->add_option("--state", line.common.settings.state, "State folder (default ./sda-state, or SDA_STATE)")
      ->type_name("DIR");
  add("--workers", &flags->workers, "Worker processes (default 1)");
  add("--slots", &flags->slots, "Trials at a time in a worker (default 2, as far as there are cores)");
  add("--threads-per-slot", &flags->threads_per_slot, "Threads of a trial (default: the cores, shared)");
  command
      ->add_option("--log-level", flags->log_level,
                   "Of the services: debug, info, warning or error (default info)")
      ->type_name("LEVEL");
  line.AddOutputOptions(command);
  line.Run(command, [flags](Session& session) { return Execute(*flags, session); });
}

}  // namespace sda::cli
