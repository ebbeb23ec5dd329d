#include "common/base/clock.h"
#include "common/rpc/server_runner.h"
#include "services/preprocessing/server/config.h"
#include "services/preprocessing/server/preprocessing_service.h"

int main(int argc, char** argv) {
  using namespace sda;
  rpc::BlockStopSignals();
  preprocessing::Config config;
  rpc::Flags flags("sda-preprocessing", "preprocessing", "Makes datasets to train on from raw click logs.");
  config.Declare(flags);
  if (const auto exit_code = flags.ParseOrExit(argc, argv)) return *exit_code;

  rpc::ServerRunner runner("preprocessing", config.server);
  auto server = preprocessing::PreprocessingServer::Create(config, RealClock::Get(), runner.calls());
  if (!server.ok()) return runner.Fail(server.status());
  runner.Add((*server)->grpc_service(), "sda.preprocessing.v1.PreprocessingService",
             [&] { return (*server)->CheckReady(); });
  runner.OnStop([&] { (*server)->Stop(); });
  return runner.Run(flags);
}
