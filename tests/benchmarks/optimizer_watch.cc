#include "tests/benchmarks/optimizer_watch.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/rpc/error_details.h"

namespace sda::bench {
namespace {

namespace v1 = optimizer::v1;
using Clock = std::chrono::steady_clock;

constexpr auto kLongest = std::chrono::seconds(30);

// The newest step of a trial that a watcher has heard of, and when.
class Ear {
 public:
  void Hear(int64_t step) {
    std::lock_guard lock(mutex_);
    step_ = step;
    when_ = Clock::now();
    heard_.notify_all();
  }
  absl::StatusOr<Clock::time_point> Await(int64_t step) {
    std::unique_lock lock(mutex_);
    if (!heard_.wait_for(lock, kLongest, [&] { return step_ >= step; }))
      return absl::DeadlineExceededError(absl::StrCat("the watcher did not hear of change ", step));
    return when_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable heard_;
  int64_t step_ = -1;
  Clock::time_point when_;
};

absl::Status Report(v1::OptimizerService::Stub& stub, Holder& holder) {
  v1::ReportMeasurementRequest request;
  request.set_request_id(NewUuid());
  *request.mutable_lease() = holder.lease;
  request.mutable_measurement()->set_step(++holder.step);
  (*request.mutable_measurement()->mutable_metrics())["auc"] = 0.5;
  grpc::ClientContext context;
  v1::ReportMeasurementResponse response;
  return rpc::FromGrpcStatus(stub.ReportMeasurement(&context, request, &response));
}

}  // namespace

absl::StatusOr<Timings> WatchChanges(OptimizerLoad& makes, OptimizerLoad& sees, const std::string& id,
                                     int64_t changes) {
  SDA_ASSIGN_OR_RETURN(Holder holder, makes.Acquire(id));
  grpc::ClientContext context;
  v1::WatchExperimentRequest request;
  request.set_name("experiments/" + id);
  const auto stream = sees.stub(0).WatchExperiment(&context, request);
  Ear ear;
  std::thread reader([&] {
    v1::WatchExperimentResponse event;
    while (stream->Read(&event)) {
      if (event.trial().name() == holder.lease.trial()) ear.Hear(event.trial().last_measurement().step());
    }
    stream->Finish().ok();  // cancelled below
  });
  Timings timings;
  absl::Status ran = [&]() -> absl::Status {
    SDA_RETURN_IF_ERROR(ear.Await(0).status());  // the state at the beginning
    const Clock::time_point start = Clock::now();
    for (int64_t i = 0; i < changes; ++i) {
      // At no fixed distance from what the server does at intervals.
      RealClock::Get().Sleep(absl::Milliseconds(5 + (i * 37) % 50), std::stop_token());
      const Clock::time_point sent = Clock::now();
      SDA_RETURN_IF_ERROR(Report(makes.stub(1), holder));
      SDA_ASSIGN_OR_RETURN(const Clock::time_point heard, ear.Await(holder.step));
      timings.latencies_ms.push_back(std::chrono::duration<double, std::milli>(heard - sent).count());
    }
    timings.calls = changes;
    timings.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    return absl::OkStatus();
  }();
  context.TryCancel();
  reader.join();
  if (!ran.ok()) return ran;
  return timings;
}

}  // namespace sda::bench
