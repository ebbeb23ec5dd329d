#include "common/rpc/server_runner.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/rpc/announce.h"
#include "common/rpc/listen_error.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"

namespace sda::rpc {
namespace {

constexpr absl::Duration kCheckWhileReady = absl::Seconds(1);
constexpr absl::Duration kCheckWhileNotReady = absl::Milliseconds(100);
// Streams of the health service, which gRPC serves, end only when they are cut off.
constexpr absl::Duration kLastGrace = absl::Milliseconds(200);
// The standard library adds it to a time point, which must not overflow.
constexpr absl::Duration kLongestWait = absl::Hours(24 * 365);
// What a stop may take beyond the drain time before the process is ended the hard way.
constexpr absl::Duration kStopSlack = absl::Seconds(10);

void LogFromGrpc(gpr_log_func_args* args) {
  const log::Level level =
      args->severity == GPR_LOG_SEVERITY_DEBUG ? log::Level::kDebug : log::Level::kWarning;
  log::Write(level, "grpc", {{"text", args->message}});
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const ServerConfig& config) {
  if (config.tls_cert.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(config.tls_client_ca.empty()
                                                ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  SDA_ASSIGN_OR_RETURN(std::string cert, ReadSmallFile(config.tls_cert, "the server's certificate"));
  SDA_ASSIGN_OR_RETURN(std::string key, ReadSmallFile(config.tls_key, "the server's key"));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(cert)});
  if (!config.tls_client_ca.empty()) {
    SDA_ASSIGN_OR_RETURN(options.pem_root_certs,
                         ReadSmallFile(config.tls_client_ca, "issuers of client certificates"));
  }
  return grpc::SslServerCredentials(options);
}

CallEnvironment::Options EnvironmentOptions(const std::string& service, const ServerConfig& config) {
  return {.service = service,
          .calls = {.threads = config.call_threads, .max_queued = config.max_queued_calls},
          .streams = {.threads = config.max_streams, .max_queued = 0},
          .default_deadline = config.call_deadline};
}

// A second signal, or a stop that hangs, ends the process: the orchestrator's kill would do it anyway, later.
void GuardTheStop(absl::Duration limit) {
  std::thread([limit] {
    const sigset_t signals = StopSignals();
    const absl::Duration end = RealClock::Get().Monotonic() + limit;
    int heard = -1;
    do {  // debuggers and sanitizers interrupt the wait
      timespec left = absl::ToTimespec(std::max(end - RealClock::Get().Monotonic(), absl::ZeroDuration()));
      heard = sigtimedwait(&signals, nullptr, &left);
    } while (heard < 0 && errno == EINTR);
    const bool again = heard > 0;
    log::Error(again ? "told to stop again: ending at once" : "the stop takes too long: ending at once");
    _exit(1);
  }).detach();
}

// Asks for a stop once `parent` is no longer our parent. Polled: the only notice the kernel gives is bound to
// the parent's thread, not to its process.
void WatchParent(std::stop_token stop, pid_t parent) {
  while (getppid() == parent) {
    if (!RealClock::Get().Sleep(absl::Milliseconds(200), stop)) return;
  }
  log::Warning("the parent process is gone: stopping", {{"parent", parent}});
  kill(getpid(), SIGTERM);
}

}  // namespace

void BlockStopSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

struct ServerRunner::State {
  struct Service {
    grpc::Service* service;
    std::string name;
    ReadinessCheck check;
    std::optional<bool> ready;                                      // guarded by mutex
    absl::Status last = absl::UnavailableError("not checked yet");  // guarded by mutex
  };

  State(std::string service_name, ServerConfig server_config)
      : name(std::move(service_name)), config(std::move(server_config)) {}

  const std::string name;
  const ServerConfig config;
  MetricsRegistry metrics;
  std::optional<CallEnvironment> calls;  // always set after construction
  absl::Status token_status;             // of reading the token file
  std::vector<Service> services;
  std::vector<std::function<void()>> hooks;

  std::unique_ptr<grpc::Server> server;
  std::string address;
  bool stopped = false;

  std::mutex mutex;
  std::condition_variable_any changed;
  bool announced = false;  // guarded by mutex
  std::jthread readiness;  // last: its thread uses all of the above

  void CheckReadiness(std::stop_token stop);
  bool CheckAll();
  void Announce();
};

// One round over all services; true when all are ready.
bool ServerRunner::State::CheckAll() {
  bool all = true;
  for (Service& service : services) {
    const absl::Status status = service.check ? service.check() : absl::OkStatus();
    all &= status.ok();
    bool change = false;
    {
      std::lock_guard lock(mutex);
      change = service.ready != status.ok();
      service.ready = status.ok();
      service.last = status;
    }
    if (!change) continue;
    server->GetHealthCheckService()->SetServingStatus(service.name, status.ok());
    metrics.Set(metrics::kReady, {service.name}, status.ok() ? 1 : 0);
    if (status.ok()) {
      log::Info("ready", {{"grpc_service", service.name}});
    } else {
      log::Warning("not ready", {{"grpc_service", service.name}, {"error", status.message()}});
    }
  }
  return all;
}

void ServerRunner::State::Announce() {
  if (config.announce.empty()) return;
  if (absl::Status status = WriteAnnounceFile(config.announce, address, metrics.exposed_address());
      !status.ok()) {
    log::Error("cannot announce the address", {{"file", config.announce}, {"error", status.message()}});
  }
}

void ServerRunner::State::CheckReadiness(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const bool all = CheckAll();
    std::unique_lock lock(mutex);
    if (all && !announced) {
      announced = true;
      lock.unlock();
      Announce();
      lock.lock();
    }
    changed.notify_all();
    const absl::Duration pause = all ? kCheckWhileReady : kCheckWhileNotReady;
    changed.wait_for(lock, stop, absl::ToChronoMilliseconds(pause), [] { return false; });
  }
}

ServerRunner::ServerRunner(std::string service, ServerConfig config)
    : state_(std::make_unique<State>(std::move(service), std::move(config))) {
  gpr_set_log_function(LogFromGrpc);
  const ServerConfig& server = state_->config;
  log::Configure(state_->name, log::ParseLevel(server.log_level).value_or(log::Level::kInfo));
  CallEnvironment::Options options = EnvironmentOptions(state_->name, server);
  if (!server.token_file.empty()) {
    auto tokens = ReadTokens(server.token_file);
    state_->token_status = tokens.status();
    if (tokens.ok()) options.tokens = *std::move(tokens);
  }
  state_->calls.emplace(std::move(options), state_->metrics);
}

ServerRunner::~ServerRunner() {
  Stop();
}

CallEnvironment& ServerRunner::calls() {
  return *state_->calls;
}
MetricsRegistry& ServerRunner::metrics() {
  return state_->metrics;
}
const std::string& ServerRunner::address() const {
  return state_->address;
}

void ServerRunner::Add(grpc::Service& service, std::string full_name, ReadinessCheck check) {
  state_->services.push_back({&service, std::move(full_name), std::move(check), std::nullopt});
}

void ServerRunner::OnStop(std::function<void()> hook) {
  state_->hooks.push_back(std::move(hook));
}

absl::Status ServerRunner::Start() {
  const ServerConfig& config = state_->config;
  SDA_RETURN_IF_ERROR(Validate(config));
  SDA_RETURN_IF_ERROR(state_->token_status);
  SDA_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials, MakeCredentials(config));
  if (!config.metrics_listen.empty()) SDA_RETURN_IF_ERROR(state_->metrics.Expose(config.metrics_listen));
  state_->metrics.Set(metrics::kBuildInfo, {state_->name, Version()}, 1);

  grpc::EnableDefaultHealthCheckService(true);
  static std::once_flag reflection;
  std::call_once(reflection, [] { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); });
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(config.listen, credentials, &port);
  // Without this a second server could take the same port and half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTime)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTime / 2)));
  builder.SetMaxReceiveMessageSize(static_cast<int>(config.max_message_bytes));
  builder.SetMaxSendMessageSize(static_cast<int>(config.max_message_bytes));
  for (const auto& service : state_->services) builder.RegisterService(service.service);
  state_->server = builder.BuildAndStart();
  if (state_->server == nullptr || port == 0) {
    state_->server = nullptr;
    return ExplainListenFailure(config.listen, !config.tls_cert.empty());
  }
  state_->address = absl::StrCat(config.listen.substr(0, config.listen.rfind(':')), ":", port);
  for (const auto& service : state_->services) {
    state_->server->GetHealthCheckService()->SetServingStatus(service.name, false);
  }
  log::Info("listening", {{"address", state_->address},
                          {"metrics_address", state_->metrics.exposed_address()},
                          {"tls", !config.tls_cert.empty()},
                          {"version", Version()}});
  if (config.insecure && !IsLoopback(config.listen)) {
    log::Warning("listening beyond loopback without the usual protection, as --insecure says",
                 {{"address", state_->address}});
  }
  state_->readiness =
      std::jthread([state = state_.get()](std::stop_token stop) { state->CheckReadiness(stop); });
  return absl::OkStatus();
}

absl::Status ServerRunner::AwaitReady(absl::Duration timeout) {
  std::unique_lock lock(state_->mutex);
  absl::Status failed;
  const absl::Duration bounded = std::min(timeout, kLongestWait);
  const bool ready = state_->changed.wait_for(lock, absl::ToChronoNanoseconds(bounded), [&] {
    failed = absl::OkStatus();
    for (const auto& service : state_->services) {
      if (!service.ready.value_or(false)) failed = Annotate(service.last, service.name + " is not ready");
    }
    return failed.ok();
  });
  return ready ? absl::OkStatus() : absl::UnavailableError(failed.message());
}

void ServerRunner::Stop() {
  if (state_->stopped) return;
  state_->stopped = true;
  if (state_->readiness.joinable()) {
    state_->readiness.request_stop();
    state_->readiness.join();
  }
  if (state_->server != nullptr) state_->server->GetHealthCheckService()->Shutdown();
  for (const auto& service : state_->services) state_->metrics.Set(metrics::kReady, {service.name}, 0);
  const absl::Duration end = RealClock::Get().Monotonic() + state_->config.drain_time;
  for (auto hook = state_->hooks.rbegin(); hook != state_->hooks.rend(); ++hook) (*hook)();
  state_->calls->RequestStop();
  if (state_->server != nullptr) {
    CallEnvironment& calls = *state_->calls;
    bool drained = calls.AwaitIdle(CallKind::kUnary, end - RealClock::Get().Monotonic());
    drained &=
        calls.AwaitIdle(CallKind::kStream, std::min(kStreamDrainTime, end - RealClock::Get().Monotonic()));
    if (!drained) log::Warning("calls still run after the drain time: cutting them off");
    state_->server->Shutdown(absl::ToChronoTime(absl::Now() + kLastGrace));
    state_->server->Wait();
  }
  state_->calls->JoinThreads();
  state_->server = nullptr;
  log::Flush();
}

int ServerRunner::Fail(const absl::Status& status) {
  log::Error("cannot serve",
             {{"error", status.message()}, {"code", absl::StatusCodeToString(status.code())}});
  log::Flush();
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

int ServerRunner::Run(const Flags& flags) {
  const pid_t parent = static_cast<pid_t>(state_->config.exit_with_parent);
  std::vector<log::Field> settings;
  for (const Flags::Setting& setting : flags.Effective()) settings.emplace_back(setting.name, setting.value);
  log::Write(log::Level::kInfo, "configuration", settings);

  if (absl::Status status = Start(); !status.ok()) {
    Stop();  // while what the hooks refer to is still alive
    return Fail(status);
  }
  std::jthread parent_watch;
  if (parent != 0) parent_watch = std::jthread([parent](std::stop_token stop) { WatchParent(stop, parent); });
  const sigset_t signals = StopSignals();
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  log::Info("stopping", {{"signal", signal_number == SIGTERM ? "SIGTERM" : "SIGINT"}});
  GuardTheStop(state_->config.drain_time + kStopSlack);
  Stop();
  log::Info("stopped");
  log::Flush();
  return 0;
}

}  // namespace sda::rpc
