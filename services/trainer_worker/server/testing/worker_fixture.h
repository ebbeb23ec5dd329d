#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_WORKER_FIXTURE_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_WORKER_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/telemetry/metrics_registry.h"
#include "common/testing/status_matchers.h"
#include "common/testing/test_server.h"
#include "sda/trainer/v1/training_spec.pb.h"
#include "services/trainer_worker/server/optimizer_client.h"
#include "services/trainer_worker/server/testing/fake_optimizer.h"
#include "services/trainer_worker/server/testing/scripted_runner.h"
#include "services/trainer_worker/server/worker.h"

namespace sda::trainer::testing {

// A worker with a scripted runner, over gRPC to a fake optimizer.
class WorkerTest : public ::testing::Test {
 protected:
  static rpc::ServerConfig ServerConfig() {
    rpc::ServerConfig config = sda::testing::TestServer::DefaultConfig();
    config.call_threads = 32;  // long polls hold one each
    return config;
  }

  void SetUp() override {
    server_.runner().Add(optimizer_.grpc_service(), "sda.optimizer.v1.OptimizerService");
    SDA_ASSERT_OK(server_.Start());
    client_ = std::make_unique<OptimizerClient>(server_.shared_connection());
  }

  void TearDown() override {
    worker_.reset();
    server_.Stop();
  }

  // Lives as long as the fixture: a slot has a last word with its runner after the trial has ended.
  ScriptedRunner& MakeRunner(ScriptedRunner::Script script) {
    return *runners_.emplace_back(std::make_unique<ScriptedRunner>(std::move(script)));
  }

  void StartWorker(AttemptRunner& runner, int slots = 1) {
    Worker::Options options;
    options.worker_id = "worker-1";
    options.slots = slots;
    options.machine.set_memory_bytes(1'000'000);
    worker_ = std::make_unique<Worker>(options, *client_, runner, metrics_);
    worker_->Start();
  }

  // The smallest spec that keeps the rules, as the work of a trial.
  static google::protobuf::Any Work() {
    trainer::v1::TrainingSpec spec;
    spec.set_dataset_manifest_uri("datasets/d/manifest.json");
    spec.set_dataset_manifest_sha256(std::string(64, 'a'));
    google::protobuf::Any work;
    work.PackFrom(spec);
    return work;
  }

  static AttemptOutcome Finished(double auc) {
    AttemptOutcome outcome;
    outcome.metrics = {{"auc", auc}, {"logloss", 0.5}};
    return outcome;
  }

  sda::testing::TestServer server_{ServerConfig()};
  FakeOptimizer optimizer_{server_.runner().calls()};
  MetricsRegistry metrics_;
  std::unique_ptr<OptimizerClient> client_;
  std::vector<std::unique_ptr<ScriptedRunner>> runners_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace sda::trainer::testing

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_WORKER_FIXTURE_H_
