// `sda runs`: what became of runs.
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/run_steps.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/proto_document.h"
#include "clients/cli/remote/run_reports.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using advisor::v1::AdvisorService;
using advisor::v1::Run;

absl::StatusOr<ExitCode> List(Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  Document document = Document::array();
  Table table({"run", "state", "stage", "dataset", "experiment", "model", "created"});
  SDA_RETURN_IF_ERROR((ForEachPage<advisor::v1::ListRunsRequest, advisor::v1::ListRunsResponse>(
      advisor::v1::ListRunsRequest(),
      [&](const advisor::v1::ListRunsRequest& page) {
        return advisor->Call(&AdvisorService::Stub::ListRuns, page);
      },
      [&](const advisor::v1::ListRunsResponse& page) {
        for (const Run& run : page.runs()) {
          document.push_back(ToDocument(run));
          const Document& last = document.back();
          table.AddRow({run.name(), StateName(run.state()), last["stage"], run.dataset(), run.experiment(),
                        run.model(), last.value("create_time", "")});
        }
      })));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Get(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("RUN", "runs", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::GetRunRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(const advisor::v1::GetRunResponse response,
                       advisor->Call(&AdvisorService::Stub::GetRun, request));
  SDA_ASSIGN_OR_RETURN(const RunReport report, ReportRun(response.run(), *advisor, session.artefacts()));
  Document document = ToDocument(report);
  document["stage"] = ToDocument(response.run())["stage"];
  document["progress"] = ToDocument(response.run().progress());
  document["waiting_for"] = response.run().waiting_for();
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return RenderReport(report); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Watch(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("RUN", "runs", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  SDA_ASSIGN_OR_RETURN(const Run run, FollowRun(name, *advisor, session.terminal()));
  SDA_ASSIGN_OR_RETURN(const RunReport report, ReportRun(run, *advisor, session.artefacts()));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(report), [&] { return RenderReport(report); }));
  return ExitCodeOf(report);
}

absl::StatusOr<ExitCode> Cancel(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("RUN", "runs", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::CancelRunRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(const advisor::v1::CancelRunResponse response,
                       advisor->Call(&AdvisorService::Stub::CancelRun, request));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(response.run()), [&] {
    return absl::StrCat(response.run().name(), " ", StateName(response.run().state()), "\n");
  }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Delete(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("RUN", "runs", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::DeleteRunRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_RETURN_IF_ERROR(advisor->Call(&AdvisorService::Stub::DeleteRun, request).status());
  session.terminal().Say(absl::StrCat(name, " deleted; its dataset, experiment and model stay"));
  return ExitCode::kDone;
}

}  // namespace

void AddRunsCommands(CommandLine& line) {
  CLI::App* family = line.Add(line.app, "runs", "Look at runs, watch and cancel them",
                              "  sda runs list\n"
                              "  sda runs get runs/01h8xgj3kq --output json\n"
                              "  sda runs cancel runs/01h8xgj3kq");
  family->require_subcommand(1);
  const auto prepare = [&](CLI::App* command) {
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"advisor"});
  };
  CLI::App* list = line.Add(*family, "list", "All runs, newest first", "");
  prepare(list);
  line.Run(list, List);

  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* verb, const char* description,
                       absl::StatusOr<ExitCode> (*execute)(const std::string&, Session&)) {
    CLI::App* command = line.Add(*family, verb, description, "");
    command->add_option("RUN", *name, "Name of the run, e.g. runs/01h8xgj3kq")->required()->type_name("");
    prepare(command);
    line.Run(command, [name, execute](Session& session) { return execute(*name, session); });
  };
  add("get", "One run with its trials", Get);
  add("watch", "Follows a run to its end; exit codes as of `sda run`", Watch);
  add("cancel", "Ends a run, its job and its experiment", Cancel);
  add("delete", "Removes the record of an ended run", Delete);
}

}  // namespace sda::cli
