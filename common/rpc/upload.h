#ifndef SDA_COMMON_RPC_UPLOAD_H_
#define SDA_COMMON_RPC_UPLOAD_H_

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "common/base/error.h"
#include "common/rpc/call_environment.h"
#include "common/rpc/call_record.h"
#include "common/rpc/method.h"
#include "common/rpc/request_context.h"

namespace sda::rpc {

// One client-streaming call whose messages are collected first and then handled at once. Deletes itself when
// gRPC is done with it. Messages arrive one after the other, so only the handler's thread and OnDone meet.
template <class Request>
class UploadCall final : public grpc::ServerReadReactor<Request> {
 public:
  using Work = std::function<absl::Status(const std::vector<Request>&, RequestContext&)>;

  UploadCall(CallEnvironment& environment, grpc::CallbackServerContext* context, Method method,
             size_t max_bytes, Work work)
      : environment_(environment),
        record_(environment, context, method, CallKind::kUnary),
        max_bytes_(max_bytes),
        work_(std::move(work)) {}

  void Start() {
    if (absl::Status admitted = record_.Admit(); !admitted.ok()) return Complete(admitted);
    this->StartRead(&next_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Handle();
    bytes_ += next_.ByteSizeLong();
    if (bytes_ > max_bytes_) {
      requests_.clear();
      return Complete(MakeError(absl::StatusCode::kResourceExhausted,
                                absl::StrCat("the stream has more than ", max_bytes_, " bytes"),
                                {.reason = "IMPORT_TOO_LARGE",
                                 .metadata = {{"max_bytes", absl::StrCat(max_bytes_)}},
                                 .violations = {}}));
    }
    requests_.push_back(std::move(next_));
    next_.Clear();
    this->StartRead(&next_);
  }

  // The client has sent its last message, or is gone: then nothing may happen.
  void Handle() {
    if (record_.request().IsCancelled()) return Complete(absl::CancelledError("the client went away"));
    const bool accepted = environment_.call_pool().Submit([this] {
      Complete(record_.Guard([this](RequestContext& call) -> absl::Status {
        if (call.IsCancelled()) return absl::CancelledError("the client went away");
        return work_(requests_, call);
      }));
    });
    if (!accepted) Complete(ServerBusy("all threads at work, queue full"));
  }

  void Complete(const absl::Status& result) {
    grpc::Status status = record_.Finish(result);
    {
      std::lock_guard lock(mutex_);
      work_ = nullptr;  // captures go while the service surely lives
    }
    this->Finish(std::move(status));  // OnDone may delete this before it returns
  }

  void OnCancel() override { record_.Cancel(); }

  void OnDone() override {
    { std::lock_guard lock(mutex_); }
    delete this;
  }

  CallEnvironment& environment_;
  CallRecord record_;
  std::mutex mutex_;
  const size_t max_bytes_;
  size_t bytes_ = 0;
  Request next_;
  std::vector<Request> requests_;
  Work work_;
};

// How a service writes a client-streaming method that needs all messages before it can act: they are kept in
// memory, at most `max_bytes` of them (RESOURCE_EXHAUSTED "IMPORT_TOO_LARGE" beyond), then `handler` is
// called once as that of a unary method. A client that goes away before its last message leaves no trace.
template <class Request, class Response, class Handler>
grpc::ServerReadReactor<Request>* HandleUpload(CallEnvironment& environment,
                                               grpc::CallbackServerContext* context, Response* response,
                                               Method method, size_t max_bytes, Handler handler) {
  auto* call = new UploadCall<Request>(
      environment, context, method, max_bytes,
      [response, handler = std::move(handler)](const std::vector<Request>& requests,
                                               RequestContext& request_context) -> absl::Status {
        return handler(requests, response, request_context);
      });
  call->Start();
  return call;
}

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_UPLOAD_H_
