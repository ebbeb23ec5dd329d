#include <csignal>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/ids.h"
#include "common/rpc/announce.h"
#include "common/rpc/call.h"
#include "common/testing/child_process.h"
#include "common/testing/eventually.h"
#include "common/testing/postgres_server.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"

// Two real servers over one PostgreSQL, called through real stubs.
namespace sda::optimizer {
namespace {

using sda::testing::Eventually;
using sda::testing::PostgresServer;
using Stub = v1::OptimizerService::Stub;

constexpr char kService[] = "sda.optimizer.v1.OptimizerService";

struct Server {
  explicit Server(const std::string& url)
      : process({SDA_OPTIMIZER, "--database", url, "--announce", dir / "announce.json"}) {
    EXPECT_TRUE(Eventually([&] { return rpc::ReadAnnounceFile(dir / "announce.json").ok(); }))
        << process.standard_error();
    const auto announced = rpc::ReadAnnounceFile(dir / "announce.json");
    auto opened = rpc::Connection::Open(announced.ok() ? announced->address : "127.0.0.1:1", {});
    EXPECT_TRUE(opened.ok()) << opened.status();
    connection = *opened;
    stub = v1::OptimizerService::NewStub(connection->channel());
  }

  template <class Response, class Request>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    return rpc::Call<Response>(*connection, *stub, method, request);
  }

  sda::testing::TempDir dir;
  sda::testing::ChildProcess process;
  std::shared_ptr<rpc::Connection> connection;
  std::unique_ptr<Stub> stub;
};

v1::CreateExperimentRequest NewExperiment(int budget, int bandwidth) {
  v1::CreateExperimentRequest request;
  request.set_request_id("create");
  request.set_experiment_id("a");
  request.mutable_experiment()->set_observation_budget(budget);
  request.mutable_experiment()->set_parallel_bandwidth(bandwidth);
  request.mutable_experiment()->set_algorithm(v1::Experiment::ALGORITHM_SOBOL);
  auto& rate = *request.mutable_experiment()->add_parameters();
  rate.set_name("rate");
  rate.mutable_double_range()->set_max(1);
  request.mutable_experiment()->add_metrics()->set_name("auc");
  return request;
}

class ReplicasProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::IsInstalled()) GTEST_SKIP() << PostgresServer::kWhyNot;
    postgres = std::make_unique<PostgresServer>();
    url = postgres->NewDatabase();
  }

  std::unique_ptr<PostgresServer> postgres;
  std::string url;
};

TEST_F(ReplicasProcessTest, TwoServersShareOneBudgetAlsoWhenOneIsKilled) {
  constexpr int kBudget = 40;
  Server first(url), second(url);
  ASSERT_TRUE(first.Call(&Stub::CreateExperiment, NewExperiment(kBudget, 4)).ok());
  std::mutex mutex;
  std::map<std::string, int> completed;  // guarded by mutex
  std::vector<std::thread> workers;
  for (int w = 0; w < 6; ++w) {
    workers.emplace_back([&, w] {
      while (true) {
        // One server is killed below: its workers go on with the other.
        std::vector<Server*> servers = {&first, &second};
        if (w % 2 == 1) std::swap(servers[0], servers[1]);
        v1::AcquireTrialRequest acquire;
        acquire.set_request_id(NewUuid());
        acquire.set_worker("w" + std::to_string(w));
        acquire.add_experiments("experiments/a");
        acquire.mutable_wait()->set_seconds(1);
        auto acquired = servers[0]->Call(&Stub::AcquireTrial, acquire);
        if (absl::IsUnavailable(acquired.status())) acquired = servers[1]->Call(&Stub::AcquireTrial, acquire);
        ASSERT_TRUE(acquired.ok()) << acquired.status();
        if (acquired->outcome() == v1::AcquireTrialResponse::OUTCOME_DONE) return;
        if (acquired->outcome() != v1::AcquireTrialResponse::OUTCOME_TRIAL) continue;
        v1::CompleteTrialRequest complete;
        complete.set_request_id(NewUuid());
        *complete.mutable_lease() = acquired->lease();
        (*complete.mutable_metrics())["auc"].set_value(0.5);
        auto done = servers[1]->Call(&Stub::CompleteTrial, complete);
        if (absl::IsUnavailable(done.status())) done = servers[0]->Call(&Stub::CompleteTrial, complete);
        ASSERT_TRUE(done.ok()) << done.status();
        std::lock_guard lock(mutex);
        if (++completed[acquired->trial().name()]; completed.size() == kBudget / 4)
          second.process.Signal(SIGKILL);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(completed.size(), static_cast<size_t>(kBudget));
  for (const auto& [trial, times] : completed) EXPECT_EQ(times, 1) << trial;
  v1::GetExperimentRequest get;
  get.set_name("experiments/a");
  const auto experiment = first.Call(&Stub::GetExperiment, get);
  ASSERT_TRUE(experiment.ok());
  EXPECT_EQ(experiment->experiment().trial_counts().succeeded_count(), kBudget);
}

TEST_F(ReplicasProcessTest, WhileTheDatabaseIsAwayCallsAreUnavailableAndReadinessSaysSo) {
  Server server(url);
  ASSERT_TRUE(server.Call(&Stub::CreateExperiment, NewExperiment(3, 1)).ok());
  postgres->Stop();
  v1::GetExperimentRequest get;
  get.set_name("experiments/a");
  EXPECT_EQ(server.Call(&Stub::GetExperiment, get).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(
      Eventually([&] { return !rpc::CheckHealth(*server.connection, kService, absl::Seconds(5)).ok(); }));
  EXPECT_TRUE(rpc::CheckHealth(*server.connection, "", absl::Seconds(5)).ok()) << "alive all the same";
  postgres->Start();
  EXPECT_TRUE(Eventually([&] { return server.Call(&Stub::GetExperiment, get).ok(); }));
  EXPECT_TRUE(
      Eventually([&] { return rpc::CheckHealth(*server.connection, kService, absl::Seconds(5)).ok(); }));
}

}  // namespace
}  // namespace sda::optimizer
