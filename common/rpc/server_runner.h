#ifndef SDA_COMMON_RPC_SERVER_RUNNER_H_
#define SDA_COMMON_RPC_SERVER_RUNNER_H_

#include <functional>
#include <memory>
#include <string>

#include <absl/status/status.h>

#include "common/rpc/call_environment.h"
#include "common/rpc/flags.h"
#include "common/rpc/server_config.h"
#include "common/telemetry/metrics_registry.h"

namespace grpc {
class Service;
}

namespace sda::rpc {

// Blocks SIGTERM and SIGINT in the calling thread and all that it starts, so that ServerRunner::Run can wait
// for them, and ignores SIGPIPE. The first statement of main, before any thread.
void BlockStopSignals();

// Runs one server process, from its address to its orderly end:
//
//   int main(int argc, char** argv) {
//     rpc::BlockStopSignals();
//     Config config;                                       // holds an rpc::ServerConfig `server`
//     rpc::Flags flags("sda-optimizer", "optimizer", "…");
//     config.Declare(flags);
//     if (auto exit_code = flags.ParseOrExit(argc, argv)) return *exit_code;
//     rpc::ServerRunner runner("optimizer", config.server);
//     auto service = OptimizerService::Create(config, runner.calls());
//     if (!service.ok()) return runner.Fail(service.status());
//     runner.Add((*service)->grpc_service(), "sda.optimizer.v1.OptimizerService", [&] { return
//     (*service)->Ready(); }); runner.OnStop([&] { (*service)->StopJobs(); }); return runner.Run(flags);
//   }
//
// Health (grpc.health.v1): "" is liveness, SERVING while the process can answer; a service's own name is
// readiness, SERVING while its check succeeds. Reflection is on. Neither asks for a token.
//
// With `announce` set, the file is written once every service is ready for the first time, by rename:
// {"address": "127.0.0.1:40001", "metrics_address": "", "pid": 4711}.
//
// Thread-compatible: configure and Start, Stop or Run from one thread. calls() and metrics() are thread-safe.
// Services must outlive the runner's Stop; the destructor stops.
class ServerRunner {
 public:
  // OK when the service can do its work. Called from a thread of the runner, every second or so; must return
  // soon.
  using ReadinessCheck = std::function<absl::Status()>;

  // `service` is the short name in logs and metrics, e.g. "optimizer".
  ServerRunner(std::string service, ServerConfig config);
  ~ServerRunner();
  ServerRunner(const ServerRunner&) = delete;
  ServerRunner& operator=(const ServerRunner&) = delete;

  // What handlers need; valid from construction on, so that services can be built with it.
  CallEnvironment& calls();
  MetricsRegistry& metrics();

  // Adds a service under its full gRPC name. Not owned. Without a check it is ready when the server is.
  void Add(grpc::Service& service, std::string full_name, ReadinessCheck check = {});

  // Called when the server begins to stop, after health says so and before calls are cut off: stop jobs, wake
  // what waits. Hooks run in the reverse order of their adding, on the stopping thread.
  void OnStop(std::function<void()> hook);

  // Listens and serves; returns at once. INVALID_ARGUMENT for a bad configuration, UNAVAILABLE naming the
  // address and what to do when it cannot be listened on.
  absl::Status Start();

  // "127.0.0.1:40001", after Start.
  const std::string& address() const;

  // Blocks until every service is ready, or the time is over: then the last failed check, as UNAVAILABLE.
  absl::Status AwaitReady(absl::Duration timeout);

  // Health to NOT_SERVING, hooks, stop tokens, the calls that run get `drain_time` to end, threads joined.
  // Idempotent.
  void Stop();

  // Start, serve until SIGTERM or SIGINT, Stop. Returns the exit code: 0 after a stop, 1 when it could not
  // serve, 2 for a bad configuration. Logs the effective configuration once. A stop that hangs beyond the
  // drain time and a few seconds ends the process with exit code 1.
  int Run(const Flags& flags);

  // For main, when something before Run failed: logs the error, prints it, returns the exit code (2 for
  // INVALID_ARGUMENT, else 1).
  int Fail(const absl::Status& status);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_SERVER_RUNNER_H_
