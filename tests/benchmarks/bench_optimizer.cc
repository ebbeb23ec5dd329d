#include "tests/benchmarks/bench_optimizer.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include "common/base/cpu_time.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/sql/database.h"
#include "tests/benchmarks/bench_report.h"
#include "tests/benchmarks/optimizer_load.h"
#include "tests/benchmarks/optimizer_scale.h"
#include "tests/benchmarks/optimizer_server.h"
#include "tests/benchmarks/optimizer_watch.h"

namespace sda::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string store = "sqlite";
  std::string algorithm = "sobol";
  int clients = 64;
  double seconds = 5;
  int observations = 100;
  int train_ms = 0;
  double open_rate = 0;
  int64_t watch_changes = 200;
  bool fill = false;
  int64_t experiments = 10'000;
  int64_t trials = 1'000'000;
  std::string work_folder =
      (fs::temp_directory_path() / ("sda-bench-" + std::to_string(::getpid()))).string();
  bool json = false;
};

// What else the machine had to do: figures of a busy machine say little.
double LoadAverage() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : -1;
}

// Processor microseconds a call, of server and clients, over one phase.
class CpuMeter {
 public:
  explicit CpuMeter(const OptimizerServer& server)
      : server_(server), server_start_(server.CpuSeconds()), own_start_(ProcessSeconds()) {}

  nlohmann::ordered_json PerCall(int64_t calls) const {
    const double n = std::max<double>(1, static_cast<double>(calls));
    return {{"server", 1e6 * (server_.CpuSeconds() - server_start_) / n},
            {"client", 1e6 * (ProcessSeconds() - own_start_) / n}};
  }

 private:
  const OptimizerServer& server_;
  const double server_start_, own_start_;
};

absl::Status RunSobol(const Options& options, OptimizerServer& server, OptimizerLoad& load,
                      nlohmann::ordered_json& report) {
  std::vector<std::string> ids;
  std::vector<Holder> holders;
  for (int i = 0; i < options.clients; ++i) {
    ids.push_back(absl::StrCat("sobol-", i));
    SDA_RETURN_IF_ERROR(load.CreateExperiment(ids.back(), /*bayesian=*/false, /*bandwidth=*/2));
    SDA_ASSIGN_OR_RETURN(holders.emplace_back(), load.Acquire(ids.back()));
  }
  SDA_RETURN_IF_ERROR(load.ReportClosedLoop(holders, 0.5).status());  // connections, threads, statements

  const CpuMeter report_cpu(server);
  SDA_ASSIGN_OR_RETURN(Timings closed, load.ReportClosedLoop(holders, options.seconds));
  const double reports_per_s = static_cast<double>(closed.calls) / closed.seconds;
  report["reports_per_s"] = reports_per_s;
  report["report_cpu_us"] = report_cpu.PerCall(closed.calls);
  report["closed_report_ms_p50"] = Percentile(closed.latencies_ms, 0.5);
  report["closed_report_ms_p99"] = Percentile(closed.latencies_ms, 0.99);

  const CpuMeter cycle_cpu(server);
  SDA_ASSIGN_OR_RETURN(Timings cycles, load.Cycles(ids, options.clients, options.seconds, options.train_ms));
  report["cycles_per_s"] = static_cast<double>(cycles.calls) / cycles.seconds;
  report["cycle_cpu_us"] = cycle_cpu.PerCall(cycles.calls);
  report["acquire_ms_p50"] = Percentile(cycles.latencies_ms, 0.5);
  report["acquire_ms_p99"] = Percentile(cycles.latencies_ms, 0.99);

  const CpuMeter open_cpu(server);
  SDA_ASSIGN_OR_RETURN(
      Timings open,
      load.ReportOpenLoop(holders, options.open_rate > 0 ? options.open_rate : reports_per_s / 2,
                          options.seconds));
  report["open_reports_per_s"] = static_cast<double>(open.calls) / open.seconds;
  report["open_report_cpu_us"] = open_cpu.PerCall(open.calls);
  report["report_ms_p50"] = Percentile(open.latencies_ms, 0.5);
  report["report_ms_p99"] = Percentile(open.latencies_ms, 0.99);
  return absl::OkStatus();
}

absl::Status RunBayesian(const Options& options, OptimizerServer& server, OptimizerLoad& load,
                         nlohmann::ordered_json& report) {
  const std::string id = "bayesian";
  SDA_RETURN_IF_ERROR(load.CreateExperiment(id, /*bayesian=*/true, options.clients));
  SDA_RETURN_IF_ERROR(load.AddObservations(id, options.observations));
  const CpuMeter cpu(server);
  SDA_ASSIGN_OR_RETURN(Timings cycles, load.Cycles({id}, options.clients, options.seconds, options.train_ms));
  report["observations"] = options.observations;
  report["cycles_per_s"] = static_cast<double>(cycles.calls) / cycles.seconds;
  report["cycle_cpu_us"] = cpu.PerCall(cycles.calls);
  report["acquire_ms_p50"] = Percentile(cycles.latencies_ms, 0.5);
  report["acquire_ms_p99"] = Percentile(cycles.latencies_ms, 0.99);
  return absl::OkStatus();
}

// Fields `prefix`_ms_p50, _p99_ms and _ms_max: from a report's sending to the arrival of its change.
absl::Status RunWatch(const Options& options, const std::string& prefix, const std::string& id,
                      OptimizerLoad& makes, OptimizerLoad& sees, nlohmann::ordered_json& report) {
  if (options.watch_changes == 0) return absl::OkStatus();
  SDA_RETURN_IF_ERROR(makes.CreateExperiment(id, /*bayesian=*/false, /*bandwidth=*/1));
  SDA_ASSIGN_OR_RETURN(Timings watched, WatchChanges(makes, sees, id, options.watch_changes));
  report[prefix + "_changes"] = watched.calls;
  report[prefix + "_ms_p50"] = Percentile(watched.latencies_ms, 0.5);
  report[prefix + "_p99_ms"] = Percentile(watched.latencies_ms, 0.99);
  report[prefix + "_ms_max"] = Percentile(watched.latencies_ms, 1);
  return absl::OkStatus();
}

absl::Status RunScale(const Options& options, const std::string& database) {
  const auto start = std::chrono::steady_clock::now();
  SDA_RETURN_IF_ERROR(FillOptimizerStore(database, options.experiments, options.trials));
  nlohmann::ordered_json report = BeginReport("optimizer", UsableCores(), options.seconds);
  report["store"] = options.store == "sqlite" ? "sqlite" : "postgresql";
  report["experiments"] = options.experiments;
  report["trials"] = options.trials;
  report["fill_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report["load_before"] = LoadAverage();
  SDA_ASSIGN_OR_RETURN(const auto server, OptimizerServer::Start(database, options.work_folder));
  OptimizerLoad load(server->address());
  SDA_RETURN_IF_ERROR(
      ReadAtRandom(load.stub(0), options.experiments, options.trials, options.seconds, report));
  report["load_after"] = LoadAverage();
  report["start_seconds"] = server->start_seconds();
  report["peak_rss_bytes"] = server->PeakMemoryBytes();
  PrintReport(report, options.json);
  return absl::OkStatus();
}

absl::Status Run(const Options& options) {
  fs::create_directories(options.work_folder);
  const std::string database =
      options.store == "sqlite" ? options.work_folder + "/optimizer.db" : options.store;
  if (options.fill) return RunScale(options, database);
  SDA_ASSIGN_OR_RETURN(const auto server, OptimizerServer::Start(database, options.work_folder));
  OptimizerLoad load(server->address());
  nlohmann::ordered_json report = BeginReport("optimizer", UsableCores(), options.seconds);
  report["store"] = options.store == "sqlite" ? "sqlite" : "postgresql";
  report["algorithm"] = options.algorithm;
  report["clients"] = options.clients;
  report["train_ms"] = options.train_ms;
  report["load_before"] = LoadAverage();
  SDA_RETURN_IF_ERROR(options.algorithm == "sobol" ? RunSobol(options, *server, load, report)
                                                   : RunBayesian(options, *server, load, report));
  SDA_RETURN_IF_ERROR(RunWatch(options, "watch", "watched", load, load, report));
  if (sql::IsPostgresUrl(database)) {
    // A change made through one server, seen through another.
    const std::string folder = options.work_folder + "/other";
    fs::create_directories(folder);
    SDA_ASSIGN_OR_RETURN(const auto other, OptimizerServer::Start(database, folder));
    OptimizerLoad other_load(other->address());
    SDA_RETURN_IF_ERROR(RunWatch(options, "watch_other", "watched-elsewhere", load, other_load, report));
  }
  report["load_after"] = LoadAverage();
  report["start_seconds"] = server->start_seconds();
  report["peak_rss_bytes"] = server->PeakMemoryBytes();
  PrintReport(report, options.json);
  return absl::OkStatus();
}

}  // namespace

int BenchOptimizer(int argc, char** argv) {
  Options options;
  CLI::App app("sda-bench optimizer: calls a second of a real sda-optimizer, over loopback");
  app.add_option("--store", options.store, "sqlite, or the postgresql:// URL of an empty database");
  app.add_option("--algorithm", options.algorithm,
                 "sobol: reports and cycles, a worker an experiment; bayesian: workers of one experiment")
      ->check(CLI::IsMember({"sobol", "bayesian"}));
  auto* clients = app.add_option("--clients", options.clients, "workers; 64, with bayesian 8")
                      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.seconds, "of each phase")->check(CLI::Range(0.1, 3600.0));
  app.add_option("--observations", options.observations, "bayesian: finished trials at the start")
      ->check(CLI::Range(0, 100'000));
  app.add_option("--train-ms", options.train_ms, "time between a trial's acquire and its completion")
      ->check(CLI::Range(0, 60'000));
  app.add_option("--open-rate", options.open_rate,
                 "sobol: reports a second sent open-loop; 0: half of what the closed loop reached")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--watch-changes", options.watch_changes,
                 "changes that a watcher waits for, one after the other; 0: none")
      ->check(CLI::Range(0, 1'000'000));
  app.add_flag("--fill", options.fill, "instead: fill the store and time gets and lists");
  app.add_option("--experiments", options.experiments, "of --fill")->check(CLI::Range(1, 1'000'000));
  app.add_option("--trials", options.trials, "of --fill, all experiments together")
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--work-folder", options.work_folder, "for the SQLite file; removed at the end");
  app.add_flag("--json", options.json, "one line of JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (options.algorithm == "bayesian" && clients->count() == 0) options.clients = 8;
  const absl::Status ran = Run(options);
  std::error_code ignored;
  if (ran.ok()) fs::remove_all(options.work_folder, ignored);
  if (!ran.ok()) std::cerr << "sda-bench optimizer: " << ran << "\n";
  return ran.ok() ? 0 : 1;
}

}  // namespace sda::bench
