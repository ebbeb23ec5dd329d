#include "common/rpc/server_runner.h"
#include "services/trainer_worker/server/config.h"
#include "services/trainer_worker/server/core_runner.h"
#include "services/trainer_worker/server/machine_profile.h"
#include "services/trainer_worker/server/retention.h"
#include "services/trainer_worker/server/trainer_service.h"
#include "services/trainer_worker/server/worker.h"

int main(int argc, char** argv) {
  using namespace sda;
  rpc::BlockStopSignals();
  trainer::Config config;
  rpc::Flags flags("sda-trainer-worker", "trainer_worker", "Pulls trials from an optimizer and trains them.");
  config.Declare(flags);
  if (const auto exit_code = flags.ParseOrExit(argc, argv)) return *exit_code;

  rpc::ServerRunner runner("trainer_worker", config.server);
  if (absl::Status status = Validate(config, trainer::UsableCores()); !status.ok())
    return runner.Fail(status);
  auto connection = rpc::Connection::Open(config.optimizer, config.client);
  if (!connection.ok()) return runner.Fail(connection.status());

  trainer::OptimizerClient optimizer(*connection);
  const trainer::ArtefactFolders folders(config.artefacts);
  trainer::Retention retention(config.retention, folders, optimizer, runner.metrics());
  trainer::CoreRunner core(folders, config.threads_per_slot,
                           [&](const std::string& experiment) { retention.TrialEnded(experiment); });
  trainer::Worker worker(WorkerOptions(config), optimizer, core, runner.metrics());
  trainer::TrainerServiceServer service(
      {worker, optimizer, folders, config.threads_per_slot, config.prediction}, runner.calls());
  runner.Add(service.grpc_service(), "sda.trainer.v1.TrainerService",
             [&] { return optimizer.CheckReached(); });
  runner.OnStop([&] { worker.Stop(); });
  worker.Start();
  return runner.Run(flags);
}
