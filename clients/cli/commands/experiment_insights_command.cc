// `sda experiment insights`, and what corrects and copies a search: `clone`, `amend`, `void`.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "clients/cli/commands/experiment_commands.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/proto_document.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using optimizer::v1::Insights;
using optimizer::v1::OptimizerService;
using optimizer::v1::Trial;

struct Flags {
  std::string name, metric, new_name, reason;
  std::vector<std::string> values;
  int64_t budget = 0;
  bool copy_trials = false;
};

std::string Percent(double share) {
  return absl::StrFormat("%.0f %%", 100 * share);
}

std::string InsightsText(const Insights& insights) {
  Table importance({"parameter", "share", "alone", "uncertainty"});
  for (const auto& parameter : insights.importance()) {
    importance.AddRow({parameter.parameter(), Percent(parameter.total_share()),
                       Percent(parameter.main_share()),
                       absl::StrCat("± ", Percent(parameter.total_share_stddev()))});
  }
  Table progress({"trials", "best", "hypervolume"});
  const int count = insights.convergence_size();
  for (int i = 0; i < count; ++i) {
    // Ten lines tell the course.
    if (i + 1 != count && i % std::max(1, count / 10) != 0) continue;
    const auto& point = insights.convergence(i);
    progress.AddRow({absl::StrCat(point.trial_count()),
                     point.has_best_value() ? FormatNumber(point.best_value()) : "-",
                     point.has_hypervolume() ? FormatNumber(point.hypervolume()) : "-"});
  }
  std::string text = absl::StrCat(
      "What moves ", insights.metric(), ", by a model of ", insights.observation_count(), " trials:\n\n",
      importance.Render(), "\nPredicted from all other trials, the model explains ",
      Percent(insights.explained_variance()), " of the variance; ", Percent(insights.two_sigma_coverage()),
      " of the values lie within two deviations.\n\n", progress.Render());
  for (const auto& dependence : insights.dependence()) {
    Table curve({dependence.parameter(), insights.metric(), "±"});
    const int points = dependence.points_size();
    for (int i = 0; i < points; ++i) {
      if (points > 12 && i + 1 != points && i % (points / 8) != 0) continue;
      const Document point = ToDocument(dependence.points(i));
      curve.AddRow({point["value"].is_string() ? point["value"].get<std::string>() : point["value"].dump(),
                    FormatNumber(dependence.points(i).metric().value()),
                    FormatNumber(dependence.points(i).metric().stddev())});
    }
    absl::StrAppend(&text, "\n", curve.Render());
  }
  return text;
}

absl::StatusOr<ExitCode> ShowInsights(const Flags& flags, Session& session) {
  optimizer::v1::GetInsightsRequest request;
  SDA_ASSIGN_OR_RETURN(*request.mutable_name(), ParseNameFlag("EXPERIMENT", "experiments", flags.name));
  request.set_metric(flags.metric);
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::GetInsightsResponse response,
                       client->Call(&OptimizerService::Stub::GetInsights, request));
  SDA_RETURN_IF_ERROR(
      session.Print(ToDocument(response.insights()), [&] { return InsightsText(response.insights()); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Clone(const Flags& flags, Session& session) {
  optimizer::v1::CloneExperimentRequest request;
  request.set_request_id(NewRequestId());
  SDA_ASSIGN_OR_RETURN(*request.mutable_name(), ParseNameFlag("EXPERIMENT", "experiments", flags.name));
  if (!flags.new_name.empty()) {
    SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("--name", "experiments", flags.new_name));
    request.set_experiment_id(name.substr(std::string("experiments/").size()));
  }
  if (flags.budget != 0) {
    request.mutable_experiment()->set_observation_budget(flags.budget);
    request.mutable_update_mask()->add_paths("observation_budget");
  }
  request.set_copy_trials(flags.copy_trials);
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::CloneExperimentResponse response,
                       client->Call(&OptimizerService::Stub::CloneExperiment, request));
  return PrintExperiment(response.experiment(), session);
}

absl::StatusOr<ExitCode> PrintTrial(const Trial& trial, Session& session) {
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(trial), [&] {
    Table table({"trial", "metric", "value", "corrections"});
    for (const auto& [name, value] : trial.metrics())
      table.AddRow({trial.name(), name, FormatNumber(value.value()), absl::StrCat(trial.amendments_size())});
    if (trial.metrics().empty())
      table.AddRow({trial.name(), "-", "-", absl::StrCat(trial.amendments_size())});
    return table.Render();
  }));
  return ExitCode::kDone;
}

// NAME=VALUE, the last = counts: a name may hold none, a value neither.
absl::StatusOr<ExitCode> Amend(const Flags& flags, Session& session) {
  optimizer::v1::AmendTrialRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(flags.name);
  request.set_reason(flags.reason);
  for (const std::string& text : flags.values) {
    const size_t equals = text.find('=');
    double value = 0;
    if (equals == std::string::npos || !absl::SimpleAtod(text.substr(equals + 1), &value)) {
      return InvalidField("--metric", absl::StrCat("is \"", text, "\"; must read NAME=NUMBER"));
    }
    (*request.mutable_metrics())[text.substr(0, equals)].set_value(value);
  }
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::AmendTrialResponse response,
                       client->Call(&OptimizerService::Stub::AmendTrial, request));
  return PrintTrial(response.trial(), session);
}

absl::StatusOr<ExitCode> Void(const Flags& flags, Session& session) {
  optimizer::v1::VoidTrialRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(flags.name);
  request.set_reason(flags.reason);
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::VoidTrialResponse response,
                       client->Call(&OptimizerService::Stub::VoidTrial, request));
  return PrintTrial(response.trial(), session);
}

}  // namespace

void AddExperimentInsightsCommands(CommandLine& line, CLI::App& family) {
  const auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* verb, const char* what, const char* description,
                       absl::StatusOr<ExitCode> (*execute)(const Flags&, Session&)) {
    CLI::App* command = line.Add(family, verb, description, "");
    command->add_option(what, flags->name, "Its name")->required()->type_name("");
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"optimizer"});
    line.Run(command, [=](Session& session) { return execute(*flags, session); });
    return command;
  };
  add("insights", "EXPERIMENT", "Which parameters matter, how the search went on, how good its model is",
      ShowInsights)
      ->add_option("--metric", flags->metric, "Metric to explain (default: the first optimised one)")
      ->type_name("NAME");
  CLI::App* clone = add("clone", "EXPERIMENT", "Starts the same search anew", Clone);
  clone->add_option("--name", flags->new_name, "Name of the copy (default: chosen by the server)")
      ->type_name("NAME");
  clone->add_option("--budget", flags->budget, "Another observation budget")->type_name("N");
  clone->add_flag("--copy-trials", flags->copy_trials,
                  "Takes finished trials along; they use the new budget");
  CLI::App* amend =
      add("amend", "TRIAL", "Corrects values of a finished trial; the old ones stay on record", Amend);
  amend->add_option("--metric", flags->values, "A value that replaces another; may be given several times")
      ->required()
      ->type_name("NAME=NUMBER");
  CLI::App* take_back = add("void", "TRIAL", "Takes an observation back and frees its budget", Void);
  for (CLI::App* command : {amend, take_back}) {
    command->add_option("--reason", flags->reason, "Why, for the record")->required()->type_name("TEXT");
  }
}

}  // namespace sda::cli
