#include <map>
#include <set>
#include <utility>

#include <absl/strings/str_join.h>

#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine.h"

// What goes on by itself: time.
namespace sda::optimizer {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
// Records of calls outlive their experiment by this.
constexpr absl::Duration kReplyLifetime = absl::Hours(24 * 7);
constexpr int kSweepsBetweenForgetting = 600;
// A quarter of what a watcher may wait for a change made through another server: the rest is for a busy
// machine.
constexpr absl::Duration kFollowInterval = absl::Milliseconds(25);

bool IsFinal(v1::Experiment::State state) {
  return state == v1::Experiment::STATE_COMPLETED || state == v1::Experiment::STATE_STOPPED;
}

}  // namespace

Engine::Engine(sql::Database& database, Clock& clock, absl::Duration suggestion_time)
    : database_(database), clock_(clock), suggestion_time_(suggestion_time) {
  if (absl::Status extended = ExtendLiveLeases(); !extended.ok())
    log::Error("leases not extended yet", {{"error", extended.message()}});
  sweeper_ = std::thread([this, stop = stop_.get_token()] {
    for (int sweep = 1; RealClock::Get().Sleep(kSweepInterval, stop); ++sweep) {
      absl::Status swept = Sweep();
      if (swept.ok() && sweep % kSweepsBetweenForgetting == 0) {
        swept = database_.Write(
            [&](Transaction& tx) { return sql::ForgetReplies(tx, clock_.Now() - kReplyLifetime).status(); });
      }
      if (!swept.ok()) log::Error("sweep failed", {{"error", swept.message()}});
    }
  });
  if (database_.dialect() == sql::Dialect::kPostgres)
    follower_ = std::thread([this, stop = stop_.get_token()] { FollowOtherServers(stop); });
}

Engine::~Engine() {
  stop_.request_stop();
  sweeper_.join();
  if (follower_.joinable()) follower_.join();
}

absl::StatusOr<int64_t> Engine::LeaseMicros(Transaction& tx) {
  if (tx.dialect() == sql::Dialect::kPostgres) return store::DatabaseMicros(tx);
  return absl::ToInt64Microseconds(clock_.Monotonic());
}

absl::StatusOr<int64_t> Engine::ExpiryMicros(Transaction& tx) {
  if (!leases_extended_) return INT64_MIN;
  return LeaseMicros(tx);
}

absl::Status Engine::Renew(Transaction& tx, store::TrialRow& trial, const v1::Experiment& experiment) {
  SDA_ASSIGN_OR_RETURN(const int64_t now, LeaseMicros(tx));
  trial.lease_end_micros = now + absl::ToInt64Microseconds(ToDuration(experiment.lease_policy().duration()));
  return absl::OkStatus();
}

absl::Status Engine::ExtendLiveLeases() {
  if (leases_extended_) return absl::OkStatus();
  std::vector<std::string> ids;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(ids, store::ExperimentsWithActiveTrials(tx));
    return absl::OkStatus();
  }));
  for (const std::string& id : ids) {
    absl::Status extended = database_.Write([&](Transaction& tx) -> absl::Status {
      SDA_RETURN_IF_ERROR(store::LockExperiment(tx, id));
      SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
      SDA_ASSIGN_OR_RETURN(const int64_t now, LeaseMicros(tx));
      const absl::Duration term = ToDuration(experiment.message.lease_policy().duration());
      return store::ExtendLeases(tx, id, now + absl::ToInt64Microseconds(term));
    });
    if (!extended.ok() && !absl::IsNotFound(extended)) return extended;
  }
  leases_extended_ = true;
  return absl::OkStatus();
}

absl::Status Engine::Sweep() {
  SDA_RETURN_IF_ERROR(ExtendLiveLeases());
  std::set<std::string> expired, due;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    expired.clear();
    due.clear();
    SDA_ASSIGN_OR_RETURN(const int64_t now, ExpiryMicros(tx));
    SDA_ASSIGN_OR_RETURN(const auto trials, store::AllExpiredLeases(tx, now));
    for (const TrialId& id : trials) expired.insert(id.experiment_id);
    SDA_ASSIGN_OR_RETURN(const auto timed, store::TimedExperiments(tx));
    for (const std::string& id : timed) {
      SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
      if (IsOutOfTime(experiment.message)) due.insert(id);
    }
    for (const TrialId& id : trials) {
      if (due.contains(id.experiment_id)) continue;
      SDA_ASSIGN_OR_RETURN(const store::TrialRow trial, store::GetTrial(tx, id));
      SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id.experiment_id));
      if (IsHopeless(trial, experiment.message)) due.insert(id.experiment_id);
    }
    return absl::OkStatus();
  }));
  // Looks first, writes only where something is due: a quiet database stays quiet.
  for (const std::string& id : due) {
    absl::Status settled =
        database_.Write([&](Transaction& tx) -> absl::Status { return SettleTime(tx, id); });
    if (!settled.ok() && !absl::IsNotFound(settled)) return settled;  // it may have been deleted meanwhile
    expired.insert(id);
  }
  for (const std::string& id : expired) hub_.Changed(id, ChangeHub::Kind::kWork);
  return absl::OkStatus();
}

bool Engine::IsOutOfTime(const v1::Experiment& experiment) const {
  return experiment.has_wall_clock_budget() && !IsFinal(experiment.state()) &&
         clock_.Now() >= ToTime(experiment.create_time()) + ToDuration(experiment.wall_clock_budget());
}

bool Engine::IsHopeless(const store::TrialRow& trial, const v1::Experiment& experiment) {
  return !trial.stop_reason.empty() || trial.counted_attempts >= experiment.lease_policy().max_attempts();
}

absl::Status Engine::SettleTime(Transaction& tx, const std::string& id) {
  SDA_RETURN_IF_ERROR(store::LockExperiment(tx, id));
  SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id));
  if (IsOutOfTime(experiment.message))
    SDA_RETURN_IF_ERROR(EndExperiment(tx, experiment, v1::Experiment::STATE_STOPPED, "WALL_CLOCK_BUDGET"));
  SDA_ASSIGN_OR_RETURN(const int64_t now, ExpiryMicros(tx));
  SDA_ASSIGN_OR_RETURN(auto active, store::ListTrials(tx, id, {.states = {TrialState::kActive}}));
  for (store::TrialRow& trial : active) {
    if (trial.lease_end_micros > now || !IsHopeless(trial, experiment.message)) continue;
    SDA_RETURN_IF_ERROR(LoseAttempt(tx, trial, experiment.message));
  }
  return absl::OkStatus();
}

void Engine::FollowOtherServers(std::stop_token stop) {
  std::map<std::string, int64_t> seen;
  while (RealClock::Get().Sleep(kFollowInterval, stop)) {
    const std::vector<std::string> ids = hub_.AwaitedIds();
    std::map<std::string, int64_t> newest;
    if (!ids.empty()) {
      const absl::Status read = database_.Read([&](Transaction& tx) -> absl::Status {
        SDA_ASSIGN_OR_RETURN(newest, store::LastChanges(tx, ids));
        return absl::OkStatus();
      });
      if (!read.ok()) continue;  // the waiters find out by themselves
    }
    for (const auto& [id, event] : newest) {
      const auto before = seen.find(id);
      if (before == seen.end() || before->second != event) hub_.Changed(id, ChangeHub::Kind::kWork);
    }
    seen = std::move(newest);
  }
}

}  // namespace sda::optimizer
