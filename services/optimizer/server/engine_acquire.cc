#include <algorithm>
#include <utility>

#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"

// AcquireTrial: a look at what there is, on a snapshot and without holding anybody up; then one transaction
// that takes it, under the experiment's lock.
namespace sda::optimizer {
namespace {

using v1::AcquireTrialResponse;

constexpr absl::Duration kMaxWait = absl::Seconds(60);
// A waiting worker looks again after this even if nothing was changed: leases run out without a word.
constexpr absl::Duration kPollInterval = absl::Seconds(1);
// With several servers, one that named no experiment hears nothing of what the others do.
constexpr absl::Duration kRemotePollInterval = absl::Milliseconds(200);
constexpr size_t kMaxWorkerBytes = 200;
// Experiments tried for one worker before it waits for the next change.
constexpr int64_t kMostCandidates = 64;
// A suggestion can be overtaken by another server's; more often than this in a row it hardly is.
constexpr int kMostPlans = 8;

absl::Status CheckAcquire(const v1::AcquireTrialRequest& request) {
  SDA_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  if (request.worker().empty() || request.worker().size() > kMaxWorkerBytes) {
    return InvalidField(
        "worker", absl::StrCat("has ", request.worker().size(), " bytes; must have 1 to ", kMaxWorkerBytes));
  }
  if (request.experiments().empty() && request.work_type_url().empty()) {
    return InvalidField("experiments",
                        "is empty as is work_type_url; at least one must say which trials are wanted");
  }
  const absl::Duration wait = ToDuration(request.wait());
  if (wait < absl::ZeroDuration() || wait > kMaxWait) {
    return InvalidField("wait", absl::StrCat("is ", absl::FormatDuration(wait), "; must be in [0, 60 s]"));
  }
  return absl::OkStatus();
}

bool IsWanted(const v1::AcquireTrialRequest& request, const v1::Experiment& experiment) {
  return request.work_type_url().empty() || experiment.work().type_url() == request.work_type_url();
}

// What looking for work in one experiment reads.
absl::Status ReadWorkAhead(sql::Transaction& tx, const std::string& experiment_id) {
  SDA_RETURN_IF_ERROR(store::ReadClockAhead(tx));
  SDA_RETURN_IF_ERROR(store::ReadExperimentAhead(tx, experiment_id));
  return store::ReadCountsAhead(tx, experiment_id);
}

}  // namespace

absl::StatusOr<Engine::Next> Engine::NextTrial(Transaction& tx, store::ExperimentRow& experiment,
                                               const Plan* plan) {
  SDA_ASSIGN_OR_RETURN(const int64_t now, ExpiryMicros(tx));
  while (experiment.message.state() == v1::Experiment::STATE_ACTIVE) {
    const ExperimentLimits limits = ToLimits(experiment.message);
    SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, experiment.id));
    store::Expired expired;
    if (counts.active > 0) {
      SDA_ASSIGN_OR_RETURN(expired, store::ExpiredLeases(tx, experiment.id, now));
    }
    if (!MayHandOut(counts, expired.count, limits)) return Next();
    std::optional<store::TrialRow> queued;
    if (counts.queued > 0) {
      SDA_ASSIGN_OR_RETURN(queued, store::FirstQueued(tx, experiment.id));
    }
    if (expired.count > 0 && (!queued || expired.first < queued->id.number)) {
      // Re-issue: the old token is void from here on, whatever becomes of the trial.
      SDA_ASSIGN_OR_RETURN(store::TrialRow lost, store::GetTrial(tx, {experiment.id, expired.first}));
      SDA_RETURN_IF_ERROR(LoseAttempt(tx, lost, experiment.message));
      SDA_ASSIGN_OR_RETURN(experiment, store::GetExperiment(tx, experiment.id));
      continue;
    }
    if (queued) return Next{.trial = std::move(queued)};
    if (!MayCreateTrial(counts, limits)) return Next();
    const bool uses_model = UsesModel(experiment.message);
    if (uses_model && plan == nullptr) return Next{.trial = {}, .needs_plan = true};
    Next next;
    if (!uses_model) {
      SDA_ASSIGN_OR_RETURN(next.trial, SuggestTrial(tx, experiment));
    } else if (!plan->proposals.empty()) {
      SDA_ASSIGN_OR_RETURN(next.trial, TakeProposal(tx, experiment, *plan, 0));
      next.needs_plan = !next.trial.has_value();
    }
    // A space that has no further point: what is finished is all there will be.
    if (!next.trial && !next.needs_plan && counts.open() == 0)
      SDA_RETURN_IF_ERROR(EndExperiment(tx, experiment, v1::Experiment::STATE_COMPLETED, ""));
    return next;
  }
  return Next();
}

absl::StatusOr<Engine::WorkOutlook> Engine::LookForWork(Transaction& tx,
                                                        const v1::AcquireTrialRequest& request,
                                                        const std::vector<std::string>& ids) {
  WorkOutlook outlook;
  SDA_ASSIGN_OR_RETURN(const int64_t now, ExpiryMicros(tx));
  if (ids.empty()) {
    SDA_ASSIGN_OR_RETURN(outlook.candidates,
                         store::ClaimableExperiments(tx, request.work_type_url(), kMostCandidates));
    SDA_ASSIGN_OR_RETURN(const auto expired, store::AllExpiredLeases(tx, now));
    for (const TrialId& trial : expired) {
      if (static_cast<int64_t>(outlook.candidates.size()) >= 2 * kMostCandidates) break;
      if (std::find(outlook.candidates.begin(), outlook.candidates.end(), trial.experiment_id) ==
          outlook.candidates.end())
        outlook.candidates.push_back(trial.experiment_id);
    }
    return outlook;
  }
  for (const std::string& id : ids) {
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
    if (HasEnded(experiment.message)) ++outlook.ended;
    if (experiment.message.state() != v1::Experiment::STATE_ACTIVE || !IsWanted(request, experiment.message))
      continue;
    SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
    const ExperimentLimits limits = ToLimits(experiment.message);
    bool has_work = MayHandOut(counts, 0, limits) && (counts.queued > 0 || MayCreateTrial(counts, limits));
    if (!has_work && counts.active > 0) {
      SDA_ASSIGN_OR_RETURN(const store::Expired expired, store::ExpiredLeases(tx, id, now));
      has_work = expired.count > 0;
    }
    if (has_work) outlook.candidates.push_back(id);
  }
  return outlook;
}

absl::StatusOr<Engine::Taking> Engine::TakeTrial(const v1::AcquireTrialRequest& request,
                                                 const sql::RequestKey& key, const std::string& id,
                                                 const Plan* plan) {
  Taking taking;
  SDA_RETURN_IF_ERROR(database_.Write([&](Transaction& tx) -> absl::Status {
    taking = Taking();
    SDA_RETURN_IF_ERROR(store::LockExperiment(tx, id));
    SDA_RETURN_IF_ERROR(ReadWorkAhead(tx, id));
    SDA_ASSIGN_OR_RETURN(const auto kept, sql::FindReply(tx, key));
    if (kept) {
      taking.repeated = true;
      return taking.response.ParseFromString(*kept)
                 ? absl::OkStatus()
                 : absl::DataLossError("database: a kept reply cannot be read");
    }
    SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id));
    if (!IsWanted(request, experiment.message)) return absl::OkStatus();
    SDA_ASSIGN_OR_RETURN(Next next, NextTrial(tx, experiment, plan));
    taking.needs_plan = next.needs_plan;
    taking.ended = HasEnded(experiment.message);
    if (!next.trial) return absl::OkStatus();
    SDA_RETURN_IF_ERROR(Lease(tx, *next.trial, experiment, request.worker(), taking.response));
    // Only a trial is kept: waiting changes nothing, and the same call may come again.
    return sql::SaveReply(tx, key, taking.response.SerializeAsString(), ExperimentName(id), clock_.Now());
  }));
  return taking;
}

absl::StatusOr<Engine::Taking> Engine::TakeOrPlan(const v1::AcquireTrialRequest& request,
                                                  const sql::RequestKey& key, const std::string& id,
                                                  absl::Time answer_by) {
  SDA_ASSIGN_OR_RETURN(Taking taking, TakeTrial(request, key, id, nullptr));
  if (!taking.needs_plan) return taking;
  const std::shared_ptr<Study> study = studies_.Of(id);
  const std::lock_guard lane(study->lane);
  // Those before this one in the lane may have taken what there was.
  for (int plans = 0; plans < kMostPlans; ++plans) {
    WorkOutlook outlook;
    SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
      SDA_ASSIGN_OR_RETURN(outlook, LookForWork(tx, request, {id}));
      return absl::OkStatus();
    }));
    if (outlook.candidates.empty()) return Taking{.ended = outlook.ended > 0};
    SDA_ASSIGN_OR_RETURN(const Plan plan, PlanSuggestions(id, *study, 1, answer_by));
    SDA_ASSIGN_OR_RETURN(taking, TakeTrial(request, key, id, &plan));
    if (!taking.needs_plan) return taking;
  }
  return Taking();
}

absl::StatusOr<AcquireTrialResponse> Engine::AcquireTrial(const v1::AcquireTrialRequest& request,
                                                          std::stop_token stop, absl::Time answer_by) {
  SDA_RETURN_IF_ERROR(CheckAcquire(request));
  std::vector<std::string> ids;
  for (int i = 0; i < request.experiments_size(); ++i) {
    SDA_ASSIGN_OR_RETURN(ids.emplace_back(),
                         ParseExperimentName(absl::StrCat("experiments[", i, "]"), request.experiments(i)));
  }
  const sql::RequestKey key = KeyOf("AcquireTrial", request);
  const absl::Duration end = clock_.Monotonic() + ToDuration(request.wait());
  const absl::Duration poll =
      ids.empty() && database_.dialect() == sql::Dialect::kPostgres ? kRemotePollInterval : kPollInterval;
  ChangeHub::Waiter waiter(hub_, ids, ChangeHub::Kind::kWork);
  while (true) {
    waiter.Reset();
    WorkOutlook outlook;
    std::optional<std::string> kept;
    SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
      if (ids.size() == 1) SDA_RETURN_IF_ERROR(ReadWorkAhead(tx, ids.front()));
      SDA_ASSIGN_OR_RETURN(kept, sql::FindReply(tx, key));
      if (kept) return absl::OkStatus();
      SDA_ASSIGN_OR_RETURN(outlook, LookForWork(tx, request, ids));
      return absl::OkStatus();
    }));
    AcquireTrialResponse response;
    if (kept) {
      if (response.ParseFromString(*kept)) return response;
      return absl::DataLossError("database: a kept reply cannot be read");
    }
    for (const std::string& id : outlook.candidates) {
      absl::StatusOr<Taking> taking = TakeOrPlan(request, key, id, answer_by);
      // Of experiments not named, one may go between look and grasp.
      if (ids.empty() && absl::IsNotFound(taking.status())) continue;
      SDA_RETURN_IF_ERROR(taking.status());
      if (taking->response.outcome() == AcquireTrialResponse::OUTCOME_TRIAL) {
        if (!taking->repeated) hub_.Changed(id, ChangeHub::Kind::kWatch);
        return std::move(taking->response);
      }
      outlook.ended += taking->ended ? 1 : 0;
    }
    const absl::Duration left = end - clock_.Monotonic();
    const bool all_ended = !ids.empty() && outlook.ended == static_cast<int64_t>(ids.size());
    if (all_ended || left <= absl::ZeroDuration() || stop.stop_requested()) {
      response.set_outcome(all_ended ? AcquireTrialResponse::OUTCOME_DONE
                                     : AcquireTrialResponse::OUTCOME_WAIT);
      return response;
    }
    waiter.Await(std::min(left, poll), stop);
  }
}

}  // namespace sda::optimizer
