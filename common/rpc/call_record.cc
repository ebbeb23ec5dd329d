#include "common/rpc/call_record.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/rpc/error_details.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"

namespace sda::rpc {
namespace {

std::string_view Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto found = context.client_metadata().find(name);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

// The client's id where it can stand in a log as it is, else a new one.
std::string RequestIdOf(const grpc::CallbackServerContext& context) {
  const std::string_view given = Header(context, "x-request-id");
  const bool usable = !given.empty() && given.size() <= kMaxRequestIdBytes &&
                      std::all_of(given.begin(), given.end(), [](char c) { return absl::ascii_isgraph(c); });
  return usable ? std::string(given) : NewUuid();
}

std::string PrincipalOf(const grpc::CallbackServerContext& context, const CallEnvironment& environment) {
  const auto auth = context.auth_context();
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    const auto names = auth->FindPropertyValues("x509_common_name");
    if (!names.empty()) return {names[0].data(), names[0].size()};
    const auto identity = auth->GetPeerIdentity();
    if (!identity.empty()) return {identity[0].data(), identity[0].size()};
  }
  return environment.options().tokens.empty() ? "" : "token";
}

absl::Time DeadlineOf(const grpc::CallbackServerContext& context, absl::Duration limit_without_one) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::Now() + limit_without_one;
  return absl::FromChrono(deadline);
}

absl::Status DeadlinePassed(std::string_view when) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, absl::StrCat("the deadline passed ", ToAbsl(when)),
                   {.reason = "DEADLINE_PASSED"});
}

absl::Status ServerStopping() {
  return MakeError(absl::StatusCode::kUnavailable, "the server is stopping: try again",
                   {.reason = "SERVER_STOPPING"});
}

// Not the caller's fault: somebody who runs the server should look.
bool IsServerFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss || code == absl::StatusCode::kUnimplemented;
}

}  // namespace

CallRecord::CallRecord(CallEnvironment& environment, grpc::CallbackServerContext* context, Method method,
                       CallKind kind)
    : environment_(environment),
      method_(method),
      kind_(kind),
      start_(RealClock::Get().Monotonic()),
      authorized_(environment.IsAuthorized(Header(*context, "authorization"))),
      peer_(context->peer()),
      server_stop_(environment.stop_token(), StopChain{stop_}),
      request_(RequestIdOf(*context), authorized_ ? PrincipalOf(*context, environment) : "",
               DeadlineOf(*context, kind == CallKind::kUnary ? environment.options().default_deadline
                                                             : absl::InfiniteDuration()),
               stop_.get_token()) {
  environment_.CallBegins(kind_);
  context->AddInitialMetadata("x-request-id", request_.request_id());
  environment_.metrics().Add(metrics::kRpcInFlight, {environment_.options().service, method_.name}, 1);
}

CallRecord::~CallRecord() {
  environment_.CallEnds(kind_);
}

absl::Status CallRecord::Admit() const {
  if (!authorized_) {
    return MakeError(absl::StatusCode::kUnauthenticated,
                     "the call carries no accepted bearer token (header \"authorization: Bearer …\")",
                     {.reason = "TOKEN_REFUSED"});
  }
  if (request_.deadline() <= absl::Now()) return DeadlinePassed("before the call was begun");
  if (environment_.stop_token().stop_requested()) return ServerStopping();
  if (request_.IsCancelled()) return absl::CancelledError("cancelled before the call was begun");
  return absl::OkStatus();
}

absl::Status CallRecord::Guard(const std::function<absl::Status(RequestContext&)>& handler) {
  try {
    return handler(request_);
  } catch (const std::exception& e) {
    exception_ = e.what();
  } catch (...) {
    exception_ = "of an unknown type";
  }
  return MakeError(absl::StatusCode::kInternal,
                   "the server failed unexpectedly; its log says more under the request id",
                   {.reason = "UNEXPECTED_EXCEPTION", .metadata = {{"request_id", request_.request_id()}}});
}

grpc::Status CallRecord::Finish(absl::Status status) {
  if (absl::IsCancelled(status)) {
    if (environment_.stop_token().stop_requested()) {
      status = ServerStopping();
    } else if (request_.deadline() <= absl::Now()) {
      status = DeadlinePassed("during the call");
    }
  }
  const double seconds = absl::ToDoubleSeconds(RealClock::Get().Monotonic() - start_);
  const std::string& service = environment_.options().service;
  const std::string code = absl::StatusCodeToString(status.code());
  MetricsRegistry& metrics = environment_.metrics();
  metrics.Add(metrics::kRpcInFlight, {service, method_.name}, -1);
  metrics.Increment(metrics::kRpcHandled, {service, method_.name, code});
  if (kind_ == CallKind::kUnary) metrics.Observe(metrics::kRpcSeconds, {service, method_.name}, seconds);

  if (status.ok()) {
    log::Write(method_.frequent ? log::Level::kDebug : log::Level::kInfo, "call",
               {{"method", method_.name},
                {"code", code},
                {"seconds", seconds},
                {"peer", peer_},
                {"request_id", request_.request_id()}});
  } else {
    log::Write(IsServerFault(status.code()) ? log::Level::kError : log::Level::kWarning, "call failed",
               {{"method", method_.name},
                {"code", code},
                {"error", status.message()},
                {"reason", GetErrorReason(status)},
                {"exception", exception_},
                {"seconds", seconds},
                {"peer", peer_},
                {"request_id", request_.request_id()}});
  }
  return ToGrpcStatus(status);
}

absl::Status ServerBusy(std::string_view what) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("the server is busy (", ToAbsl(what), "): try again later"),
                   {.reason = "SERVER_BUSY"});
}

}  // namespace sda::rpc
