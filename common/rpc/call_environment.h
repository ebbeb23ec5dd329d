#ifndef SDA_COMMON_RPC_CALL_ENVIRONMENT_H_
#define SDA_COMMON_RPC_CALL_ENVIRONMENT_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

#include "common/base/worker_pool.h"
#include "common/rpc/limits.h"
#include "common/telemetry/metrics_registry.h"

namespace sda::rpc {

enum class CallKind { kUnary, kStream };

// What all calls of one server share: the threads that run handlers, who may call, where values are counted.
// The ServerRunner owns one; services keep a reference and hand it to HandleUnary and HandleServerStream.
// Thread-safe.
class CallEnvironment {
 public:
  struct Options {
    std::string service;  // label of metrics, e.g. "optimizer"
    WorkerPool::Limits calls = {.threads = 4, .max_queued = kDefaultMaxQueuedCalls};
    WorkerPool::Limits streams = {.threads = kDefaultMaxStreams, .max_queued = 0};
    absl::Duration default_deadline = kDefaultCallDeadline;  // > 0
    std::vector<std::string> tokens = {};  // accepted bearer tokens; empty: none is asked for
  };

  // `metrics` must outlive this.
  CallEnvironment(Options options, MetricsRegistry& metrics);

  const Options& options() const { return options_; }
  MetricsRegistry& metrics() { return metrics_; }
  WorkerPool& call_pool() { return call_pool_; }
  WorkerPool& stream_pool() { return stream_pool_; }

  // True when `authorization`, the value of the header, is "Bearer " and an accepted token, or none is asked
  // for.
  bool IsAuthorized(std::string_view authorization) const;

  // Fires when the server begins to stop. Every call's own token follows it.
  std::stop_token stop_token() const { return stop_.get_token(); }

  // Ends what waits (streams, long polls). Idempotent.
  void RequestStop() { stop_.request_stop(); }

  // Count the calls between arrival and the end of all use of them; for CallRecord.
  void CallBegins(CallKind kind);
  void CallEnds(CallKind kind);

  // Blocks until no call of that kind is left. False when `timeout` was over first.
  bool AwaitIdle(CallKind kind, absl::Duration timeout);

  // Joins the threads; all calls must have ended, or end soon.
  void JoinThreads();

 private:
  const Options options_;
  MetricsRegistry& metrics_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::array<int64_t, 2> calls_ = {};  // guarded by mutex_; by kind
  WorkerPool call_pool_;
  WorkerPool stream_pool_;
};

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_CALL_ENVIRONMENT_H_
