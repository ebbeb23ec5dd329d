#include "common/base/clock.h"
#include "common/rpc/server_runner.h"
#include "services/advisor/server/advisor.h"
#include "services/advisor/server/config.h"

int main(int argc, char** argv) {
  using namespace sda;
  rpc::BlockStopSignals();
  advisor::Config config;
  rpc::Flags flags("sda-advisor", "advisor",
                   "Writes recipes and carries runs from raw data to a delivered model.");
  config.Declare(flags);
  if (const auto exit_code = flags.ParseOrExit(argc, argv)) return *exit_code;

  rpc::ServerRunner runner("advisor", config.server);
  if (absl::Status status = Validate(config); !status.ok()) return runner.Fail(status);
  auto peers = advisor::Peers::Open({config.optimizer, config.preprocessing, config.trainers}, config.client);
  if (!peers.ok()) return runner.Fail(peers.status());
  auto service = advisor::Advisor::Create({.database = config.database,
                                           .artefacts = config.artefacts,
                                           .retry_budget = config.retry_budget,
                                           .run_threads = config.run_threads},
                                          *std::move(peers), runner.calls(), RealClock::Get());
  if (!service.ok()) return runner.Fail(service.status());
  runner.Add((*service)->grpc_service(), advisor::kAdvisorServiceName,
             [&] { return (*service)->CheckReady(); });
  runner.OnStop([&] { (*service)->Stop(); });
  if (absl::Status status = (*service)->Start(); !status.ok()) return runner.Fail(status);
  return runner.Run(flags);
}
