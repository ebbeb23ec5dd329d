// `sda experiment update`, `archive`, `delete`: what may change of a search, and how it goes away.
#include <memory>
#include <string>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "clients/cli/commands/experiment_commands.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/remote/proto_document.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using optimizer::v1::Experiment;
using optimizer::v1::OptimizerService;

struct Flags {
  std::string name;
  int64_t budget = 0;
  int32_t parallel = 0;
  std::vector<std::string> thresholds;
  bool undo = false;
};

// NAME=NUMBER sets a threshold, NAME= takes it away.
absl::Status SetThreshold(const std::string& text, Experiment& experiment) {
  const size_t equals = text.rfind('=');
  const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
  double value = 0;
  if (equals == std::string::npos || (!number.empty() && !absl::SimpleAtod(number, &value)))
    return InvalidField("--threshold", absl::StrCat("is \"", text, "\"; must read METRIC=NUMBER or METRIC="));
  for (auto& metric : *experiment.mutable_metrics()) {
    if (metric.name() != text.substr(0, equals)) continue;
    metric.clear_threshold();
    if (!number.empty()) metric.set_threshold(value);
    return absl::OkStatus();
  }
  return InvalidField("--threshold", absl::StrCat("names \"", text.substr(0, equals),
                                                  "\", which is no metric of ", experiment.name()));
}

absl::StatusOr<ExitCode> Update(const Flags& flags, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("EXPERIMENT", "experiments", flags.name));
  optimizer::v1::UpdateExperimentRequest request;
  request.set_request_id(NewRequestId());
  Experiment& experiment = *request.mutable_experiment();
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  if (!flags.thresholds.empty()) {
    // Metrics change as a whole: those there are, with the etag so that nobody else's change is lost.
    optimizer::v1::GetExperimentRequest get;
    get.set_name(name);
    SDA_ASSIGN_OR_RETURN(const optimizer::v1::GetExperimentResponse got,
                         client->Call(&OptimizerService::Stub::GetExperiment, get));
    *experiment.mutable_metrics() = got.experiment().metrics();
    experiment.set_etag(got.experiment().etag());
    experiment.set_name(name);
    for (const std::string& threshold : flags.thresholds)
      SDA_RETURN_IF_ERROR(SetThreshold(threshold, experiment));
    request.mutable_update_mask()->add_paths("metrics");
  }
  experiment.set_name(name);
  if (flags.budget != 0) {
    experiment.set_observation_budget(flags.budget);
    request.mutable_update_mask()->add_paths("observation_budget");
  }
  if (flags.parallel != 0) {
    experiment.set_parallel_bandwidth(flags.parallel);
    request.mutable_update_mask()->add_paths("parallel_bandwidth");
  }
  if (request.update_mask().paths().empty())
    return absl::InvalidArgumentError("nothing to change: give --budget, --parallel or --threshold");
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::UpdateExperimentResponse response,
                       client->Call(&OptimizerService::Stub::UpdateExperiment, request));
  return PrintExperiment(response.experiment(), session);
}

absl::StatusOr<ExitCode> Archive(const Flags& flags, Session& session) {
  optimizer::v1::ArchiveExperimentRequest request;
  request.set_request_id(NewRequestId());
  SDA_ASSIGN_OR_RETURN(*request.mutable_name(), ParseNameFlag("EXPERIMENT", "experiments", flags.name));
  request.set_unarchive(flags.undo);
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::ArchiveExperimentResponse response,
                       client->Call(&OptimizerService::Stub::ArchiveExperiment, request));
  return PrintExperiment(response.experiment(), session);
}

absl::StatusOr<ExitCode> Delete(const Flags& flags, Session& session) {
  optimizer::v1::DeleteExperimentRequest request;
  request.set_request_id(NewRequestId());
  SDA_ASSIGN_OR_RETURN(*request.mutable_name(), ParseNameFlag("EXPERIMENT", "experiments", flags.name));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  SDA_RETURN_IF_ERROR(client->Call(&OptimizerService::Stub::DeleteExperiment, request).status());
  session.terminal().Say(absl::StrCat(request.name(), " is deleted, with its trials"));
  return ExitCode::kDone;
}

}  // namespace

void AddExperimentChangeCommands(CommandLine& line, CLI::App& family) {
  const auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* verb, const char* description, const char* example,
                       absl::StatusOr<ExitCode> (*execute)(const Flags&, Session&)) {
    CLI::App* command = line.Add(family, verb, description, example);
    command->add_option("EXPERIMENT", flags->name, "Its name")->required()->type_name("");
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"optimizer"});
    line.Run(command, [=](Session& session) { return execute(*flags, session); });
    return command;
  };
  CLI::App* update =
      add("update", "Changes budget, bandwidth and thresholds, also while it runs",
          "  sda experiment update experiments/01h8xgj3kq --budget 200 --threshold auc=0.8", Update);
  update
      ->add_option("--budget", flags->budget,
                   "Another observation budget; a higher one reopens a completed search")
      ->type_name("N");
  update->add_option("--parallel", flags->parallel, "Trials that may run at once")->type_name("N");
  update
      ->add_option("--threshold", flags->thresholds,
                   "Value that a metric must reach; METRIC= for none; may be given several times")
      ->type_name("METRIC=NUMBER");
  add("archive", "Hides an ended search from `sda experiment list`", "", Archive)
      ->add_flag("--undo", flags->undo, "Shows it again");
  add("delete", "Removes an ended search with its trials for good", "", Delete);
}

}  // namespace sda::cli
