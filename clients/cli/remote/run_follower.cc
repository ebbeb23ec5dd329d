#include "clients/cli/remote/run_follower.h"

#include <optional>

#include <absl/strings/str_cat.h>

#include "clients/cli/core/table.h"
#include "clients/cli/remote/follow_stream.h"
#include "clients/cli/remote/run_reports.h"

namespace sda::cli {
namespace {

using advisor::v1::AdvisorService;
using advisor::v1::Run;
using optimizer::v1::Metric;
using optimizer::v1::Trial;

// Trials are listed anew whenever one ends; with more than this the single ones interest nobody.
constexpr int64_t kMostTrialsShown = 1000;

// What "best" means to the user: the first metric to optimise.
Metric FirstMetric(const Run& run) {
  for (const Metric& metric : run.spec().goal().metrics()) {
    if (metric.strategy() != Metric::STRATEGY_CONSTRAINT && metric.strategy() != Metric::STRATEGY_STORE)
      return metric;
  }
  Metric auc;
  auc.set_name("auc");
  return auc;
}

std::string BestOf(const std::vector<Trial>& trials, const Metric& metric) {
  std::optional<double> best;
  const bool smaller = metric.objective() == Metric::OBJECTIVE_MINIMIZE;
  for (const Trial& trial : trials) {
    const auto value = trial.metrics().find(metric.name());
    if (trial.state() != Trial::STATE_SUCCEEDED || value == trial.metrics().end()) continue;
    const double v = value->second.value();
    if (!best || (smaller ? v < *best : v > *best)) best = v;
  }
  return best ? absl::StrCat("best ", metric.name(), " ", FormatNumber(*best)) : "";
}

}  // namespace

absl::StatusOr<Run> RunFollower::Follow(const std::string& name, absl::Duration patience) {
  Run run;
  advisor::v1::WatchRunRequest request;
  request.set_name(name);
  StreamFollower<AdvisorClient, advisor::v1::WatchRunResponse> stream{
      .client = advisor_,
      .open = [&](grpc::ClientContext* context) { return advisor_.stub().WatchRun(context, request); },
      .take =
          [&](const advisor::v1::WatchRunResponse& response) {
            run = response.run();
            Show(run);
            return IsFinal(run.state());
          },
      .on_wait =
          [&] {
            ProgressView view = ToView(run);
            view.note = "waiting for the advisor";
            listener_.on_progress(view);
          },
      .patience = patience};
  SDA_RETURN_IF_ERROR(stream.Follow());
  return run;
}

void RunFollower::Show(const Run& run) {
  if (run.stage() == Run::STAGE_TUNE || IsFinal(run.state())) ShowNewTrials(run);
  if (IsFinal(run.state())) return;
  ProgressView view = ToView(run);
  if (view.note.empty() && run.stage() == Run::STAGE_TUNE) view.note = best_;
  listener_.on_progress(view);
}

void RunFollower::ShowNewTrials(const Run& run) {
  const bool counts = run.stage() == Run::STAGE_TUNE && !IsFinal(run.state());
  if (run.experiment().empty() || run.progress().total_count() > kMostTrialsShown) return;
  if (counts && run.progress().done_count() == shown_done_) return;
  const auto trials = ListTrialsOfRun(advisor_, run.name(), absl::ZeroDuration());
  if (!trials.ok()) return;  // asked again with the next message; the final report speaks of errors
  if (counts) shown_done_ = run.progress().done_count();
  for (const Trial& trial : *trials) {
    if (IsFinal(trial.state()) && shown_.insert(trial.name()).second) listener_.on_line(TrialLine(trial));
  }
  best_ = BestOf(*trials, FirstMetric(run));
}

absl::StatusOr<std::vector<Trial>> ListTrialsOfRun(AdvisorClient& advisor, const std::string& run,
                                                   std::optional<absl::Duration> patience) {
  std::vector<Trial> trials;
  advisor::v1::ListRunTrialsRequest request;
  request.set_parent(run);
  SDA_RETURN_IF_ERROR((ForEachPage<advisor::v1::ListRunTrialsRequest, advisor::v1::ListRunTrialsResponse>(
      request,
      [&](const advisor::v1::ListRunTrialsRequest& page) {
        return advisor.Call(&AdvisorService::Stub::ListRunTrials, page, patience);
      },
      [&](const advisor::v1::ListRunTrialsResponse& page) {
        trials.insert(trials.end(), page.trials().begin(), page.trials().end());
      })));
  return trials;
}

}  // namespace sda::cli
