// The optimizer's program under fire: killed again and again, reached over bad connections. Every claim is
// checked from what its clients were told.
//
//   optimizer_chaos_test [--kills N] [--store sqlite|postgresql|postgresql://…] [--clients N] [--seed S]
//                        [--server PROGRAM]
//
// "postgresql" is one of the test's own; a URL is of an empty database, for one test (--gtest_filter).
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <arpa/inet.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/numerics/rng.h"
#include "common/testing/child_process.h"
#include "common/testing/eventually.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_store.h"
#include "tests/chaos/chaos_client.h"
#include "tests/chaos/client_log.h"
#include "tests/chaos/flaky_proxy.h"

namespace sda::chaos {
namespace {

namespace v1 = optimizer::v1;

struct Options {
  int64_t kills = 40;
  int64_t clients = 16;
  int64_t seed = 1;
  std::string store = "sqlite";
  std::string server = SDA_OPTIMIZER;
};
Options options;

// What CTest takes for a test that was skipped.
constexpr int kSkipped = 77;
// Fewer than the four that the claim allows.
constexpr int64_t kTrialsPerKill = 3;
// Every so many lives the server may live long enough for leases to run out.
constexpr int64_t kQuietEvery = 10;

int FreePort() {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (probe < 0 || bind(probe, reinterpret_cast<sockaddr*>(&address), size) != 0) {
    std::perror("no free port");
    std::abort();
  }
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

// The program, on one port and one database through all its lives.
class OptimizerProcess {
 public:
  OptimizerProcess() : port_(FreePort()) { Start(); }

  void Start() {
    process_ = std::make_unique<testing::ChildProcess>(
        std::vector<std::string>{options.server, "--listen", address(), "--database", database_,
                                 "--log-level", "error", "--call-threads", "8"});
  }
  void Kill() {
    process_->Signal(SIGKILL);
    EXPECT_EQ(process_->Wait(), 128 + SIGKILL) << process_->standard_error();
  }

  int port() const { return port_; }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  std::string Words() const { return process_->standard_error(); }

 private:
  static std::string NewDatabase(const testing::TempDir& folder) {
    if (options.store == "sqlite") return folder / "optimizer.db";
    return options.store == "postgresql" ? testing::SharedPostgres().NewDatabase() : options.store;
  }

  const testing::TempDir folder_;
  const std::string database_ = NewDatabase(folder_);
  const int port_;
  std::unique_ptr<testing::ChildProcess> process_;
};

// Waits for the server as long as it takes to start.
void Ready(grpc::ClientContext& context) {
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
}

std::vector<std::string> CreateExperiments(v1::OptimizerService::Stub& stub, int64_t trials) {
  const std::vector<v1::Experiment::Algorithm> algorithms = {
      v1::Experiment::ALGORITHM_SOBOL, v1::Experiment::ALGORITHM_RANDOM, v1::Experiment::ALGORITHM_BAYESIAN};
  // Most of the work is cheap to suggest; a little of it by the model.
  const std::vector<int64_t> budgets = {trials / 2, trials - trials / 2 - std::min<int64_t>(20, trials / 4),
                                        std::min<int64_t>(20, trials / 4)};
  std::vector<std::string> names;
  for (size_t i = 0; i < algorithms.size(); ++i) {
    v1::CreateExperimentRequest request;
    request.set_request_id(absl::StrCat("create-", i));
    request.set_experiment_id(absl::StrCat("e", i));
    auto& experiment = *request.mutable_experiment();
    experiment.set_algorithm(algorithms[i]);
    experiment.set_observation_budget(budgets[i]);
    experiment.set_parallel_bandwidth(static_cast<int32_t>(options.clients));
    experiment.set_max_failed_trials(1'000'000);
    experiment.mutable_lease_policy()->mutable_duration()->set_seconds(1);
    experiment.mutable_lease_policy()->set_max_attempts(100);
    for (const char* name : {"x", "y"}) {
      auto& parameter = *experiment.add_parameters();
      parameter.set_name(name);
      parameter.mutable_double_range()->set_max(1);
    }
    experiment.add_metrics()->set_name("auc");
    v1::CreateExperimentResponse response;
    grpc::ClientContext context;
    Ready(context);
    const grpc::Status status = stub.CreateExperiment(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    names.push_back(response.experiment().name());
  }
  return names;
}

void Expect(const std::vector<std::string>& complaints) {
  for (size_t i = 0; i < complaints.size() && i < 20; ++i) ADD_FAILURE() << complaints[i];
  EXPECT_EQ(complaints.size(), 0);
}

struct Clients {
  Clients(const std::string& address, Workload& work) : work(work) {
    for (int i = 0; i < options.clients; ++i) {
      threads.emplace_back([this, i, address, &work] {
        ChaosClient(i, address, work).Run();
        ++done;
      });
    }
  }
  ~Clients() {
    work.given_up = true;
    for (std::thread& thread : threads) thread.join();
  }
  bool AllDone() const { return done == options.clients; }

  Workload& work;
  std::atomic<int64_t> done = 0;
  std::vector<std::thread> threads;
};

// At least one SIGKILL for every four completed trials, at random points of calls.
TEST(OptimizerChaosTest, NothingIsLostCountedTwiceOrStuckWhenTheServerIsKilled) {
  std::cout << "seed " << options.seed << ", store " << options.store << "\n";
  OptimizerProcess server;
  const auto stub = Connect(server.address());
  const int64_t trials = kTrialsPerKill * options.kills;
  ClientLog log;
  std::atomic<int64_t> kills = 0, permits = 0;
  Workload work{.experiments = CreateExperiments(*stub, trials), .log = log};
  // No more trials end than the kills so far allow.
  work.may_end = [&] {
    const int64_t permit = ++permits;
    return testing::Eventually([&] { return permit <= kTrialsPerKill * (kills + 1) || work.given_up; },
                               absl::Minutes(10)) &&
           !work.given_up;
  };
  const absl::Time begin = absl::Now();
  {
    Clients clients(server.address(), work);
    Rng rng(static_cast<uint64_t>(options.seed));
    while (kills < options.kills && !clients.AllDone()) {
      // A moment from nothing (the start itself) to some calls; sometimes longer than a lease.
      const bool quiet = (kills + 1) % kQuietEvery == 0;
      const absl::Duration life =
          quiet ? absl::Milliseconds(1300) : absl::Milliseconds(std::exp(rng.Uniform(0.0, std::log(150.0))));
      // The life of the server is what the test chooses; nothing is waited for.
      RealClock::Get().Sleep(life, {});
      server.Kill();
      ++kills;
      server.Start();
    }
    // The last trials may end in peace.
    permits = -1'000'000;
    ASSERT_TRUE(testing::Eventually([&] { return clients.AllDone(); }, absl::Minutes(3)))
        << "stuck after " << work.ended << " of " << trials << " trials\n"
        << server.Words();
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  Expect(CheckLog(log, *stub, work.experiments));
  EXPECT_EQ(kills, options.kills);
  EXPECT_GE(4 * kills, work.ended);
  EXPECT_EQ(work.ended, trials) << "acknowledged";
  EXPECT_GT(log.refused().size(), 0) << "revoked tokens were tried";
  std::cout << absl::StrCat(kills.load(), " kills, ", work.ended.load(), " trials ended, ",
                            log.grants().size(), " grants, ", log.Count(ClientLog::Accepted::Kind::kReport),
                            " reports, ", log.refused().size(), " refused as LEASE_LOST, ", seconds, " s\n");
}

TEST(OptimizerChaosTest, CutAndSlowConnectionsLoseNothing) {
  OptimizerProcess server;
  const auto direct = Connect(server.address());
  FlakyProxy proxy(server.port(), static_cast<uint64_t>(options.seed));
  constexpr int64_t kTrials = 60;
  ClientLog log;
  Workload work{.experiments = CreateExperiments(*direct, kTrials), .log = log};
  {
    Clients clients(proxy.address(), work);
    ASSERT_TRUE(testing::Eventually([&] { return clients.AllDone(); }, absl::Minutes(3)))
        << "stuck after " << work.ended << " of " << kTrials << " trials\n"
        << server.Words();
  }
  Expect(CheckLog(log, *direct, work.experiments));
  EXPECT_EQ(work.ended, kTrials);
  EXPECT_GT(proxy.cuts(), 10);
  EXPECT_GT(proxy.delays(), 10);
  std::cout << absl::StrCat(proxy.connections(), " connections, ", proxy.cuts(), " cut, ", proxy.delays(),
                            " parts held back\n");
}

// The check itself must be able to fail: a log with one report more than the server holds.
TEST(OptimizerChaosTest, TheCheckSeesWhatIsMissing) {
  OptimizerProcess server;
  const auto stub = Connect(server.address());
  ClientLog log;
  Workload work{.experiments = CreateExperiments(*stub, 8), .log = log};
  {
    Clients clients(server.address(), work);
    ASSERT_TRUE(testing::Eventually([&] { return clients.AllDone(); }, absl::Minutes(1)));
  }
  Expect(CheckLog(log, *stub, work.experiments));
  // The newest: an older one may have been followed by another attempt, which would be a second complaint.
  const ClientLog::Grant grant = log.grants().back();
  log.Add(
      ClientLog::Accepted{ClientLog::Accepted::Kind::kReport, grant.trial, grant.attempt, log.Now(), 7, 0.5});
  EXPECT_EQ(CheckLog(log, *stub, work.experiments).size(), 1);
  log.Add(ClientLog::Grant{grant.trial, grant.attempt + 1, "newer"});
  log.Add(ClientLog::Accepted{ClientLog::Accepted::Kind::kRelease, grant.trial, grant.attempt, log.Now()});
  EXPECT_EQ(CheckLog(log, *stub, work.experiments).size(), 2);
}

}  // namespace
}  // namespace sda::chaos

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    bool good = true;
    if (name == "--kills") {
      good = absl::SimpleAtoi(value, &sda::chaos::options.kills);
    } else if (name == "--clients") {
      good = absl::SimpleAtoi(value, &sda::chaos::options.clients);
    } else if (name == "--seed") {
      good = absl::SimpleAtoi(value, &sda::chaos::options.seed);
    } else if (name == "--server") {
      sda::chaos::options.server = value;
    } else if (name == "--store") {
      sda::chaos::options.store = value;
    } else {
      good = false;
    }
    if (!good) {
      std::cerr << "optimizer_chaos_test: cannot read " << name << " " << value << "\n";
      return 2;
    }
  }
  if (sda::chaos::options.store == "postgresql" && !sda::testing::PostgresServer::IsInstalled()) {
    std::cout << "skipped: " << sda::testing::PostgresServer::kWhyNot << "\n";
    return sda::chaos::kSkipped;
  }
  return RUN_ALL_TESTS();
}
