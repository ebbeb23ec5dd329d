#include <algorithm>
#include <map>
#include <utility>

#include "common/base/ids.h"
#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"

// Leases: acquire, renew, report, complete, fail, release.
namespace sda::optimizer {
namespace {

using v1::AcquireTrialResponse;
using v1::Trial;

constexpr absl::Duration kMaxWait = absl::Seconds(60);
// A waiting worker looks again after this even if nothing was changed: leases run out without a word.
constexpr absl::Duration kPollInterval = absl::Seconds(1);
constexpr size_t kMaxWorkerBytes = 200;
constexpr int kMaxArtifacts = 100;
constexpr size_t kMaxUriBytes = 2'000;
constexpr size_t kMaxReasonBytes = 63;
constexpr size_t kMaxMessageBytes = 10'000;

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

absl::Status CheckMeasurement(const v1::Measurement& measurement) {
  if (measurement.step() < 0)
    return InvalidField("measurement.step", absl::StrCat("is ", measurement.step(), "; must be at least 0"));
  if (measurement.samples_count() < 0)
    return InvalidField("measurement.samples_count",
                        absl::StrCat("is ", measurement.samples_count(), "; must be at least 0"));
  if (ToDuration(measurement.elapsed()) < absl::ZeroDuration())
    return InvalidField("measurement.elapsed", "is negative; must be at least 0");
  if (measurement.checkpoint_uri().size() > kMaxUriBytes)
    return InvalidField("measurement.checkpoint_uri",
                        absl::StrCat("has ", measurement.checkpoint_uri().size(),
                                     " bytes; must have at most ", kMaxUriBytes));
  return absl::OkStatus();
}

absl::Status CheckComplete(const v1::CompleteTrialRequest& request) {
  if (request.artifacts().size() > kMaxArtifacts)
    return InvalidField("artifacts", absl::StrCat("has ", request.artifacts().size(),
                                                  " entries; must have at most ", kMaxArtifacts));
  for (const auto& [name, uri] : request.artifacts()) {
    if (uri.size() > kMaxUriBytes)
      return InvalidField(absl::StrCat("artifacts[", name.substr(0, 100), "]"),
                          absl::StrCat("has ", uri.size(), " bytes; must have at most ", kMaxUriBytes));
  }
  for (const auto& [name, value] : request.metrics()) {
    if (value.has_stddev() &&
        !(value.stddev() >= 0 && value.stddev() < std::numeric_limits<double>::infinity())) {
      return InvalidField(absl::StrCat("metrics[", name.substr(0, 100), "].stddev"),
                          absl::StrCat("is ", value.stddev(), "; must be finite and at least 0"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFail(const v1::FailTrialRequest& request) {
  if (request.cause() == v1::FailTrialRequest::CAUSE_UNSPECIFIED)
    return InvalidField("cause", "is not set; must be POINT, ENVIRONMENT or WORK");
  if (request.reason().empty() || request.reason().size() > kMaxReasonBytes ||
      request.reason().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != std::string::npos) {
    return InvalidField("reason", absl::StrCat("is \"", request.reason().substr(0, 100), "\"; must be 1 to ",
                                               kMaxReasonBytes, " characters of [A-Z0-9_]"));
  }
  if (request.message().size() > kMaxMessageBytes)
    return InvalidField("message", absl::StrCat("has ", request.message().size(),
                                                " bytes; must have at most ", kMaxMessageBytes));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<store::TrialRow>> Engine::NextTrial(Transaction& tx,
                                                                 store::ExperimentRow& experiment) {
  const absl::Duration term = ToDuration(experiment.message.lease_policy().duration());
  while (experiment.message.state() == v1::Experiment::STATE_ACTIVE) {
    SDA_ASSIGN_OR_RETURN(
        auto open,
        store::ListTrials(tx, experiment.id, {.states = {TrialState::kQueued, TrialState::kActive}}));
    store::TrialRow* next = nullptr;
    int64_t expired = 0;
    for (store::TrialRow& trial : open) {
      const bool ran_out = trial.state() == TrialState::kActive && leases_.IsExpired(trial.token, term);
      expired += ran_out ? 1 : 0;
      if (next == nullptr && (ran_out || trial.state() == TrialState::kQueued)) next = &trial;
    }
    SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, experiment.id));
    if (!MayHandOut(counts, expired, ToLimits(experiment.message))) return std::nullopt;
    if (next == nullptr) {
      if (!MayCreateTrial(counts, ToLimits(experiment.message))) return std::nullopt;
      SDA_ASSIGN_OR_RETURN(auto suggested, SuggestTrial(tx, experiment));
      // A space that has no further point: what is finished is all there will be.
      if (!suggested && counts.open() == 0)
        SDA_RETURN_IF_ERROR(EndExperiment(tx, experiment, v1::Experiment::STATE_COMPLETED, ""));
      return suggested;
    }
    if (next->state() == TrialState::kQueued) return std::move(*next);
    // Re-issue: the old token is void from here on, whatever becomes of the trial.
    SDA_RETURN_IF_ERROR(LoseAttempt(tx, *next, experiment.message));
    SDA_ASSIGN_OR_RETURN(experiment, store::GetExperiment(tx, experiment.id));
  }
  return std::nullopt;
}

absl::Status Engine::Lease(Transaction& tx, store::TrialRow& trial, const store::ExperimentRow& experiment,
                           const std::string& worker, AcquireTrialResponse& response) {
  SDA_ASSIGN_OR_RETURN(const auto checkpoint, store::NewestCheckpoint(tx, trial.id));
  SDA_RETURN_IF_ERROR(store::SupersedeMeasurements(tx, trial.id, checkpoint ? checkpoint->step() : -1));
  if (checkpoint) {
    *trial.message.mutable_last_measurement() = *checkpoint;
  } else {
    trial.message.clear_last_measurement();
  }
  if (trial.message.attempt() == 0) FromTime(clock_.Now(), *trial.message.mutable_start_time());
  trial.message.set_state(Trial::STATE_ACTIVE);
  trial.message.set_attempt(trial.message.attempt() + 1);
  trial.message.set_worker(worker);
  ++trial.counted_attempts;
  trial.token = NewUuid();
  trial.stop_reason.clear();
  trial.message.clear_stop_reason();
  trial.message.clear_stop_message();
  SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
  response.set_outcome(AcquireTrialResponse::OUTCOME_TRIAL);
  *response.mutable_trial() = trial.message;
  *response.mutable_trial()->mutable_work() = experiment.message.work();
  *response.mutable_lease() = LeaseOf(trial, experiment.message);
  if (checkpoint) *response.mutable_resume_from() = *checkpoint;
  return absl::OkStatus();
}

absl::StatusOr<AcquireTrialResponse> Engine::TryAcquire(Transaction& tx,
                                                        const v1::AcquireTrialRequest& request,
                                                        const std::vector<std::string>& experiment_ids) {
  AcquireTrialResponse response;
  std::vector<std::string> candidates = experiment_ids;
  if (candidates.empty()) {
    SDA_ASSIGN_OR_RETURN(candidates, store::ActiveExperiments(tx, request.work_type_url()));
  }
  bool all_ended = !experiment_ids.empty();
  for (const std::string& id : candidates) {
    SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id));
    const bool wanted =
        request.work_type_url().empty() || experiment.message.work().type_url() == request.work_type_url();
    if (wanted) {
      SDA_ASSIGN_OR_RETURN(auto trial, NextTrial(tx, experiment));
      if (trial) {
        SDA_RETURN_IF_ERROR(Lease(tx, *trial, experiment, request.worker(), response));
        return response;
      }
    }
    all_ended = all_ended && (experiment.message.state() == v1::Experiment::STATE_COMPLETED ||
                              experiment.message.state() == v1::Experiment::STATE_STOPPED);
  }
  response.set_outcome(all_ended ? AcquireTrialResponse::OUTCOME_DONE : AcquireTrialResponse::OUTCOME_WAIT);
  return response;
}

absl::StatusOr<AcquireTrialResponse> Engine::AcquireTrial(const v1::AcquireTrialRequest& request,
                                                          std::stop_token stop) {
  SDA_RETURN_IF_ERROR(CheckAcquire(request));
  std::vector<std::string> ids;
  for (int i = 0; i < request.experiments_size(); ++i) {
    SDA_ASSIGN_OR_RETURN(ids.emplace_back(),
                         ParseExperimentName(absl::StrCat("experiments[", i, "]"), request.experiments(i)));
  }
  const sql::RequestKey key{request.request_id(), "AcquireTrial", DeterministicBytes(request)};
  const absl::Duration end = clock_.Monotonic() + ToDuration(request.wait());
  while (true) {
    const uint64_t count = changed_.count();
    AcquireTrialResponse response;
    bool repeated = false;
    SDA_RETURN_IF_ERROR(database_.Write([&](Transaction& tx) -> absl::Status {
      response.Clear();
      SDA_ASSIGN_OR_RETURN(const auto kept, sql::FindReply(tx, key));
      repeated = kept.has_value();
      if (repeated)
        return response.ParseFromString(*kept) ? absl::OkStatus()
                                               : absl::DataLossError("database: a kept reply cannot be read");
      SDA_ASSIGN_OR_RETURN(response, TryAcquire(tx, request, ids));
      // Only a trial is kept: waiting changes nothing, and the same call may come again.
      if (response.outcome() != AcquireTrialResponse::OUTCOME_TRIAL) return absl::OkStatus();
      const std::string experiment =
          response.trial().name().substr(0, response.trial().name().find("/trials/"));
      return sql::SaveReply(tx, key, response.SerializeAsString(), experiment, clock_.Now());
    }));
    if (response.outcome() == AcquireTrialResponse::OUTCOME_TRIAL) {
      if (!repeated) {
        leases_.Renew(response.lease().token(), ToDuration(response.lease().duration()));
        changed_.Raise();
      }
      return response;
    }
    const absl::Duration left = end - clock_.Monotonic();
    if (response.outcome() == AcquireTrialResponse::OUTCOME_DONE || left <= absl::ZeroDuration() ||
        stop.stop_requested()) {
      return response;
    }
    changed_.Await(count, std::min(left, kPollInterval), stop);
  }
}

absl::StatusOr<v1::RenewLeaseResponse> Engine::RenewLease(const v1::RenewLeaseRequest& request) {
  if (request.memory_required_bytes() < 0 || request.memory_available_bytes() < 0) {
    return InvalidField("memory_required_bytes", "or memory_available_bytes is negative; must be at least 0");
  }
  v1::RenewLeaseResponse response;
  const auto answer = [&](const store::TrialRow& trial, const v1::Experiment& experiment) {
    *response.mutable_lease() = LeaseOf(trial, experiment);
    response.set_stop(!trial.stop_reason.empty());
    response.set_stop_reason(trial.stop_reason);
  };
  const bool declares = request.memory_required_bytes() > 0 || request.memory_available_bytes() > 0;
  const auto renew = [&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(store::TrialRow trial, HeldTrial(tx, request.lease()));
    if (declares) {
      if (request.memory_required_bytes() > 0) trial.memory_required_bytes = request.memory_required_bytes();
      if (request.memory_available_bytes() > 0)
        trial.memory_available_bytes = request.memory_available_bytes();
      SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
    }
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment,
                         store::GetExperiment(tx, trial.id.experiment_id));
    answer(trial, experiment.message);
    return absl::OkStatus();
  };
  // Terms live in memory: a renewal writes nothing. It still goes through the writer, so that it cannot
  // overtake a re-issue under way.
  SDA_RETURN_IF_ERROR(database_.Write(renew));
  leases_.Renew(request.lease().token(), ToDuration(response.lease().duration()));
  return response;
}

absl::StatusOr<bool> Engine::StopsEarly(Transaction& tx, const store::TrialRow& trial,
                                        const v1::Experiment& experiment) {
  const StoppingRule rule = ToStoppingRule(experiment.early_stopping());
  if (std::holds_alternative<std::monostate>(rule)) return false;
  const std::vector<Metric> metrics = ToMetrics(experiment);
  std::string name = experiment.early_stopping().has_median()
                         ? experiment.early_stopping().median().metric()
                         : experiment.early_stopping().halving().metric();
  const auto metric = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) {
    return m.strategy == Strategy::kOptimize && (name.empty() || m.name == name);
  });
  if (metric == metrics.end()) return false;
  SDA_ASSIGN_OR_RETURN(const auto readings, store::ReadingsOf(tx, trial.id.experiment_id, metric->name));
  Curve current;
  std::map<int64_t, Curve> others;
  for (const store::Reading& reading : readings) {
    Curve& curve = reading.trial == trial.id.number ? current : others[reading.trial];
    curve.steps.push_back(reading.step);
    curve.values.push_back(reading.value);
  }
  std::vector<Curve> list;
  for (auto& [number, curve] : others) list.push_back(std::move(curve));
  return ShouldStop(rule, metric->maximize, current, list);
}

absl::StatusOr<v1::ReportMeasurementResponse> Engine::ReportMeasurement(
    const v1::ReportMeasurementRequest& request) {
  SDA_RETURN_IF_ERROR(CheckMeasurement(request.measurement()));
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  auto response = Once<v1::ReportMeasurementResponse>(
      "ReportMeasurement", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::ReportMeasurementResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, HeldTrial(tx, request.lease()));
        SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment,
                             store::GetExperiment(tx, id.experiment_id));
        SDA_RETURN_IF_ERROR(
            CheckMetricNames(experiment.message,
                             {request.measurement().metrics().begin(), request.measurement().metrics().end()},
                             "measurement.metrics"));
        const v1::Measurement& last = trial.message.last_measurement();
        if (trial.message.has_last_measurement() && request.measurement().step() <= last.step()) {
          return InvalidField("measurement.step",
                              absl::StrCat("is ", request.measurement().step(),
                                           "; must be above the step before, ", last.step()));
        }
        v1::Measurement measurement = request.measurement();
        measurement.set_attempt(trial.message.attempt());
        measurement.set_superseded(false);
        FromTime(clock_.Now(), *measurement.mutable_report_time());
        SDA_RETURN_IF_ERROR(store::AppendMeasurement(tx, id, measurement));
        *trial.message.mutable_last_measurement() = measurement;
        if (trial.stop_reason.empty()) {
          SDA_ASSIGN_OR_RETURN(const bool stop, StopsEarly(tx, trial, experiment.message));
          if (stop) trial.stop_reason = "EARLY_STOPPING";
          SDA_RETURN_IF_ERROR(ApplyThresholdRule(tx, trial, experiment.message));
          trial.message.set_stop_reason(trial.stop_reason);
        }
        SDA_RETURN_IF_ERROR(store::UpdateTrial(tx, trial));
        v1::ReportMeasurementResponse reply;
        *reply.mutable_lease() = LeaseOf(trial, experiment.message);
        reply.set_stop(!trial.stop_reason.empty());
        reply.set_stop_reason(trial.stop_reason);
        return reply;
      });
  if (response.ok()) leases_.Renew(request.lease().token(), ToDuration(response->lease().duration()));
  return response;
}

absl::StatusOr<v1::CompleteTrialResponse> Engine::CompleteTrial(const v1::CompleteTrialRequest& request) {
  SDA_RETURN_IF_ERROR(CheckComplete(request));
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  auto response = Once<v1::CompleteTrialResponse>(
      "CompleteTrial", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::CompleteTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, HeldTrial(tx, request.lease()));
        SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment,
                             store::GetExperiment(tx, id.experiment_id));
        const MetricValues values = ToMetricValues(request.metrics());
        SDA_RETURN_IF_ERROR(CheckMetricNames(experiment.message, {values.begin(), values.end()}, "metrics"));
        if (request.truncated() && trial.stop_reason.empty()) {
          return InvalidField("truncated", "is true although the trial was not told to stop");
        }
        const auto missing = MissingMetric(ToMetrics(experiment.message), values);
        if (missing && !request.truncated()) {
          return InvalidField(absl::StrCat("metrics[", *missing, "]"),
                              "is missing; every OPTIMIZE and CONSTRAINT metric needs a value");
        }
        *trial.message.mutable_metrics() = request.metrics();
        *trial.message.mutable_artifacts() = request.artifacts();
        trial.message.set_truncated(request.truncated());
        SDA_RETURN_IF_ERROR(
            FinishTrial(tx, trial, request.truncated() ? TrialState::kStopped : TrialState::kSucceeded));
        v1::CompleteTrialResponse reply;
        *reply.mutable_trial() = trial.message;
        return reply;
      });
  if (response.ok()) leases_.Forget(request.lease().token());
  return response;
}

absl::StatusOr<v1::FailTrialResponse> Engine::FailTrial(const v1::FailTrialRequest& request) {
  SDA_RETURN_IF_ERROR(CheckFail(request));
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  auto response = Once<v1::FailTrialResponse>(
      "FailTrial", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::FailTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, HeldTrial(tx, request.lease()));
        SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment,
                             store::GetExperiment(tx, id.experiment_id));
        TrialState state = TrialState::kFailed;
        absl::StatusCode code = absl::StatusCode::kInvalidArgument;
        if (request.cause() == v1::FailTrialRequest::CAUSE_POINT) {
          state = TrialState::kInfeasible;
          code = absl::StatusCode::kFailedPrecondition;
        } else if (request.cause() == v1::FailTrialRequest::CAUSE_ENVIRONMENT) {
          code = absl::StatusCode::kUnavailable;
          if (trial.counted_attempts < experiment.message.lease_policy().max_attempts())
            state = TrialState::kQueued;
        }
        auto& why = *trial.message.mutable_error();
        why.set_code(static_cast<int>(code));
        why.set_reason(request.reason());
        why.set_message(request.message());
        SDA_RETURN_IF_ERROR(FinishTrial(tx, trial, state));
        v1::FailTrialResponse reply;
        *reply.mutable_trial() = trial.message;
        return reply;
      });
  if (response.ok()) leases_.Forget(request.lease().token());
  return response;
}

absl::StatusOr<v1::ReleaseTrialResponse> Engine::ReleaseTrial(const v1::ReleaseTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  auto response = Once<v1::ReleaseTrialResponse>(
      "ReleaseTrial", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::ReleaseTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, HeldTrial(tx, request.lease()));
        --trial.counted_attempts;
        SDA_RETURN_IF_ERROR(FinishTrial(tx, trial, TrialState::kQueued));
        v1::ReleaseTrialResponse reply;
        *reply.mutable_trial() = trial.message;
        return reply;
      });
  if (response.ok()) leases_.Forget(request.lease().token());
  return response;
}

}  // namespace sda::optimizer
