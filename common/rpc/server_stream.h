#ifndef SDA_COMMON_RPC_SERVER_STREAM_H_
#define SDA_COMMON_RPC_SERVER_STREAM_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include <absl/status/status.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "common/rpc/call_environment.h"
#include "common/rpc/call_record.h"
#include "common/rpc/limits.h"
#include "common/rpc/method.h"
#include "common/rpc/request_context.h"
#include "common/telemetry/metrics.h"

namespace sda::rpc {

// The way to the client of one server-streaming call. Thread-safe. Lives until the handler returns.
template <class Response>
class StreamWriter {
 public:
  // Queues a message; waits while kMaxBufferedStreamMessages wait for a slow client. False when nobody will
  // read it: the client went or the server stops.
  virtual bool Write(Response message) = 0;

  // As Write, but never waits: false also when the buffer is full. For producers that can skip a state.
  virtual bool TryWrite(Response message) = 0;

 protected:
  ~StreamWriter() = default;
};

// One call. Deletes itself when gRPC is done with it. gRPC's callbacks and the handler's thread meet under
// mutex_, which is never held while gRPC is called with the last word (Finish), because OnDone deletes this.
template <class Response>
class StreamCall final : public grpc::ServerWriteReactor<Response>, private StreamWriter<Response> {
 public:
  using Work = std::function<absl::Status(StreamWriter<Response>&, RequestContext&)>;

  StreamCall(CallEnvironment& environment, grpc::CallbackServerContext* context, Method method, Work work)
      : environment_(environment),
        method_(method),
        record_(environment, context, method, CallKind::kStream),
        wake_on_stop_(record_.request().stop_token(), WakeUp{this}),
        work_(std::move(work)) {}

  void Start(WorkerPool& pool) {
    if (absl::Status admitted = record_.Admit(); !admitted.ok()) return End(std::move(admitted));
    const bool accepted = pool.Submit(
        [this] { End(record_.Guard([this](RequestContext& call) { return work_(*this, call); })); });
    if (!accepted) End(ServerBusy("too many streams"));
  }

 private:
  struct WakeUp {
    StreamCall* call;
    void operator()() const {
      { std::lock_guard lock(call->mutex_); }  // no wait begins between its check and this
      call->room_.notify_all();
    }
  };

  bool Write(Response message) override { return Enqueue(std::move(message), /*wait=*/true); }
  bool TryWrite(Response message) override { return Enqueue(std::move(message), /*wait=*/false); }

  bool Enqueue(Response message, bool wait) {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return broken_ || record_.request().IsCancelled(); };
    const auto room = [this] { return buffer_.size() < kMaxBufferedStreamMessages; };
    if (wait) room_.wait(lock, [&] { return over() || room(); });
    if (over() || !room()) return false;
    buffer_.push_back(std::move(message));
    if (!writing_) WriteNext();
    return true;
  }

  // mutex_ is held; a write cannot finish the call, so OnDone does not come out of it.
  void WriteNext() {
    writing_ = true;
    this->StartWrite(&buffer_.front());
  }

  void OnWriteDone(bool ok) override {
    std::unique_lock lock(mutex_);
    buffer_.pop_front();
    writing_ = false;
    if (ok) {
      environment_.metrics().Increment(metrics::kStreamMessages,
                                       {environment_.options().service, method_.name});
    } else {
      broken_ = true;
    }
    if (broken_ || record_.request().IsCancelled()) buffer_.clear();
    if (!buffer_.empty()) WriteNext();
    room_.notify_all();
    FinishIfOver(std::move(lock));
  }

  // The handler returned, or never ran.
  void End(absl::Status status) {
    std::unique_lock lock(mutex_);
    if (broken_ && status.ok()) status = absl::CancelledError("the client went away");
    ended_ = true;
    result_ = std::move(status);
    work_ = nullptr;
    FinishIfOver(std::move(lock));
  }

  // Once the handler has ended and the last message is written.
  void FinishIfOver(std::unique_lock<std::mutex> lock) {
    if (!ended_ || writing_ || finished_) return;
    finished_ = true;
    grpc::Status status = record_.Finish(result_);
    lock.unlock();
    this->Finish(std::move(status));
  }

  void OnCancel() override { record_.Cancel(); }

  void OnDone() override {
    { std::lock_guard lock(mutex_); }
    delete this;
  }

  CallEnvironment& environment_;
  const Method method_;
  CallRecord record_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::stop_callback<WakeUp> wake_on_stop_;
  Work work_;
  std::deque<Response> buffer_;  // the front one is being written while writing_
  bool writing_ = false;
  bool broken_ = false;    // a write failed: the client is gone
  bool ended_ = false;     // result_ is set
  bool finished_ = false;  // Finish was called
  absl::Status result_;
};

// How a service writes a server-streaming method (compare HandleUnary):
//
//   return rpc::HandleServerStream<WatchRunResponse>(
//       calls_, context, request, "WatchRun",
//       [this](const WatchRunRequest& request, rpc::StreamWriter<WatchRunResponse>& stream,
//       rpc::RequestContext& call)
//           -> absl::Status {
//         while (std::optional<State> state = runs_.AwaitChange(…, call.stop_token())) {
//           if (!stream.Write(ToProto(*state))) break;
//           if (state->final) return absl::OkStatus();
//         }
//         return absl::CancelledError("watch ended");
//       });
//
// The handler has a thread of its own for the length of the stream; one stream beyond the limit is answered
// RESOURCE_EXHAUSTED "SERVER_BUSY". It must return soon after the stop token fires. After it returns, what is
// buffered is still delivered, then the status.
template <class Response, class Request, class Handler>
grpc::ServerWriteReactor<Response>* HandleServerStream(CallEnvironment& environment,
                                                       grpc::CallbackServerContext* context,
                                                       const Request* request, Method method,
                                                       Handler handler) {
  auto* call =
      new StreamCall<Response>(environment, context, method,
                               [request, handler = std::move(handler)](StreamWriter<Response>& stream,
                                                                       RequestContext& call) -> absl::Status {
                                 return handler(*request, stream, call);
                               });
  call->Start(environment.stream_pool());
  return call;
}

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_SERVER_STREAM_H_
