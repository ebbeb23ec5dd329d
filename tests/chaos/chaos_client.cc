#include "tests/chaos/chaos_client.h"

#include <thread>
#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

namespace sda::chaos {
namespace {

namespace v1 = optimizer::v1;
using std::chrono::milliseconds;

constexpr milliseconds kCallDeadline{3'000};
constexpr milliseconds kPause{10};

// What says nothing about whether the call was carried out.
bool IsUnanswered(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::CANCELLED ||
         // A connection that ends in the middle of a message.
         status.error_code() == grpc::StatusCode::INTERNAL ||
         status.error_code() == grpc::StatusCode::UNKNOWN ||
         (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
          status.error_message().find("busy") != std::string::npos);
}

bool IsLeaseLost(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION &&
         status.error_message().find("lease is no longer valid") != std::string::npos;
}

}  // namespace

std::unique_ptr<v1::OptimizerService::Stub> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 10);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 40);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Every repetition is the client's own, so that the log knows of it.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return v1::OptimizerService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

ChaosClient::ChaosClient(int number, const std::string& address, Workload& work)
    : number_(number),
      work_(work),
      rng_(4711, static_cast<uint64_t>(number)),
      stub_(Connect(address)),
      second_(Connect(address)) {}

std::string ChaosClient::NewRequestId() {
  return absl::StrCat("client-", number_, "-", ++requests_);
}

template <class Request, class Response>
grpc::Status ChaosClient::Try(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                              const Request& request, Response& response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
  response.Clear();
  return (stub_.get()->*method)(&context, request, &response);
}

template <class Request, class Response>
grpc::Status ChaosClient::Insist(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                              Response*),
                                 const Request& request, Response& response) {
  while (true) {
    grpc::Status status = Try(method, request, response);
    if (!IsUnanswered(status) || work_.given_up) return status;
    std::this_thread::sleep_for(kPause);  // layering-allow: because it backs off
  }
}

namespace {

template <class Response>
bool IsWait(const Response& response) {
  return false;
}
bool IsWait(const v1::AcquireTrialResponse& response) {
  return response.outcome() == v1::AcquireTrialResponse::OUTCOME_WAIT;
}

}  // namespace

template <class Request, class Response>
grpc::Status ChaosClient::MaybeTwice(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                  Response*),
                                     const Request& request, Response& response) {
  if (rng_.Below(8) != 0) return Insist(method, request, response);
  Response other;
  grpc::Status second;
  std::thread twin([&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    second = (second_.get()->*method)(&context, request, &other);
  });
  const grpc::Status first = Insist(method, request, response);
  twin.join();
  // Whether there is work yet is asked anew each time; only what was granted is answered alike for ever.
  if (IsWait(other)) return first;
  if (first.ok() && second.ok() && IsWait(response)) response = other;
  if (first.ok() && second.ok() && !google::protobuf::util::MessageDifferencer::Equals(response, other)) {
    work_.log.Complain(absl::StrCat(request.request_id(), ": sent twice, answered in two ways: ",
                                    response.ShortDebugString(), " and ", other.ShortDebugString()));
  }
  if (first.ok() != second.ok() && !IsUnanswered(first) && !IsUnanswered(second))
    work_.log.Complain(absl::StrCat(request.request_id(), ": sent twice, accepted once: ",
                                    first.error_message(), second.error_message()));
  return first;
}

void ChaosClient::Run() {
  while (!work_.given_up) {
    v1::AcquireTrialRequest request;
    request.set_request_id(NewRequestId());
    request.set_worker(absl::StrCat("client-", number_));
    for (const std::string& experiment : work_.experiments) request.add_experiments(experiment);
    request.mutable_wait()->set_nanos(200'000'000);
    v1::AcquireTrialResponse response;
    const grpc::Status status = MaybeTwice(&Stub::AcquireTrial, request, response);
    if (work_.given_up) return;
    if (!status.ok()) {
      work_.log.Complain(absl::StrCat("acquire: ", status.error_message()));
      return;
    }
    if (response.outcome() == v1::AcquireTrialResponse::OUTCOME_DONE) return;
    if (response.outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL) continue;
    const v1::Lease& lease = response.lease();
    work_.log.Add(ClientLog::Grant{lease.trial(), lease.attempt(), lease.token()});
    WorkOn(lease);
  }
}

void ChaosClient::WorkOn(const v1::Lease& lease) {
  // Somebody else may hold what was handed back; if not, it is nobody's, and never ours again.
  if (!handed_back_.empty() && rng_.Below(2) == 0) {
    Report(handed_back_.back(), 1'000'000 + requests_);
    handed_back_.pop_back();
  }
  const uint64_t mood = rng_.Below(20);
  if (!Report(lease, 1)) return;
  if (mood == 0) {
    Release(lease);
    return;
  }
  if (mood == 1) std::this_thread::sleep_for(work_.abandon);  // layering-allow: because it hangs
  if (!Report(lease, 2)) return;
  if (!work_.may_end()) return;
  if (mood == 2 ? Fail(lease) : Complete(lease)) ++work_.ended;
}

bool ChaosClient::Judge(const grpc::Status& status, const v1::Lease& lease, const char* what) {
  if (status.ok() || work_.given_up) return status.ok();
  if (IsLeaseLost(status)) {
    work_.log.Add(ClientLog::Refused{lease.trial(), lease.attempt()});
  } else {
    work_.log.Complain(absl::StrCat(what, " of ", lease.trial(), ": ", status.error_message()));
  }
  return false;
}

bool ChaosClient::Report(const v1::Lease& lease, int64_t step) {
  v1::ReportMeasurementRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_lease() = lease;
  request.mutable_measurement()->set_step(step);
  const double value = rng_.Uniform();
  (*request.mutable_measurement()->mutable_metrics())["auc"] = value;
  v1::ReportMeasurementResponse response;
  const int64_t first_sent = work_.log.Now();
  if (!Judge(MaybeTwice(&Stub::ReportMeasurement, request, response), lease, "report")) return false;
  work_.log.Add(ClientLog::Accepted{ClientLog::Accepted::Kind::kReport, lease.trial(), lease.attempt(),
                                    first_sent, step, value});
  return true;
}

bool ChaosClient::Complete(const v1::Lease& lease) {
  v1::CompleteTrialRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_lease() = lease;
  const double value = rng_.Uniform();
  (*request.mutable_metrics())["auc"].set_value(value);
  v1::CompleteTrialResponse response;
  const int64_t first_sent = work_.log.Now();
  if (!Judge(MaybeTwice(&Stub::CompleteTrial, request, response), lease, "completion")) return false;
  work_.log.Add(ClientLog::Accepted{ClientLog::Accepted::Kind::kComplete, lease.trial(), lease.attempt(),
                                    first_sent, 0, value});
  return true;
}

bool ChaosClient::Fail(const v1::Lease& lease) {
  v1::FailTrialRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_lease() = lease;
  request.set_cause(v1::FailTrialRequest::CAUSE_POINT);
  request.set_reason("DIVERGED");
  v1::FailTrialResponse response;
  const int64_t first_sent = work_.log.Now();
  if (!Judge(MaybeTwice(&Stub::FailTrial, request, response), lease, "failure")) return false;
  work_.log.Add(
      ClientLog::Accepted{ClientLog::Accepted::Kind::kFail, lease.trial(), lease.attempt(), first_sent});
  return true;
}

bool ChaosClient::Release(const v1::Lease& lease) {
  v1::ReleaseTrialRequest request;
  request.set_request_id(NewRequestId());
  *request.mutable_lease() = lease;
  v1::ReleaseTrialResponse response;
  const int64_t first_sent = work_.log.Now();
  if (!Judge(MaybeTwice(&Stub::ReleaseTrial, request, response), lease, "release")) return false;
  work_.log.Add(
      ClientLog::Accepted{ClientLog::Accepted::Kind::kRelease, lease.trial(), lease.attempt(), first_sent});
  handed_back_.push_back(lease);
  return true;
}

}  // namespace sda::chaos
