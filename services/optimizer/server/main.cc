#include "common/base/error.h"
#include "common/rpc/server_runner.h"
#include "services/optimizer/server/optimizer_service.h"

int main(int argc, char** argv) {
  using namespace sda;
  rpc::BlockStopSignals();
  rpc::ServerConfig server;
  server.max_streams = 512;  // long polls and watchers hold a thread each while they wait
  // Calls spend their time waiting for the disk, and those that wait together share one commit.
  server.call_threads = 64;
  std::string database_url;
  absl::Duration suggestion_time = absl::Seconds(10);
  rpc::Flags flags("sda-optimizer", "optimizer",
                   "Keeps experiments and trials and suggests what to try next.");
  server.Declare(flags);
  flags.Text("database", &database_url,
             "where experiments and trials are: a SQLite file, made if missing, or "
             "postgresql://USER@HOST:PORT/NAME, "
             "which several servers may share",
             rpc::Flags::Secrecy::kUrl);
  flags.Duration(
      "suggestion-time", &suggestion_time,
      "how long a model may take for a suggestion, which is then the best found so far; the deadline "
      "of the call counts as well",
      absl::Milliseconds(1), absl::Hours(1));
  if (const auto exit_code = flags.ParseOrExit(argc, argv)) return *exit_code;

  rpc::ServerRunner runner("optimizer", server);
  if (database_url.empty())
    return runner.Fail(InvalidField("--database", "is empty; must be a SQLite file or a postgresql:// URL"));
  auto database = sql::Database::Open(database_url, optimizer::store::OptimizerSchema());
  if (!database.ok()) return runner.Fail(database.status());
  optimizer::Engine engine(**database, RealClock::Get(), suggestion_time);
  optimizer::OptimizerServiceServer service(engine, runner.calls());
  runner.Add(service.grpc_service(), "sda.optimizer.v1.OptimizerService",
             [&] { return (*database)->Read([](sql::Transaction&) { return absl::OkStatus(); }); });
  runner.OnStop([&] { engine.WakeAll(); });
  return runner.Run(flags);
}
