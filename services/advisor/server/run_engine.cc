#include "services/advisor/server/run_engine.h"

#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/limits.h"
#include "services/advisor/server/steps.h"

namespace sda::advisor {
namespace {

absl::Status Perform(Step step, StepContext& context, const RunEntry& entry) {
  switch (step) {
    case Step::kEncode:
      return Encode(context, entry);
    case Step::kAdvise:
      return AdviseRecipe(context, entry);
    case Step::kTune:
      return Tune(context, entry);
    case Step::kEvaluate:
      return Evaluate(context, entry);
    case Step::kPublish:
      break;
  }
  return Publish(context, entry);
}

// The run's stage as it stands, recorded where it has moved on.
absl::Status EnterStage(StepContext& context, Step step, RunEntry& entry) {
  const v1::Run::Stage stage = ToProto(StageOf(step));
  if (entry.run.stage() == stage) return absl::OkStatus();
  context.SetProgress({});  // first: nobody shall see the new stage with the old one's progress
  SDA_RETURN_IF_ERROR(context.Record([&](sql::Transaction&, RunEntry& recorded) {
    recorded.run.set_stage(stage);
    return absl::OkStatus();
  }));
  entry.run.set_stage(stage);
  log::Info("stage", {{"run", context.run_name()}, {"stage", StageName(StageOf(step))}});
  return absl::OkStatus();
}

}  // namespace

RunEngine::RunEngine(RunServices services, int threads)
    : services_(services), pool_("runs", {.threads = threads, .max_queued = 2 * kMaxUnfinishedRuns}) {}

RunEngine::~RunEngine() {
  Stop();
}

absl::Status RunEngine::Start() {
  SDA_RETURN_IF_ERROR(services_.folders.RemoveLeftovers());
  SDA_ASSIGN_OR_RETURN(const std::vector<std::string> ids, services_.store.Unfinished());
  for (const std::string& id : ids) Look(id);
  return absl::OkStatus();
}

void RunEngine::Look(const std::string& id) {
  std::lock_guard lock(mutex_);
  if (shutdown_.stop_requested()) return;
  const auto [entry, is_new] = active_.try_emplace(id, nullptr);
  if (!is_new) {
    entry->second->look_again = true;
    return;
  }
  entry->second = std::make_shared<Active>();
  // Refused only while stopping: CreateRun bounds the runs below the queue's length.
  if (pool_.Submit([this, id, active = entry->second] { Work(id, active); })) {
    services_.metrics.Add(metrics::kAdvisorActiveRuns, 1);
  } else {
    active_.erase(entry);
  }
}

void RunEngine::Interrupt(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto found = active_.find(id);
  if (found != active_.end()) found->second->interrupt.request_stop();
}

void RunEngine::Stop() {
  {
    std::lock_guard lock(mutex_);
    shutdown_.request_stop();
    for (const auto& [id, active] : active_) active->interrupt.request_stop();
  }
  pool_.Stop();
}

void RunEngine::Work(const std::string& id, const std::shared_ptr<Active>& active) {
  do {
    StepContext context(services_, id, shutdown_.get_token(), active->interrupt.get_token());
    while (!shutdown_.stop_requested() && Advance(context)) {
    }
  } while (!LetGo(id, *active));
}

// False where the record has changed meanwhile.
bool RunEngine::LetGo(const std::string& id, Active& active) {
  std::lock_guard lock(mutex_);
  if (active.look_again && !shutdown_.stop_requested()) {
    active.look_again = false;
    return false;
  }
  active_.erase(id);
  services_.metrics.Add(metrics::kAdvisorActiveRuns, -1);
  services_.feed.Clear(ResourceName("runs", id));
  return true;
}

bool RunEngine::Advance(StepContext& context) {
  auto entry = services_.store.Get(context.id());
  if (!entry.ok()) {
    if (!absl::IsNotFound(entry.status()))
      log::Error("a run cannot be read", {{"run", context.run_name()}, {"error", entry.status().ToString()}});
    return false;
  }
  if (entry->needs_cleanup) {
    const absl::Status status = CleanUpAfter(*entry);
    if (!status.ok())
      log::Warning("a cancelled run's work may go on",
                   {{"run", context.run_name()}, {"error", status.ToString()}});
    return false;
  }
  if (entry->run.state() != v1::Run::STATE_RUNNING) return false;
  const Step step = NextStep(entry->Record());
  absl::Status status = EnterStage(context, step, *entry);
  if (status.ok()) status = Perform(step, context, *entry);
  if (status.ok() && step == Step::kPublish)
    services_.metrics.Increment(metrics::kAdvisorRuns, {"succeeded"});
  if (status.ok() || error::IsRunEnded(status)) return true;  // look at what the record says now
  if (shutdown_.stop_requested()) return false;
  if (context.interrupt().stop_requested()) return true;
  RecordFailure(context, status);
  return true;
}

// Under the stop of the advisor alone: the run's own interruption has fired already.
absl::Status RunEngine::CleanUpAfter(const RunEntry& entry) {
  StepContext context(services_, entry.id(), shutdown_.get_token(), shutdown_.get_token());
  SDA_RETURN_IF_ERROR(CleanUp(context, entry));
  services_.metrics.Increment(metrics::kAdvisorRuns, {"cancelled"});
  return services_.store.CleanedUp(entry.id());
}

void RunEngine::RecordFailure(StepContext& context, const absl::Status& status) {
  constexpr absl::Duration kPause = absl::Seconds(5);
  log::Warning("a run failed", {{"run", context.run_name()}, {"error", status.ToString()}});
  while (!shutdown_.stop_requested()) {
    const absl::Status recorded = services_.store.Fail(context.id(), status, context.is_spent());
    if (recorded.ok()) services_.metrics.Increment(metrics::kAdvisorRuns, {"failed"});
    if (recorded.ok() || error::IsRunEnded(recorded)) return;
    // A full disk, say: the run stays as it is until there is room to say that it failed.
    log::Error("a failure cannot be recorded", {{"run", context.run_name()}, {"error", recorded.ToString()}});
    if (!services_.clock.Sleep(kPause, shutdown_.get_token())) return;
  }
}

}  // namespace sda::advisor
