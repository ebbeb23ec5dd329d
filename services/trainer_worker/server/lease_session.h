#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_LEASE_SESSION_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_LEASE_SESSION_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/trainer_worker/server/optimizer_client.h"

namespace sda::trainer {

// The worker's side of one lease. A thread of its own renews the lease and delivers readings in order, so
// that training goes on while the optimizer is away; what was reported is delivered when it is back. Every
// call carries a request id made from trial, attempt and token, so that a repeated one changes nothing.
//
// Once the lease is lost (LEASE_LOST, or the trial is gone) `on_lost` is called, once, from that thread, and
// nothing is sent any more. Thread-safe.
class LeaseSession {
 public:
  LeaseSession(OptimizerClient& optimizer, optimizer::v1::Lease lease, std::function<void()> on_lost);

  // Stops the thread; undelivered readings are dropped.
  ~LeaseSession();
  LeaseSession(const LeaseSession&) = delete;
  LeaseSession& operator=(const LeaseSession&) = delete;

  // Tells what the attempt needs before it starts; best effort, the optimizer uses it to judge a second loss.
  void DeclareMemory(int64_t required_bytes, int64_t available_bytes);

  // Queues a reading and waits briefly for the answer. False once the optimizer has said stop or the lease is
  // lost.
  bool Report(const optimizer::v1::Measurement& measurement);

  // The last words about the trial: deliver what is queued, then this; tried until it is accepted, refused
  // for good, or `give_up` fires. FAILED_PRECONDITION once the lease is lost.
  absl::Status Complete(const std::map<std::string, double>& metrics,
                        const std::map<std::string, std::string>& artifacts, bool truncated,
                        std::stop_token give_up);
  absl::Status Fail(optimizer::v1::FailTrialRequest::Cause cause, std::string_view reason,
                    std::string_view message, std::stop_token give_up);
  absl::Status Release(std::stop_token give_up);

  const std::string& trial() const { return lease_.trial(); }
  bool lost() const;
  bool told_to_stop() const;
  // The newest checkpoint that was accepted with a reading; empty before the first.
  std::string accepted_checkpoint() const;

 private:
  void Work();
  // Both with the lock held on entry and exit, released around the call.
  void DeliverFirst(std::unique_lock<std::mutex>& lock);
  void Renew(std::unique_lock<std::mutex>& lock);
  // `asked`: when the call that was answered began, which is when the term begins.
  void OnAnswer(bool stop, absl::Duration asked);
  void OnError(const absl::Status& status);
  absl::Status LastWord(const std::function<absl::Status()>& say, std::stop_token give_up);
  std::string RequestId(std::string_view what) const;

  OptimizerClient& optimizer_;
  const optimizer::v1::Lease lease_;
  const std::function<void()> on_lost_;
  const absl::Duration renew_interval_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<optimizer::v1::ReportMeasurementRequest> queue_;  // guarded by mutex_
  absl::Duration back_off_ = absl::ZeroDuration();             // guarded by mutex_; zero while all is well
  absl::Duration next_call_;                                   // guarded by mutex_; on the monotonic clock
  std::string accepted_checkpoint_;                            // guarded by mutex_
  bool told_to_stop_ = false;                                  // guarded by mutex_
  bool lost_ = false;                                          // guarded by mutex_
  bool closing_ = false;                                       // guarded by mutex_
  std::thread thread_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_LEASE_SESSION_H_
