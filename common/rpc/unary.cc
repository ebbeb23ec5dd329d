#include "common/rpc/unary.h"

#include <memory>
#include <mutex>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "common/rpc/call_record.h"

namespace sda::rpc {
namespace {

// One call. gRPC orders OnCancel and OnDone among themselves; the handler's thread is ordered with them by
// mutex_.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(CallEnvironment& environment, grpc::CallbackServerContext* context, Method method, UnaryWork work)
      : record_(environment, context, method, CallKind::kUnary), work_(std::move(work)) {}

  void Start(WorkerPool& pool) {
    if (absl::Status admitted = record_.Admit(); !admitted.ok()) return Complete(admitted);
    if (!pool.Submit([this] { Complete(Run()); })) Complete(ServerBusy("all threads at work, queue full"));
  }

 private:
  absl::Status Run() {
    // Much may have changed while the call waited for a thread.
    if (absl::Status admitted = record_.Admit(); !admitted.ok()) return admitted;
    return record_.Guard(work_);
  }

  void Complete(const absl::Status& result) {
    grpc::Status status = record_.Finish(result);
    {
      std::lock_guard lock(mutex_);
      work_ = nullptr;  // captures go while the service surely lives
    }
    Finish(std::move(status));  // OnDone may delete this before it returns
  }

  void OnCancel() override { record_.Cancel(); }

  void OnDone() override {
    { std::lock_guard lock(mutex_); }
    delete this;
  }

  CallRecord record_;
  std::mutex mutex_;
  UnaryWork work_;
};

}  // namespace

grpc::ServerUnaryReactor* StartUnary(CallEnvironment& environment, grpc::CallbackServerContext* context,
                                     Method method, UnaryWork work) {
  auto* call = new UnaryCall(environment, context, method, std::move(work));
  call->Start(method.waits ? environment.stream_pool() : environment.call_pool());
  return call;
}

}  // namespace sda::rpc
