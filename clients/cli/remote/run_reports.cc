#include "clients/cli/remote/run_reports.h"

#include <algorithm>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "clients/cli/core/person_error.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/proto_document.h"

namespace sda::cli {
namespace {

using advisor::v1::Run;
using optimizer::v1::Experiment;
using optimizer::v1::Trial;

std::string WithoutPrefix(const std::string& name) {
  constexpr size_t kPrefix = sizeof("STATE_") - 1;
  return absl::StartsWith(name, "STATE_") ? name.substr(kPrefix) : name;
}

double SecondsOf(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
}

double SecondsOf(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + time.nanos() * 1e-9;
}

// From creation to the end, or to now.
double ElapsedSeconds(const Run& run) {
  if (run.has_result() && run.result().has_elapsed()) return SecondsOf(run.result().elapsed());
  if (!run.has_create_time()) return 0;
  const double end = run.has_complete_time() ? SecondsOf(run.complete_time())
                                             : absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  return std::max(0.0, end - SecondsOf(run.create_time()));
}

constexpr int kStages = 4;

std::string StageName(Run::Stage stage) {
  switch (stage) {
    case Run::STAGE_ENCODE:
      return "encode";
    case Run::STAGE_ADVISE:
      return "advise";
    case Run::STAGE_TUNE:
      return "tune";
    case Run::STAGE_DELIVER:
      return "deliver";
    default:
      return "start";
  }
}

}  // namespace

std::string StateName(Trial::State state) {
  return WithoutPrefix(Trial::State_Name(state));
}
std::string StateName(Experiment::State state) {
  return WithoutPrefix(Experiment::State_Name(state));
}
std::string StateName(Run::State state) {
  return WithoutPrefix(Run::State_Name(state));
}

bool IsFinal(Run::State state) {
  return state != Run::STATE_UNSPECIFIED && state != Run::STATE_RUNNING;
}

bool IsFinal(Trial::State state) {
  return state != Trial::STATE_UNSPECIFIED && state != Trial::STATE_QUEUED && state != Trial::STATE_ACTIVE;
}

bool IsFinal(Experiment::State state) {
  return state == Experiment::STATE_COMPLETED || state == Experiment::STATE_STOPPED;
}

TrialReport ToReport(const Trial& trial) {
  TrialReport report;
  report.name = trial.name();
  report.state = StateName(trial.state());
  for (const auto& [name, value] : trial.assignments())
    report.parameters.emplace_back(name, ToDocument(value));
  std::sort(report.parameters.begin(), report.parameters.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [name, value] : trial.metrics()) report.metrics[name] = value.value();
  report.attempts = trial.attempt();
  if (trial.has_error()) report.error = absl::StrCat(trial.error().reason(), ": ", trial.error().message());
  return report;
}

RunReport ToReport(const Run& run, const std::vector<Trial>& trials, const std::string& artefacts) {
  RunReport report;
  report.run = run.name();
  report.state = StateName(run.state());
  report.dataset = run.dataset();
  report.recipe = run.recipe();
  report.experiment = run.experiment();
  report.model_name = run.model();
  report.seconds = ElapsedSeconds(run);
  for (const Trial& trial : trials) report.trials.push_back(ToReport(trial));
  if (run.has_error()) {
    report.reason = WithOptions(run.error().message());
    report.bad_input = IsBadInput(static_cast<absl::StatusCode>(run.error().code()));
  }
  if (!run.has_result()) return report;
  report.goal_met = run.state() == Run::STATE_SUCCEEDED && run.result().goal_met();
  report.reason = run.result().reason();
  report.model = ResolveArtefact(artefacts, run.result().model_uri());
  for (const Trial& trial : run.result().pareto()) report.pareto.push_back(ToReport(trial));
  if (run.result().has_best()) {
    report.best = ToReport(run.result().best());
    for (const auto& [name, value] : run.result().test_metrics()) report.best->metrics[name] = value;
  }
  return report;
}

std::string ResolveArtefact(const std::string& artefacts, const std::string& uri) {
  if (artefacts.empty() || uri.empty() || uri.front() == '/' || absl::StrContains(uri, "://")) return uri;
  return absl::StrCat(artefacts, "/", uri);
}

ProgressView ToView(const common::v1::Progress& progress) {
  ProgressView view;
  view.what = progress.stage();
  view.done = progress.done_count();
  view.total = progress.total_count();
  view.unit = progress.unit();
  view.rate = progress.rate_per_second();
  if (progress.has_remaining()) view.remaining_seconds = SecondsOf(progress.remaining());
  return view;
}

ProgressView ToView(const Run& run) {
  ProgressView view = ToView(run.progress());
  view.step = std::max(1, static_cast<int>(run.stage()));
  view.steps = kStages;
  const std::string part = view.what == "waiting" || view.what == "start" ? "" : view.what;
  const std::string stage = StageName(run.stage());
  // "encode: fit", but "tune" where the progress says no more than the stage.
  const bool says_more = !part.empty() && part != stage && run.stage() != Run::STAGE_TUNE;
  view.what = says_more ? absl::StrCat(stage, ": ", part) : stage;
  if (!run.waiting_for().empty()) view.note = absl::StrCat("waiting for ", run.waiting_for());
  return view;
}

std::string TrialLine(const Trial& trial) {
  const TrialReport report = ToReport(trial);
  std::string line = absl::StrCat("trial ", LastSegment(report.name), " ", report.state);
  const char* separator = ": ";
  for (const char* name : {"auc", "logloss", "train_seconds"}) {
    const auto metric = report.metrics.find(name);
    if (metric == report.metrics.end()) continue;
    absl::StrAppend(&line, separator, name, " ", FormatNumber(metric->second));
    separator = ", ";
  }
  if (!report.error.empty()) absl::StrAppend(&line, separator, report.error);
  if (report.attempts > 1) absl::StrAppend(&line, " (attempt ", report.attempts, ")");
  return line;
}

}  // namespace sda::cli
