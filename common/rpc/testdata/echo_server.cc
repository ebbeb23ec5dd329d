// A complete server program around EchoService, for tests that need a process; written as the services' mains
// are.
#include "common/base/clock.h"
#include "common/rpc/flags.h"
#include "common/rpc/server_config.h"
#include "common/rpc/server_runner.h"
#include "common/rpc/testdata/echo_service.h"
#include "common/telemetry/log.h"

int main(int argc, char** argv) {
  using namespace sda;
  rpc::BlockStopSignals();
  rpc::ServerConfig config;
  rpc::Flags flags("sda-echo", "echo", "Answers with what it was asked.");
  config.Declare(flags);
  absl::Duration answer_after;
  flags.Duration("answer-after", &answer_after, "How long a call takes, whatever happens meanwhile",
                 absl::ZeroDuration(), absl::Hours(1));
  if (auto exit_code = flags.ParseOrExit(argc, argv)) return *exit_code;

  rpc::ServerRunner runner("echo", config);
  rpc::EchoService service(runner.calls(),
                           [&](const auto& request, auto* response, rpc::RequestContext& call) {
                             log::Info("begun");
                             RealClock::Get().Sleep(answer_after, std::stop_token());
                             return rpc::EchoService::EchoBack(request, response, call);
                           });
  runner.Add(service, rpc::kEchoServiceName);
  return runner.Run(flags);
}
