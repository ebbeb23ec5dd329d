#include <algorithm>
#include <map>
#include <utility>

#include "common/base/ids.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"
#include "services/optimizer/server/store_curves.h"

// Leases: granted, renewed, reported under, ended.
namespace sda::optimizer {
namespace {

using v1::AcquireTrialResponse;
using v1::Trial;

constexpr int kMaxArtifacts = 100;
constexpr size_t kMaxUriBytes = 2'000;
constexpr size_t kMaxReasonBytes = 63;
constexpr size_t kMaxMessageBytes = 10'000;

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

absl::Status Engine::Lease(Transaction& tx, store::TrialRow& trial, const store::ExperimentRow& experiment,
                           const std::string& worker, AcquireTrialResponse& response) {
  std::optional<v1::Measurement> checkpoint;
  if (trial.message.attempt() > 0) {  // else nothing was measured yet
    SDA_ASSIGN_OR_RETURN(checkpoint, store::NewestCheckpoint(tx, trial.id));
    const int64_t stands = checkpoint ? checkpoint->step() : -1;
    SDA_RETURN_IF_ERROR(store::SupersedeMeasurements(tx, trial.id, stands));
    if (store::ComparedMetric(experiment.message)) SDA_RETURN_IF_ERROR(store::CutCurve(tx, trial.id, stands));
  }
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
  SDA_RETURN_IF_ERROR(Renew(tx, trial, experiment.message));
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
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  SDA_RETURN_IF_ERROR(database_.Write([&](Transaction& tx) -> absl::Status {
    SDA_RETURN_IF_ERROR(store::LockExperiment(tx, id.experiment_id));
    SDA_ASSIGN_OR_RETURN(store::TrialRow trial, HeldTrial(tx, request.lease()));
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id.experiment_id));
    SDA_RETURN_IF_ERROR(Renew(tx, trial, experiment.message));
    answer(trial, experiment.message);
    // Nobody watches the ends of leases.
    if (!declares) return store::SetLeaseEnd(tx, id, trial.lease_end_micros);
    if (request.memory_required_bytes() > 0) trial.memory_required_bytes = request.memory_required_bytes();
    if (request.memory_available_bytes() > 0) trial.memory_available_bytes = request.memory_available_bytes();
    return store::UpdateTrial(tx, trial);
  }));
  return response;
}

absl::StatusOr<v1::ReportMeasurementResponse> Engine::ReportMeasurement(
    const v1::ReportMeasurementRequest& request) {
  SDA_RETURN_IF_ERROR(CheckMeasurement(request.measurement()));
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  return Once<v1::ReportMeasurementResponse>(
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
        SDA_RETURN_IF_ERROR(Renew(tx, trial, experiment.message));
        SDA_RETURN_IF_ERROR(store::AppendMeasurement(tx, id, measurement));
        SDA_RETURN_IF_ERROR(store::ExtendCurve(tx, id, experiment.message, measurement));
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
      },
      ChangeHub::Kind::kWatch,
      [&](Transaction& tx) -> absl::Status {
        SDA_RETURN_IF_ERROR(store::ReadClockAhead(tx));
        return ReadHeldAhead(tx, id);
      });
}

absl::StatusOr<v1::CompleteTrialResponse> Engine::CompleteTrial(const v1::CompleteTrialRequest& request) {
  SDA_RETURN_IF_ERROR(CheckComplete(request));
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  return Once<v1::CompleteTrialResponse>(
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
      },
      ChangeHub::Kind::kWork, [&](Transaction& tx) { return ReadHeldAhead(tx, id); });
}

absl::StatusOr<v1::FailTrialResponse> Engine::FailTrial(const v1::FailTrialRequest& request) {
  SDA_RETURN_IF_ERROR(CheckFail(request));
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  return Once<v1::FailTrialResponse>(
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
}

absl::StatusOr<v1::ReleaseTrialResponse> Engine::ReleaseTrial(const v1::ReleaseTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("lease.trial", request.lease().trial()));
  return Once<v1::ReleaseTrialResponse>("ReleaseTrial", request, ExperimentName(id.experiment_id),
                                        [&](Transaction& tx) -> absl::StatusOr<v1::ReleaseTrialResponse> {
                                          SDA_ASSIGN_OR_RETURN(store::TrialRow trial,
                                                               HeldTrial(tx, request.lease()));
                                          --trial.counted_attempts;
                                          SDA_RETURN_IF_ERROR(FinishTrial(tx, trial, TrialState::kQueued));
                                          v1::ReleaseTrialResponse reply;
                                          *reply.mutable_trial() = trial.message;
                                          return reply;
                                        });
}

}  // namespace sda::optimizer
