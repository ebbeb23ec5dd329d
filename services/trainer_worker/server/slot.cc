#include "services/trainer_worker/server/slot.h"

#include <cmath>
#include <new>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/rpc/retry.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/server/lease_session.h"
#include "services/trainer_worker/server/spec_overlay.h"

namespace sda::trainer {
namespace {

using optimizer::v1::AcquireTrialRequest;
using optimizer::v1::AcquireTrialResponse;
using optimizer::v1::FailTrialRequest;

constexpr int kPollSeconds = 30;
// An optimizer that comes back is found within this.
constexpr absl::Duration kMaxBackOff = absl::Seconds(2);

std::map<std::string, double> Wanted(const std::map<std::string, double>& metrics,
                                     const std::set<std::string>& names) {
  std::map<std::string, double> wanted;
  for (const auto& [name, value] : metrics) {
    // A metric that is not defined on the split (AUC with one class) is left out.
    if (names.contains(name) && std::isfinite(value)) wanted[name] = value;
  }
  return wanted;
}

// Passes readings on to the optimizer and progress to the slot.
class SessionListener final : public AttemptListener {
 public:
  SessionListener(LeaseSession& session, const std::set<std::string>& names,
                  std::function<void(int64_t, int64_t)> progress)
      : session_(session), names_(names), progress_(std::move(progress)) {}

  void OnStart(int64_t step, const absl::Status& resumed) override {
    if (!resumed.ok()) {
      log::Warning("checkpoint cannot be used; training starts anew",
                   {{"trial", session_.trial()}, {"error", resumed.message()}});
    } else if (step > 0) {
      log::Info("training resumes", {{"trial", session_.trial()}, {"step", step}});
    }
  }

  bool OnReading(const AttemptReading& reading) override {
    optimizer::v1::Measurement measurement;
    measurement.set_step(reading.step);
    measurement.set_samples_count(reading.samples);
    const auto nanos = static_cast<int64_t>(reading.train_seconds * 1e9);
    measurement.mutable_elapsed()->set_seconds(nanos / 1'000'000'000);
    measurement.mutable_elapsed()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
    for (const auto& [name, value] : Wanted(reading.metrics, names_))
      (*measurement.mutable_metrics())[name] = value;
    measurement.set_checkpoint_uri(reading.checkpoint);
    return session_.Report(measurement);
  }

  void OnProgress(int64_t samples, int64_t total) override { progress_(samples, total); }

  std::string AcceptedCheckpoint() override { return session_.accepted_checkpoint(); }

 private:
  LeaseSession& session_;
  const std::set<std::string>& names_;
  const std::function<void(int64_t, int64_t)> progress_;
};

// Whose fault an error is that ended an attempt.
FailTrialRequest::Cause CauseOf(const absl::Status& error) {
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
      return FailTrialRequest::CAUSE_WORK;
    default:
      return FailTrialRequest::CAUSE_ENVIRONMENT;
  }
}

std::string ReasonOf(const absl::Status& error) {
  std::string reason = GetErrorReason(error);
  if (!reason.empty() && reason != "INVALID_FIELD") return reason;
  return CauseOf(error) == FailTrialRequest::CAUSE_WORK ? "BAD_SPEC" : "TRAINING_ERROR";
}

}  // namespace

Slot::Slot(Options options, ResourceLedger& resources, OptimizerClient& optimizer, AttemptRunner& runner,
           MetricsRegistry& metrics)
    : options_(std::move(options)),
      resources_(resources),
      optimizer_(optimizer),
      runner_(runner),
      metrics_(metrics) {}

void Slot::Run(std::stop_token stop, std::stop_token give_up) {
  absl::Duration back_off = absl::ZeroDuration();
  while (!stop.stop_requested()) {
    AcquireTrialRequest request;
    request.set_request_id(NewUuid());
    request.set_worker(options_.worker_id);
    request.set_work_type_url(WorkTypeUrl());
    request.mutable_wait()->set_seconds(kPollSeconds);
    // The same wish until it is answered: a reply that got lost must not leave a trial without its worker.
    while (true) {
      const auto answer = optimizer_.AcquireTrial(request, stop);
      if (answer.ok()) {
        back_off = absl::ZeroDuration();
        if (answer->outcome() == AcquireTrialResponse::OUTCOME_TRIAL) Work(*answer, stop, give_up);
        break;
      }
      if (stop.stop_requested()) return GiveBackUnheard(request, give_up);
      if (back_off == absl::ZeroDuration())
        log::Warning("no trial to be had", {{"error", answer.status().message()}});
      back_off = std::min(std::max(back_off * 2, absl::Milliseconds(100)), kMaxBackOff);
      if (!RealClock::Get().Sleep(back_off, stop)) return GiveBackUnheard(request, give_up);
      if (!rpc::IsTransient(answer.status())) break;  // a refusal is no answer to wait for: ask anew
    }
  }
}

void Slot::GiveBackUnheard(const AcquireTrialRequest& request, std::stop_token give_up) {
  const auto answer = optimizer_.RepeatAcquireTrial(request, give_up);
  if (!answer.ok() || answer->outcome() != AcquireTrialResponse::OUTCOME_TRIAL) return;
  LeaseSession session(optimizer_, answer->lease(), [] {});
  session.Release(give_up).IgnoreError();  // if not, the lease runs out
}

void Slot::Work(const AcquireTrialResponse& acquired, std::stop_token stop, std::stop_token give_up) {
  const std::string& trial = acquired.trial().name();
  SetStatus({.trial = trial,
             .attempt = acquired.lease().attempt(),
             .samples = acquired.resume_from().samples_count()});
  metrics_.Add(metrics::kWorkerBusySlots, 1);
  log::Info("trial begins", {{"trial", trial}, {"attempt", acquired.lease().attempt()}});

  std::stop_source training;
  const std::stop_callback on_stop(stop, [&training] { training.request_stop(); });
  absl::Status ended;
  {
    LeaseSession session(optimizer_, acquired.lease(), [&training] { training.request_stop(); });
    ended = Attempt(acquired, session, training.get_token(), stop, give_up);
  }
  if (ended.ok()) {
    log::Info("trial ends", {{"trial", trial}});
  } else {
    log::Warning("trial was not delivered", {{"trial", trial}, {"error", ended.message()}});
  }
  metrics_.Add(metrics::kWorkerBusySlots, -1);
  SetStatus({});
}

absl::Status Slot::Attempt(const AcquireTrialResponse& acquired, LeaseSession& session,
                           std::stop_token training_stop, std::stop_token stop, std::stop_token give_up) {
  const auto ended = [this](std::string_view outcome) {
    metrics_.Increment(metrics::kWorkerAttempts, {outcome});
  };
  const auto fail = [&](const absl::Status& error) {
    ended("failed");
    return session.Fail(CauseOf(error), ReasonOf(error), ToStd(error.message()), give_up);
  };

  const auto spec = SpecOfTrial(acquired.trial());
  if (!spec.ok())
    return fail(MakeError(absl::StatusCode::kInvalidArgument, ToStd(spec.status().message()),
                          {.reason = "BAD_SPEC", .metadata = {}, .violations = {}}));
  const auto names = MetricsOf(acquired.trial().name(), training_stop);
  if (stop.stop_requested()) return session.Release(give_up);
  if (!names.ok()) return names.status();

  AttemptOrder order;
  order.spec = *spec;
  order.folder = absl::StrCat(acquired.trial().name(), "/attempt-", acquired.lease().attempt());
  order.resume_checkpoint = acquired.resume_from().checkpoint_uri();

  const auto needs = runner_.Needs(order);
  if (!needs.ok()) return fail(needs.status());
  session.DeclareMemory(needs->memory_bytes, resources_.memory_capacity_bytes());
  if (const absl::Status fits = resources_.CheckCapacity(*needs); !fits.ok()) {
    ended("infeasible");
    return session.Fail(FailTrialRequest::CAUSE_POINT, GetErrorReason(fits), ToStd(fits.message()), give_up);
  }
  const auto reserved = resources_.Reserve(*needs, training_stop);
  if (absl::IsCancelled(reserved.status()) && !session.lost()) {
    ended("released");
    return session.Release(give_up);
  }
  if (!reserved.ok() && !session.lost()) return fail(reserved.status());
  if (!session.lost()) BeginTraining(order, *needs);

  SessionListener listener(session, *names, [this](int64_t samples, int64_t total) {
    std::lock_guard lock(mutex_);
    if (samples > status_.samples)
      metrics_.Increment(metrics::kWorkerSamples, static_cast<double>(samples - status_.samples));
    status_.samples = samples;
    status_.total_samples = total;
  });
  absl::StatusOr<AttemptOutcome> outcome = absl::InternalError("not run");
  try {
    outcome = runner_.Run(order, listener, training_stop);
  } catch (const std::bad_alloc&) {
    ended("infeasible");
    return session.Fail(FailTrialRequest::CAUSE_POINT, "OUT_OF_MEMORY", "memory ran out while training",
                        give_up);
  }
  if (session.lost()) {
    ended("lease_lost");
    return absl::FailedPreconditionError("the lease is lost");
  }
  if (!outcome.ok()) return fail(outcome.status());
  switch (outcome->end) {
    case AttemptOutcome::End::kFinished:
    case AttemptOutcome::End::kStopped: {
      const bool truncated = outcome->end == AttemptOutcome::End::kStopped;
      absl::Status said =
          session.Complete(Wanted(outcome->metrics, *names), outcome->artifacts, truncated, give_up);
      // A metric that the experiment needs and this training cannot have: trying again would not help.
      if (said.code() == absl::StatusCode::kInvalidArgument) {
        ended("failed");
        return session.Fail(FailTrialRequest::CAUSE_WORK, "METRICS_REFUSED", ToStd(said.message()), give_up);
      }
      if (said.ok()) runner_.DiscardCheckpoints(order);
      ended(said.ok() ? (truncated ? "stopped" : "succeeded") : "lease_lost");
      return said;
    }
    case AttemptOutcome::End::kDiverged: {
      ended("infeasible");
      const absl::Status said =
          session.Fail(FailTrialRequest::CAUSE_POINT, outcome->reason, outcome->message, give_up);
      if (said.ok()) runner_.DiscardCheckpoints(order);
      return said;
    }
    case AttemptOutcome::End::kCancelled:
      ended("released");
      return session.Release(give_up);
  }
  return absl::OkStatus();
}

void Slot::BeginTraining(const AttemptOrder& order, const AttemptNeeds& needs) {
  const bool wants_bf16 = order.spec.training().precision() == trainer::v1::TrainingConfig::PRECISION_BF16;
  const std::string precision(Name(UsablePrecision(wants_bf16 ? Precision::kBf16 : Precision::kFp32)));
  const std::string isa(Name(UsableIsa()));
  log::Info("training begins", {{"attempt", order.folder},
                                {"precision", precision},
                                {"precision_wanted", wants_bf16 ? "bf16" : "fp32"},
                                {"isa", isa},
                                {"memory_bytes", needs.memory_bytes},
                                {"disk_bytes", needs.disk_bytes}});
  metrics_.Increment(metrics::kWorkerTrainings, {precision, isa});
  std::lock_guard lock(mutex_);
  status_.precision = precision;
}

absl::StatusOr<std::set<std::string>> Slot::MetricsOf(const std::string& trial, std::stop_token stop) {
  optimizer::v1::GetExperimentRequest request;
  request.set_name(trial.substr(0, trial.find("/trials/")));
  std::set<std::string> names;
  absl::Status got = rpc::Retry({.max_delay = kMaxBackOff, .budget = absl::InfiniteDuration()},
                                RealClock::Get(), std::move(stop), [&]() -> absl::Status {
                                  SDA_ASSIGN_OR_RETURN(const auto answer, optimizer_.GetExperiment(request));
                                  for (const auto& metric : answer.experiment().metrics())
                                    names.insert(metric.name());
                                  return absl::OkStatus();
                                });
  if (!got.ok()) return got;
  return names;
}

SlotStatus Slot::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void Slot::SetStatus(SlotStatus status) {
  std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

}  // namespace sda::trainer
