#include "services/trainer_worker/server/retention.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <absl/strings/str_cat.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "services/trainer_worker/core/training/checkpoint.h"

namespace sda::trainer {
namespace {

namespace fs = std::filesystem;
using optimizer::v1::Experiment;
using optimizer::v1::ListBestTrialsResponse;
using optimizer::v1::Metric;
using optimizer::v1::Trial;

// Until the optimizer is there for the first look.
constexpr auto kFirstLookRetry = std::chrono::seconds(5);

bool HasEnded(const Trial& trial) {
  return trial.state() != Trial::STATE_UNSPECIFIED && trial.state() != Trial::STATE_QUEUED &&
         trial.state() != Trial::STATE_ACTIVE;
}

const Metric* FirstOptimized(const Experiment& experiment) {
  for (const Metric& metric : experiment.metrics()) {
    if (metric.strategy() == Metric::STRATEGY_OPTIMIZE || metric.strategy() == Metric::STRATEGY_UNSPECIFIED)
      return &metric;
  }
  return nullptr;
}

// Best first; trials without the metric last, equal ones as they were.
void SortByMetric(const Metric* metric, std::vector<const Trial*>& trials) {
  if (metric == nullptr) return;
  const bool smaller_is_better = metric->objective() == Metric::OBJECTIVE_MINIMIZE;
  const auto better = [&](const Trial* a, const Trial* b) {
    const auto of_a = a->metrics().find(metric->name()), of_b = b->metrics().find(metric->name());
    if (of_a == a->metrics().end() || of_b == b->metrics().end()) return of_a != a->metrics().end();
    return smaller_is_better ? of_a->second.value() < of_b->second.value()
                             : of_a->second.value() > of_b->second.value();
  };
  std::stable_sort(trials.begin(), trials.end(), better);
}

// Folders of the trials of an experiment on this disk by the trial's name.
std::map<std::string, fs::path> TrialFolders(const ArtefactFolders& folders, const std::string& experiment) {
  std::map<std::string, fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(folders.root()) / experiment / "trials", error))
    found[absl::StrCat(experiment, "/trials/", entry.path().filename().string())] = entry.path();
  return found;
}

std::vector<fs::path> Attempts(const fs::path& trial) {
  std::vector<fs::path> attempts;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(trial, error)) {
    if (entry.path().filename().string().starts_with("attempt-")) attempts.push_back(entry.path());
  }
  return attempts;
}

// Whether a look can find anything to remove: more models than are kept, or files that only a trial that runs
// has.
bool MayHoldMore(const std::map<std::string, fs::path>& trials, int keep) {
  int models = 0;
  std::error_code error;
  for (const auto& [name, folder] : trials) {
    for (const fs::path& attempt : Attempts(folder)) {
      for (const auto& entry : fs::directory_iterator(attempt, error)) {
        if (entry.path().filename() != "model") return true;
        ++models;
      }
    }
  }
  return keep > 0 && models > keep;
}

}  // namespace

std::set<std::string> TrialsToKeep(const Experiment& experiment, const std::vector<Trial>& trials,
                                   const ListBestTrialsResponse& best, int keep) {
  std::set<std::string> kept;
  if (best.has_recommended()) kept.insert(best.recommended().name());
  for (const auto& of_metric : best.best_by_metric()) {
    if (of_metric.has_trial()) kept.insert(of_metric.trial().name());
  }
  const Metric* const metric = FirstOptimized(experiment);
  std::vector<const Trial*> front, others;
  for (const Trial& trial : best.pareto()) front.push_back(&trial);
  for (const Trial& trial : trials) {
    if (trial.state() == Trial::STATE_SUCCEEDED) others.push_back(&trial);
  }
  SortByMetric(metric, front);
  SortByMetric(metric, others);
  for (const auto* candidates : {&front, &others}) {
    for (const Trial* trial : *candidates) {
      if (static_cast<int>(kept.size()) >= keep) return kept;
      kept.insert(trial->name());
    }
  }
  return kept;
}

Retention::Retention(const Options& options, ArtefactFolders folders, OptimizerClient& optimizer,
                     MetricsRegistry& metrics)
    : options_(options),
      folders_(std::move(folders)),
      optimizer_(optimizer),
      metrics_(metrics),
      thread_([this](std::stop_token stop) {
        pthread_setname_np(pthread_self(), "retention");
        Run(std::move(stop));
      }) {}

Retention::~Retention() = default;

void Retention::TrialEnded(const std::string& experiment) {
  {
    std::lock_guard lock(mutex_);
    ended_.insert(experiment);
  }
  changed_.notify_all();
}

void Retention::Run(std::stop_token stop) {
  bool looked = SweepAll(stop);
  while (!stop.stop_requested()) {
    std::set<std::string> ended;
    {
      std::unique_lock lock(mutex_);
      const auto wait = looked ? absl::ToChronoNanoseconds(options_.interval) : kFirstLookRetry;
      changed_.wait_for(lock, stop, wait, [this] { return !ended_.empty(); });
      ended.swap(ended_);
    }
    if (ended.empty()) looked = SweepAll(stop);
    for (const std::string& experiment : ended) {
      if (stop.stop_requested()) return;
      if (const absl::Status swept = Sweep(experiment); !swept.ok())
        log::Warning("disk not freed yet", {{"experiment", experiment}, {"error", swept.message()}});
    }
  }
}

// False where the optimizer did not answer.
bool Retention::SweepAll(std::stop_token stop) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(folders_.root()) / "experiments", error)) {
    if (stop.stop_requested()) return true;
    const std::string experiment = absl::StrCat("experiments/", entry.path().filename().string());
    const absl::Status swept = Sweep(experiment);
    if (absl::IsUnavailable(swept) || absl::IsDeadlineExceeded(swept)) return false;
    // Of an optimizer that forgot it: whose models these are is not for a worker to say.
    if (absl::IsNotFound(swept) || absl::IsInvalidArgument(swept)) continue;
    if (!swept.ok()) log::Warning("disk not freed", {{"experiment", experiment}, {"error", swept.message()}});
  }
  return true;
}

absl::StatusOr<std::vector<Trial>> Retention::ListTrials(const std::string& experiment) {
  std::vector<Trial> trials;
  optimizer::v1::ListTrialsRequest request;
  request.set_parent(experiment);
  request.set_page_size(1000);
  do {
    SDA_ASSIGN_OR_RETURN(const auto page, optimizer_.ListTrials(request));
    trials.insert(trials.end(), page.trials().begin(), page.trials().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return trials;
}

absl::Status Retention::Sweep(const std::string& experiment) {
  const auto folders = TrialFolders(folders_, experiment);
  if (!MayHoldMore(folders, options_.keep_models)) return absl::OkStatus();
  optimizer::v1::GetExperimentRequest get;
  get.set_name(experiment);
  SDA_ASSIGN_OR_RETURN(const auto got, optimizer_.GetExperiment(get));
  // Trials first: one that ends between the two calls has not ended here, so it is not touched.
  SDA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, ListTrials(experiment));
  optimizer::v1::ListBestTrialsRequest list;
  list.set_parent(experiment);
  SDA_ASSIGN_OR_RETURN(const ListBestTrialsResponse best, optimizer_.ListBestTrials(list));
  const std::set<std::string> kept = TrialsToKeep(got.experiment(), trials, best, options_.keep_models);
  for (const Trial& trial : trials) {
    const auto folder = folders.find(trial.name());
    if (folder == folders.end() || !HasEnded(trial)) continue;
    RemoveCheckpoints(folder->second);
    std::string keep;
    const auto model = trial.artifacts().find("model");
    if (model != trial.artifacts().end() && (options_.keep_models == 0 || kept.contains(trial.name())))
      keep = folders_.Resolve("model", model->second).value_or("");
    for (const fs::path& attempt : Attempts(folder->second)) {
      const fs::path path = attempt / "model";
      std::error_code error;
      if (path != keep && fs::exists(path, error)) RemoveModel(path, trial.name());
    }
  }
  return absl::OkStatus();
}

void Retention::RemoveModel(const std::string& path, const std::string& trial) {
  // Renamed first, to a name that RemoveCheckpoints takes for something half-written: nobody reads half a
  // model, and a worker that is killed here leaves what the next look removes.
  const std::string doomed = absl::StrCat(path, ".tmp.removed.", getpid());
  std::error_code error;
  fs::rename(path, doomed, error);
  if (error) return;  // another worker was faster
  fs::remove_all(doomed, error);
  log::Info("model removed: not among the best", {{"trial", trial}, {"model", folders_.Relative(path)}});
  metrics_.Increment(metrics::kWorkerModelsRemoved);
}

}  // namespace sda::trainer
