// `sda run`: the whole job, from a click log to a trained model.
#include <memory>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/automatic_pipeline.h"
#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/run_steps.h"
#include "clients/cli/commands/session.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/run_plan.h"
#include "clients/cli/process/local_suite.h"
#include "clients/cli/remote/run_follower.h"
#include "clients/cli/remote/run_reports.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/server_config.h"

namespace sda::cli {
namespace {

constexpr const char* kExamples =
    "  sda run --data clicks.csv --label click --budget 20\n"
    "      Splits off a fifth of the rows as test part, tries 20 configurations, delivers the best model.\n"
    "  sda run --data train.tsv --test test.tsv --label 0 --goal \"auc>=0.80, minimize train_seconds\" "
    "--budget 40 --parallel 2\n"
    "      The cheapest model to train that reaches an AUC of 0.80.\n"
    "  sda run --data adult.data --test adult.test --label 14 --positive \">50K,>50K.\" --budget 8 --output "
    "json\n"
    "      Labels that are words; the result as JSON on standard output.\n"
    "  sda run --resume runs/01h8xgj3kq\n"
    "      Goes on with a run that was interrupted or failed; nothing finished is done again.\n"
    "\nGoals: 'maximize METRIC', 'minimize METRIC', 'METRIC>=X', 'METRIC<=X', several by comma or by "
    "repeating --goal.\n"
    "Metrics: auc, logloss, normalized_entropy, accuracy, calibration, train_seconds, samples_per_second.\n"
    "\nThe run is carried by the suite at --advisor, else by the one that `sda local` runs over --state, "
    "else by one that is\n"
    "started for the time of the run. Ctrl-C leaves the run where it is, to be resumed; `sda runs cancel` "
    "ends it.\n"
    "\nExit codes: 0 done, 1 failed, 2 bad input, 3 finished but the goal was not met, 130 interrupted.";

// A service of one's own suite that dies is started again.
constexpr absl::Duration kOwnSuitePatience = absl::Minutes(2);

struct RunCommandFlags {
  RunFlags run;
  std::optional<std::string> workers, slots, threads_per_slot;
};

// The suite that carries the run: nothing where another process owns it.
using OwnSuite = std::unique_ptr<LocalSuite>;

absl::Status Busy(const Announcement& owner, const std::string& folder) {
  return absl::FailedPreconditionError(
      absl::StrCat(folder, " is in use by another `sda run` (process ", owner.pid,
                   ") until its run ends; wait for it, choose another folder with --state, or share one "
                   "suite by starting `sda local`"));
}

absl::Status NoSizesWithoutOwnSuite(const RunCommandFlags& flags) {
  for (const auto& [option, value] :
       {std::pair("--workers", &flags.workers), std::pair("--slots", &flags.slots),
        std::pair("--threads-per-slot", &flags.threads_per_slot)}) {
    if (*value)
      return InvalidField(option, "sizes a suite that is started for the run, but one runs already");
  }
  return absl::OkStatus();
}

absl::StatusOr<OwnSuite> StartOwnSuite(const RunCommandFlags& flags, const RunPlan& plan, Session& session) {
  LocalSuiteOptions options;
  options.state = session.state().folder;
  options.owner = "sda run";
  options.trials_at_once = std::max<int64_t>(1, plan.parallel);
  SDA_RETURN_IF_ERROR(ParseSuiteSizes(flags.workers, flags.slots, flags.threads_per_slot, options));
  options.say = [&terminal = session.terminal()](const std::string& line) { terminal.Say(line); };
  session.terminal().Say(absl::StrCat("starting a suite over ", options.state));
  SDA_ASSIGN_OR_RETURN(OwnSuite suite, LocalSuite::Start(options, session.stop()));
  session.signals().OnImpatience([&supervisor = suite->supervisor()] { supervisor.Kill(); });
  session.UseSuite(suite->announcement());
  return suite;
}

// Runs that were left behind go on as soon as an advisor runs; whoever starts another one should know.
void MentionOtherRuns(AdvisorClient& advisor, const std::string& mine, Terminal& terminal) {
  const auto others = ListRunningRuns(advisor);
  if (!others.ok()) return;
  for (const std::string& other : *others) {
    if (other == mine) continue;
    terminal.Say(absl::StrCat("note: ", other, " was interrupted earlier and goes on too; `sda runs cancel ",
                              other, "` ends it"));
  }
}

// A failed or interrupted follow-up leaves the run as it is; says how to come back to it.
absl::Status WithWayBack(const absl::Status& status, const std::string& run, bool own_suite,
                         const StateLayout& state) {
  const std::string again =
      own_suite ? absl::StrCat("go on with `sda run --resume ", run, " --state ", state.folder, "`")
                : absl::StrCat("it goes on; see `sda runs watch ", run, "`");
  if (absl::IsCancelled(status))
    return absl::CancelledError(absl::StrCat("interrupted; ", run, " is kept: ", again));
  return Annotate(status, run);
}

absl::StatusOr<ExitCode> Execute(const RunCommandFlags& flags, Session& session) {
  const auto& advisor_address = session.settings().advisor;
  const bool elsewhere = advisor_address && !rpc::IsLoopback(*advisor_address);
  SDA_ASSIGN_OR_RETURN(RunPlan plan,
                       PlanRun(flags.run, elsewhere ? FileCheck::kElsewhere : FileCheck::kHere));
  OwnSuite own;
  if (!advisor_address) {
    SDA_ASSIGN_OR_RETURN(const std::optional<Announcement> suite, session.FindSuite());
    if (suite && suite->owner != "sda local") return Busy(*suite, session.state().folder);
    if (!suite) {
      SDA_ASSIGN_OR_RETURN(own, StartOwnSuite(flags, plan, session));
    }
  }
  if (!own) SDA_RETURN_IF_ERROR(NoSizesWithoutOwnSuite(flags));
  SDA_ASSIGN_OR_RETURN(const std::unique_ptr<AdvisorClient> advisor, session.Advisor());
  if (own) {
    advisor->set_patience(kOwnSuitePatience);
    MentionOtherRuns(*advisor, plan.resume, session.terminal());
  }
  if (plan.input) SDA_RETURN_IF_ERROR(ChoosePipeline(*plan.input, session));
  SDA_ASSIGN_OR_RETURN(const advisor::v1::Run started, StartRun(plan, *advisor));
  advisor->set_patience(RunFollower::kPatience);  // it is there; it may go and come again
  session.terminal().Say(
      absl::StrCat(started.name(), " (if it is interrupted: sda run --resume ", started.name(), ")"));

  const auto finished = FollowRun(started.name(), *advisor, session.terminal());
  if (!finished.ok()) return WithWayBack(finished.status(), started.name(), own != nullptr, session.state());
  SDA_ASSIGN_OR_RETURN(const RunReport report, ReportRun(*finished, *advisor, session.artefacts()));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(report), [&] { return RenderReport(report); }));
  if (report.state != "SUCCEEDED") {
    const std::string reason =
        plan.input ? WithPipelinePlace(report.reason, plan.input->pipeline) : report.reason;
    session.terminal().Error(absl::StrCat(report.run, " ", report.state, ": ", reason));
  }
  session.signals().OnImpatience({});
  return ExitCodeOf(report);
}

}  // namespace

void AddRunCommand(CommandLine& line) {
  CLI::App* command = line.Add(line.app, "run", "Click log and goal in, trained model out", kExamples);
  const auto flags = std::make_shared<RunCommandFlags>();
  AddInputOptions(command, &flags->run.input);
  const char* search = "Search";
  const auto add = [&](const char* option, std::optional<std::string>* target, const char* type,
                       const char* help, const char* group) {
    command->add_option(option, *target, help)->type_name(type)->group(group);
  };
  command
      ->add_option("--goal", flags->run.goals, "What to reach, e.g. \"auc>=0.80\" (default \"maximize auc\")")
      ->type_name("GOAL")
      ->expected(1, -1)
      ->group(search);
  add("--budget", &flags->run.budget, "N", "Trials to run", search);
  add("--parallel", &flags->run.parallel, "N", "Trials at the same time (default 1)", search);
  add("--model", &flags->run.model, "NAME", "Model family: dlrm, wide_deep, deepfm or dcnv2 (default dlrm)",
      search);
  add("--dataset", &flags->run.dataset, "NAME", "Use this encoded dataset instead of --data", search);
  add("--recipe", &flags->run.recipe, "NAME|FILE",
      "Tune by this recipe, stored or a YAML file, over its dataset", search);
  add("--run-id", &flags->run.run_id, "ID", "The run's name (default: chosen)", search);
  add("--resume", &flags->run.resume, "RUN", "Go on with this run", search);
  const char* suite = "Own suite";
  add("--workers", &flags->workers, "N", "Worker processes (default 1)", suite);
  add("--slots", &flags->slots, "N", "Trials at a time in a worker (default: --parallel)", suite);
  add("--threads-per-slot", &flags->threads_per_slot, "N", "Threads of a trial (default: the cores, shared)",
      suite);
  line.AddOutputOptions(command);
  line.AddConnectionOptions(command, {"advisor"});
  line.Run(command, [flags](Session& session) { return Execute(*flags, session); });
}

}  // namespace sda::cli
