#include "tests/benchmarks/optimizer_load.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/rpc/error_details.h"

namespace sda::bench {
namespace {

namespace v1 = optimizer::v1;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 4;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Calls in flight, and the first thing that went wrong.
class Flight {
 public:
  void Begin() {
    std::lock_guard lock(mutex_);
    ++running_;
  }
  void End() {
    std::lock_guard lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
  }
  void Fail(const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = rpc::FromGrpcStatus(status);
    failed_ = true;
  }
  bool failed() const { return failed_; }
  absl::Status Wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return running_ == 0; });
    return failure_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
  absl::Status failure_;
  std::atomic<bool> failed_ = false;
};

template <class Request, class Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
  Clock::time_point start;
};
using ReportCall = Call<v1::ReportMeasurementRequest, v1::ReportMeasurementResponse>;

void FillReport(v1::ReportMeasurementRequest& request, Holder& holder) {
  request.set_request_id(NewUuid());
  *request.mutable_lease() = holder.lease;
  v1::Measurement& measurement = *request.mutable_measurement();
  measurement.set_step(++holder.step);
  measurement.set_samples_count(holder.step * 2048);
  measurement.mutable_elapsed()->set_seconds(holder.step);
  (*measurement.mutable_metrics())["auc"] = 0.5 + 1.0 / static_cast<double>(holder.step + 2);
}

}  // namespace

double Percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size())))];
}

OptimizerLoad::OptimizerLoad(const std::string& address) {
  for (int i = 0; i < kConnections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("sda.connection", i);  // otherwise equal channels share one connection
    stubs_.push_back(v1::OptimizerService::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
  }
}

absl::Status OptimizerLoad::CreateExperiment(const std::string& id, bool bayesian, int32_t bandwidth) {
  v1::CreateExperimentRequest request;
  request.set_request_id(NewUuid());
  request.set_experiment_id(id);
  v1::Experiment& experiment = *request.mutable_experiment();
  experiment.set_observation_budget(1'000'000);
  experiment.set_parallel_bandwidth(bandwidth);
  experiment.set_algorithm(bayesian ? v1::Experiment::ALGORITHM_BAYESIAN : v1::Experiment::ALGORITHM_SOBOL);
  for (int i = 0; i < 6; ++i) {
    v1::Parameter& parameter = *experiment.add_parameters();
    parameter.set_name(absl::StrCat("p", i));
    parameter.mutable_double_range()->set_min(0);
    parameter.mutable_double_range()->set_max(1);
  }
  experiment.add_metrics()->set_name("auc");
  grpc::ClientContext context;
  v1::CreateExperimentResponse response;
  return rpc::FromGrpcStatus(stub(0).CreateExperiment(&context, request, &response));
}

absl::Status OptimizerLoad::AddObservations(const std::string& id, int count) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int i = 0; i < count; ++i) {
    v1::CreateTrialRequest request;
    request.set_request_id(NewUuid());
    request.set_parent("experiments/" + id);
    double loss = 0;
    for (int p = 0; p < 6; ++p) {
      const double value = uniform(random);
      (*request.mutable_trial()->mutable_assignments())[absl::StrCat("p", p)].set_double_value(value);
      loss += (value - 0.3) * (value - 0.3);
    }
    (*request.mutable_trial()->mutable_metrics())["auc"].set_value(1 - loss);
    grpc::ClientContext context;
    v1::CreateTrialResponse response;
    const grpc::Status status = stub(0).CreateTrial(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
  }
  return absl::OkStatus();
}

absl::StatusOr<Holder> OptimizerLoad::Acquire(const std::string& id) {
  v1::AcquireTrialRequest request;
  request.set_request_id(NewUuid());
  request.set_worker("bench");
  request.add_experiments("experiments/" + id);
  grpc::ClientContext context;
  v1::AcquireTrialResponse response;
  const grpc::Status status = stub(0).AcquireTrial(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  if (response.outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL)
    return absl::InternalError("no trial for " + id);
  return Holder{.lease = response.lease(), .step = 0};
}

absl::StatusOr<Timings> OptimizerLoad::ReportClosedLoop(std::vector<Holder>& holders, double seconds) {
  Flight flight;
  std::vector<std::vector<double>> latencies(holders.size());
  const Clock::time_point start = Clock::now();
  std::function<void(size_t)> next = [&](size_t worker) {
    auto* call = new ReportCall;
    FillReport(call->request, holders[worker]);
    call->start = Clock::now();
    stub(worker).async()->ReportMeasurement(
        &call->context, &call->request, &call->response, [&, call, worker](const grpc::Status& status) {
          latencies[worker].push_back(MillisecondsSince(call->start));
          if (!status.ok()) flight.Fail(status);
          delete call;
          const bool over = MillisecondsSince(start) >= 1000 * seconds || flight.failed();
          if (over) return flight.End();
          next(worker);
        });
  };
  for (size_t worker = 0; worker < holders.size(); ++worker) {
    flight.Begin();
    next(worker);
  }
  absl::Status done = flight.Wait();
  if (!done.ok()) return done;
  Timings timings{.seconds = MillisecondsSince(start) / 1000};
  for (const auto& some : latencies)
    timings.latencies_ms.insert(timings.latencies_ms.end(), some.begin(), some.end());
  timings.calls = static_cast<int64_t>(timings.latencies_ms.size());
  return timings;
}

absl::StatusOr<Timings> OptimizerLoad::ReportOpenLoop(std::vector<Holder>& holders, double rate,
                                                      double seconds) {
  Flight flight;
  const auto count = static_cast<int64_t>(rate * seconds);
  std::vector<double> latencies(static_cast<size_t>(count));
  const Clock::time_point start = Clock::now() + std::chrono::milliseconds(10);
  // A worker's steps must arrive in order: one whose report is not answered yet leaves its turn to the next.
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<size_t> free(holders.size());
  for (size_t i = 0; i < free.size(); ++i) free[i] = i;
  for (int64_t i = 0; i < count && !flight.failed(); ++i) {
    const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(i) / rate));
    RealClock::Get().Sleep(absl::FromChrono(due - Clock::now()), std::stop_token());
    size_t worker = 0;
    {
      std::unique_lock lock(mutex);
      freed.wait(lock, [&] { return !free.empty(); });
      worker = free.back();
      free.pop_back();
    }
    auto* call = new ReportCall;
    FillReport(call->request, holders[worker]);
    call->start = due;
    flight.Begin();
    stub(worker).async()->ReportMeasurement(
        &call->context, &call->request, &call->response, [&, call, worker, i](const grpc::Status& status) {
          latencies[static_cast<size_t>(i)] = MillisecondsSince(call->start);
          if (!status.ok()) flight.Fail(status);
          delete call;
          {
            std::lock_guard lock(mutex);
            free.push_back(worker);
            freed.notify_one();
          }
          flight.End();
        });
  }
  absl::Status done = flight.Wait();
  if (!done.ok()) return done;
  return Timings{
      .calls = count, .seconds = MillisecondsSince(start) / 1000, .latencies_ms = std::move(latencies)};
}

absl::StatusOr<Timings> OptimizerLoad::Cycles(const std::vector<std::string>& ids, int workers,
                                              double seconds, int train_ms) {
  using AcquireCall = Call<v1::AcquireTrialRequest, v1::AcquireTrialResponse>;
  using CompleteCall = Call<v1::CompleteTrialRequest, v1::CompleteTrialResponse>;
  Flight flight;
  std::atomic<int64_t> cycles = 0;
  std::vector<std::vector<double>> latencies(static_cast<size_t>(workers));
  std::vector<std::thread> trainings(static_cast<size_t>(workers));
  std::mutex trainings_mutex;
  const Clock::time_point start = Clock::now();
  std::function<void(size_t)> acquire;
  const auto complete = [&](size_t worker, const v1::Lease& lease) {
    auto* call = new CompleteCall;
    call->request.set_request_id(NewUuid());
    *call->request.mutable_lease() = lease;
    (*call->request.mutable_metrics())["auc"].set_value(0.5);
    stub(worker).async()->CompleteTrial(
        &call->context, &call->request, &call->response, [&, call, worker](const grpc::Status& status) {
          if (!status.ok()) flight.Fail(status);
          delete call;
          ++cycles;
          const bool over = MillisecondsSince(start) >= 1000 * seconds || flight.failed();
          if (over) return flight.End();
          acquire(worker);
        });
  };
  acquire = [&](size_t worker) {
    auto* call = new AcquireCall;
    call->request.set_request_id(NewUuid());
    call->request.set_worker(absl::StrCat("bench-", worker));
    call->request.add_experiments("experiments/" + ids[worker % ids.size()]);
    call->request.mutable_wait()->set_seconds(10);
    call->start = Clock::now();
    stub(worker).async()->AcquireTrial(
        &call->context, &call->request, &call->response, [&, call, worker](const grpc::Status& status) {
          const std::unique_ptr<AcquireCall> ended(call);
          latencies[worker].push_back(MillisecondsSince(call->start));
          if (!status.ok()) flight.Fail(status);
          if (flight.failed()) return flight.End();
          if (call->response.outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL) return acquire(worker);
          if (train_ms == 0) return complete(worker, call->response.lease());
          std::lock_guard lock(trainings_mutex);
          if (trainings[worker].joinable()) trainings[worker].join();
          trainings[worker] = std::thread([&, worker, lease = call->response.lease()] {
            RealClock::Get().Sleep(absl::Milliseconds(train_ms), std::stop_token());
            complete(worker, lease);
          });
        });
  };
  for (size_t worker = 0; worker < static_cast<size_t>(workers); ++worker) {
    flight.Begin();
    acquire(worker);
  }
  absl::Status done = flight.Wait();
  for (std::thread& training : trainings) {
    if (training.joinable()) training.join();
  }
  if (!done.ok()) return done;
  Timings timings{.calls = cycles, .seconds = MillisecondsSince(start) / 1000};
  for (const auto& some : latencies)
    timings.latencies_ms.insert(timings.latencies_ms.end(), some.begin(), some.end());
  return timings;
}

}  // namespace sda::bench
