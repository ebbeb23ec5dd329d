#include "services/trainer_worker/server/lease_session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/strings.h"
#include "common/rpc/retry.h"
#include "common/telemetry/log.h"

namespace sda::trainer {
namespace {

constexpr absl::Duration kDefaultRenewInterval = absl::Seconds(15);
constexpr absl::Duration kFirstBackOff = absl::Milliseconds(100);
constexpr absl::Duration kMaxBackOff = absl::Seconds(5);
// Long enough for an optimizer that is there, short enough not to hold up training when it is not.
constexpr auto kAnswerPatience = std::chrono::seconds(1);

absl::Duration RenewInterval(const optimizer::v1::Lease& lease) {
  const absl::Duration interval =
      absl::Seconds(lease.renew_interval().seconds()) + absl::Nanoseconds(lease.renew_interval().nanos());
  return interval > absl::ZeroDuration() ? interval : kDefaultRenewInterval;
}

bool MeansLost(const absl::Status& status) {
  return status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kNotFound;
}

absl::Status LeaseLost() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "the lease is lost",
                   {.reason = "LEASE_LOST", .metadata = {}, .violations = {}});
}

// Leases run on the monotonic clock: a wall clock that is set must not let one run out.
absl::Duration Monotonic() {
  return RealClock::Get().Monotonic();
}

std::chrono::nanoseconds Until(absl::Duration moment) {
  return std::chrono::nanoseconds(std::max<int64_t>(0, absl::ToInt64Nanoseconds(moment - Monotonic())));
}

}  // namespace

LeaseSession::LeaseSession(OptimizerClient& optimizer, optimizer::v1::Lease lease,
                           std::function<void()> on_lost)
    : optimizer_(optimizer),
      lease_(std::move(lease)),
      on_lost_(std::move(on_lost)),
      renew_interval_(RenewInterval(lease_)),
      next_call_(Monotonic() + renew_interval_),
      thread_([this] { Work(); }) {}

LeaseSession::~LeaseSession() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LeaseSession::Work() {
  std::unique_lock lock(mutex_);
  while (!closing_ && !lost_) {
    const bool due = Monotonic() >= next_call_;
    if (!queue_.empty() && (back_off_ == absl::ZeroDuration() || due)) {
      DeliverFirst(lock);
    } else if (due) {
      Renew(lock);
    } else {
      changed_.wait_for(lock, Until(next_call_));
    }
  }
}

void LeaseSession::DeliverFirst(std::unique_lock<std::mutex>& lock) {
  const optimizer::v1::ReportMeasurementRequest request = queue_.front();
  lock.unlock();
  const absl::Duration asked = Monotonic();
  const auto answer = optimizer_.ReportMeasurement(request);
  lock.lock();
  if (answer.ok()) {
    const std::string& checkpoint = request.measurement().checkpoint_uri();
    if (!checkpoint.empty()) accepted_checkpoint_ = checkpoint;
    queue_.pop_front();
    OnAnswer(answer->stop(), asked);
  } else if (rpc::IsTransient(answer.status()) || MeansLost(answer.status())) {
    OnError(answer.status());
  } else {
    // The optimizer will never take it; the trial can still end well.
    log::Error("reading refused", {{"trial", lease_.trial()}, {"error", answer.status().message()}});
    queue_.pop_front();
  }
  changed_.notify_all();
}

void LeaseSession::Renew(std::unique_lock<std::mutex>& lock) {
  optimizer::v1::RenewLeaseRequest request;
  *request.mutable_lease() = lease_;
  lock.unlock();
  const absl::Duration asked = Monotonic();
  const auto answer = optimizer_.RenewLease(request);
  lock.lock();
  if (answer.ok()) {
    OnAnswer(answer->stop(), asked);
  } else {
    OnError(answer.status());
  }
  changed_.notify_all();
}

void LeaseSession::OnAnswer(bool stop, absl::Duration asked) {
  told_to_stop_ = told_to_stop_ || stop;
  back_off_ = absl::ZeroDuration();
  next_call_ = asked + renew_interval_;
}

void LeaseSession::OnError(const absl::Status& status) {
  if (MeansLost(status)) {
    lost_ = true;
    log::Warning("lease lost",
                 {{"trial", lease_.trial()}, {"attempt", lease_.attempt()}, {"error", status.message()}});
    on_lost_();
    return;
  }
  if (back_off_ == absl::ZeroDuration()) {
    log::Warning("optimizer is away; training goes on",
                 {{"trial", lease_.trial()}, {"error", status.message()}});
  }
  back_off_ = std::clamp(back_off_ * 2, kFirstBackOff, kMaxBackOff);
  next_call_ = Monotonic() + back_off_;
}

void LeaseSession::DeclareMemory(int64_t required_bytes, int64_t available_bytes) {
  optimizer::v1::RenewLeaseRequest request;
  *request.mutable_lease() = lease_;
  request.set_memory_required_bytes(required_bytes);
  request.set_memory_available_bytes(available_bytes);
  const absl::Duration asked = Monotonic();
  const auto answer = optimizer_.RenewLease(request);
  std::lock_guard lock(mutex_);
  if (answer.ok()) {
    OnAnswer(answer->stop(), asked);
  } else if (!lost_) {
    OnError(answer.status());
    changed_.notify_all();
  }
}

bool LeaseSession::Report(const optimizer::v1::Measurement& measurement) {
  optimizer::v1::ReportMeasurementRequest request;
  request.set_request_id(RequestId(absl::StrCat("report/", measurement.step())));
  *request.mutable_lease() = lease_;
  *request.mutable_measurement() = measurement;
  std::unique_lock lock(mutex_);
  if (lost_) return false;
  queue_.push_back(std::move(request));
  changed_.notify_all();
  changed_.wait_for(lock, kAnswerPatience,
                    [this] { return queue_.empty() || lost_ || back_off_ > absl::ZeroDuration(); });
  return !lost_ && !told_to_stop_;
}

absl::Status LeaseSession::LastWord(const std::function<absl::Status()>& say, std::stop_token give_up) {
  {
    std::unique_lock lock(mutex_);
    std::stop_callback wake(give_up, [this] {
      { std::lock_guard wake_lock(mutex_); }
      changed_.notify_all();
    });
    changed_.wait(lock, [&] { return queue_.empty() || lost_ || give_up.stop_requested(); });
    if (lost_) return LeaseLost();
  }
  absl::Status said = rpc::Retry({.max_delay = kMaxBackOff, .budget = absl::InfiniteDuration()},
                                 RealClock::Get(), give_up, say);
  if (MeansLost(said)) {
    std::lock_guard lock(mutex_);
    lost_ = true;
  }
  return said;
}

absl::Status LeaseSession::Complete(const std::map<std::string, double>& metrics,
                                    const std::map<std::string, std::string>& artifacts, bool truncated,
                                    std::stop_token give_up) {
  optimizer::v1::CompleteTrialRequest request;
  request.set_request_id(RequestId("complete"));
  *request.mutable_lease() = lease_;
  for (const auto& [name, value] : metrics) (*request.mutable_metrics())[name].set_value(value);
  for (const auto& [name, uri] : artifacts) (*request.mutable_artifacts())[name] = uri;
  request.set_truncated(truncated);
  return LastWord([&] { return optimizer_.CompleteTrial(request).status(); }, std::move(give_up));
}

absl::Status LeaseSession::Fail(optimizer::v1::FailTrialRequest::Cause cause, std::string_view reason,
                                std::string_view message, std::stop_token give_up) {
  optimizer::v1::FailTrialRequest request;
  request.set_request_id(RequestId("fail"));
  *request.mutable_lease() = lease_;
  request.set_cause(cause);
  request.set_reason(std::string(reason));
  request.set_message(std::string(message.substr(0, 10000)));
  return LastWord([&] { return optimizer_.FailTrial(request).status(); }, std::move(give_up));
}

absl::Status LeaseSession::Release(std::stop_token give_up) {
  optimizer::v1::ReleaseTrialRequest request;
  request.set_request_id(RequestId("release"));
  *request.mutable_lease() = lease_;
  return LastWord([&] { return optimizer_.ReleaseTrial(request).status(); }, std::move(give_up));
}

bool LeaseSession::lost() const {
  std::lock_guard lock(mutex_);
  return lost_;
}

std::string LeaseSession::accepted_checkpoint() const {
  std::lock_guard lock(mutex_);
  return accepted_checkpoint_;
}

bool LeaseSession::told_to_stop() const {
  std::lock_guard lock(mutex_);
  return told_to_stop_;
}

std::string LeaseSession::RequestId(std::string_view what) const {
  return Sha256Hex(
      absl::StrCat(lease_.trial(), "\n", lease_.attempt(), "\n", lease_.token(), "\n", ToAbsl(what)));
}

}  // namespace sda::trainer
