// `sda experiment`: searches and their trials.
#include "clients/cli/commands/experiment_commands.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/follow_stream.h"
#include "clients/cli/remote/proto_document.h"
#include "clients/cli/remote/run_reports.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using optimizer::v1::Experiment;
using optimizer::v1::OptimizerService;
using optimizer::v1::Trial;

absl::StatusOr<std::string> NameOf(const std::string& text) {
  return ParseNameFlag("EXPERIMENT", "experiments", text);
}

int64_t Finished(const optimizer::v1::TrialCounts& counts) {
  return counts.succeeded_count() + counts.stopped_count() + counts.infeasible_count();
}

Table NewTable() {
  return Table({"experiment", "name", "state", "finished", "budget", "running", "failed", "created"});
}

void AddRow(const Experiment& experiment, Table& table) {
  const optimizer::v1::TrialCounts& counts = experiment.trial_counts();
  table.AddRow({experiment.name(), experiment.display_name(), StateName(experiment.state()),
                absl::StrCat(Finished(counts)), absl::StrCat(experiment.observation_budget()),
                absl::StrCat(counts.active_count()), absl::StrCat(counts.failed_count()),
                ToDocument(experiment).value("create_time", "")});
}

absl::StatusOr<ExitCode> List(Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  Document document = Document::array();
  Table table = NewTable();
  using Request = optimizer::v1::ListExperimentsRequest;
  using Response = optimizer::v1::ListExperimentsResponse;
  SDA_RETURN_IF_ERROR((ForEachPage<Request, Response>(
      Request(),
      [&](const Request& page) { return client->Call(&OptimizerService::Stub::ListExperiments, page); },
      [&](const Response& page) {
        for (const Experiment& experiment : page.experiments()) {
          document.push_back(ToDocument(experiment));
          AddRow(experiment, table);
        }
      })));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Get(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, NameOf(text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  optimizer::v1::GetExperimentRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::GetExperimentResponse response,
                       client->Call(&OptimizerService::Stub::GetExperiment, request));
  return PrintExperiment(response.experiment(), session);
}

absl::StatusOr<ExitCode> Trials(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, NameOf(text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  Document document = Document::array();
  std::vector<TrialReport> reports;
  optimizer::v1::ListTrialsRequest request;
  request.set_parent(name);
  using Request = optimizer::v1::ListTrialsRequest;
  using Response = optimizer::v1::ListTrialsResponse;
  SDA_RETURN_IF_ERROR((ForEachPage<Request, Response>(
      request, [&](const Request& page) { return client->Call(&OptimizerService::Stub::ListTrials, page); },
      [&](const Response& page) {
        for (const Trial& trial : page.trials()) {
          document.push_back(ToDocument(trial));
          reports.push_back(ToReport(trial));
        }
      })));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return RenderTrials(reports, ""); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Best(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, NameOf(text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  optimizer::v1::ListBestTrialsRequest request;
  request.set_parent(name);
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::ListBestTrialsResponse response,
                       client->Call(&OptimizerService::Stub::ListBestTrials, request));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(response), [&] {
    if (!response.has_recommended()) return std::string("no trial has succeeded yet\n");
    std::vector<TrialReport> front;
    for (const Trial& trial : response.pareto()) front.push_back(ToReport(trial));
    if (front.empty()) front.push_back(ToReport(response.recommended()));
    return absl::StrCat(RenderTrials(front, response.recommended().name()),
                        "\nthresholds met: ", response.thresholds_met() ? "yes" : "no", "\n");
  }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Watch(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, NameOf(text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  optimizer::v1::WatchExperimentRequest request;
  request.set_name(name);
  Experiment experiment;
  ProgressView view;
  view.what = name;
  view.unit = "trials";
  StreamFollower<OptimizerClient, optimizer::v1::WatchExperimentResponse> stream{
      .client = *client,
      .open = [&](grpc::ClientContext* context) { return client->stub().WatchExperiment(context, request); },
      .take =
          [&](const optimizer::v1::WatchExperimentResponse& event) {
            request.set_resume_token(event.resume_token());
            if (event.has_trial()) {
              if (IsFinal(event.trial().state())) session.terminal().Say(TrialLine(event.trial()));
            } else {
              experiment = event.experiment();
              view.done = Finished(experiment.trial_counts());
              view.total = experiment.observation_budget();
              session.terminal().Show(view);
            }
            const optimizer::v1::TrialCounts& counts = experiment.trial_counts();
            return IsFinal(experiment.state()) && counts.active_count() == 0 && counts.queued_count() == 0;
          },
      .on_wait =
          [&] {
            view.note = "waiting for the optimizer";
            session.terminal().Show(view);
            view.note.clear();
          }};
  SDA_RETURN_IF_ERROR(stream.Follow());
  session.terminal().ClearBar();
  return PrintExperiment(experiment, session);
}

template <class Request, class Response>
absl::StatusOr<ExitCode> Change(const std::string& text, Session& session,
                                grpc::Status (OptimizerService::Stub::*method)(grpc::ClientContext*,
                                                                               const Request&, Response*)) {
  SDA_ASSIGN_OR_RETURN(const std::string name, NameOf(text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  Request request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(const Response response, client->Call(method, request));
  return PrintExperiment(response.experiment(), session);
}

absl::StatusOr<ExitCode> Pause(const std::string& text, Session& session) {
  return Change(text, session, &OptimizerService::Stub::PauseExperiment);
}

absl::StatusOr<ExitCode> Resume(const std::string& text, Session& session) {
  return Change(text, session, &OptimizerService::Stub::ResumeExperiment);
}

absl::StatusOr<ExitCode> Stop(const std::string& text, Session& session) {
  return Change(text, session, &OptimizerService::Stub::StopExperiment);
}

}  // namespace

absl::StatusOr<ExitCode> PrintExperiment(const Experiment& experiment, Session& session) {
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(experiment), [&] {
    Table table = NewTable();
    AddRow(experiment, table);
    Table parameters({"parameter", "domain", "default", "reason"});
    for (const optimizer::v1::Parameter& parameter : experiment.parameters()) {
      Document domain = ToDocument(parameter);
      std::string range;
      for (const char* kind : {"double_range", "int_range", "grid", "categories"}) {
        if (!domain.contains(kind)) continue;
        range = domain[kind].contains("values")
                    ? domain[kind]["values"].dump()
                    : absl::StrCat("[", domain[kind]["min"].dump(), ", ", domain[kind]["max"].dump(), "]");
      }
      parameters.AddRow({parameter.name(), range,
                         domain.contains("default_value") ? domain["default_value"].dump() : "-",
                         parameter.reason()});
    }
    return absl::StrCat(table.Render(), "\n", parameters.Render());
  }));
  return ExitCode::kDone;
}

void AddExperimentCommands(CommandLine& line) {
  CLI::App* family =
      line.Add(line.app, "experiment",
               "Look at searches and their trials; steer, correct, copy, export and explain them",
               "  sda experiment list\n"
               "  sda experiment trials experiments/01h8xgj3kq --output json\n"
               "  sda experiment watch experiments/01h8xgj3kq");
  family->require_subcommand(1);
  const auto prepare = [&](CLI::App* command) {
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"optimizer"});
  };
  CLI::App* list = line.Add(*family, "list", "All experiments, newest first", "");
  prepare(list);
  line.Run(list, List);

  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* verb, const char* description,
                       absl::StatusOr<ExitCode> (*execute)(const std::string&, Session&)) {
    CLI::App* command = line.Add(*family, verb, description, "");
    command->add_option("EXPERIMENT", *name, "Its name, e.g. experiments/01h8xgj3kq")
        ->required()
        ->type_name("");
    prepare(command);
    line.Run(command, [=](Session& session) { return execute(*name, session); });
  };
  add("get", "One experiment with its search space", Get);
  add("trials", "Its trials", Trials);
  add("best", "Its best trials: the Pareto front within the thresholds", Best);
  add("watch", "Follows it to its end", Watch);
  add("pause", "Hands out no more trials; running ones go on", Pause);
  add("resume", "Hands out trials again", Resume);
  add("stop", "Ends the search for good", Stop);
  AddExperimentInsightsCommands(line, *family);
  AddExperimentFileCommands(line, *family);
}

}  // namespace sda::cli
