#ifndef SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_FIXTURE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_FIXTURE_H_

#include <memory>
#include <stop_token>
#include <string>

#include <gtest/gtest.h>

#include "common/testing/eventually.h"
#include "common/testing/fake_clock.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_store.h"
#include "services/optimizer/server/engine.h"

namespace sda::optimizer {

// A clock that the test moves. With PostgreSQL leases are judged by the database's clock, which nobody moves:
// there time passes by bringing the ends of all leases nearer.
class StoreClock final : public Clock {
 public:
  absl::Time Now() const override { return clock_.Now(); }
  absl::Duration Monotonic() const override { return clock_.Monotonic(); }
  bool Sleep(absl::Duration duration, std::stop_token stop) override { return clock_.Sleep(duration, stop); }
  void SetWallTime(absl::Time now) { clock_.SetWallTime(now); }

  void Advance(absl::Duration duration) {
    clock_.Advance(duration);
    if (database_ == nullptr || database_->dialect() == sql::Dialect::kSqlite) return;
    const absl::Status moved = database_->Write([&](sql::Transaction& tx) {
      return tx
          .Execute("UPDATE trials SET lease_end = lease_end - :micros", {absl::ToInt64Microseconds(duration)})
          .status();
    });
    EXPECT_TRUE(moved.ok()) << moved;
  }
  void Use(sql::Database* database) { database_ = database; }

 private:
  sda::testing::FakeClock clock_;
  sql::Database* database_ = nullptr;
};

// An engine over a fresh database, of the kind that sda::testing::OnPostgres tells, and a clock that the test
// moves.
class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sda::testing::OnPostgres() && !sda::testing::PostgresServer::IsInstalled())
      GTEST_SKIP() << sda::testing::PostgresServer::kWhyNot;
    url = sda::testing::NewTestDatabase(folder);
    Restart();
  }

  // As after a crash: a new engine over what is on disk.
  void Restart() {
    engine.reset();
    clock.Use(nullptr);
    database.reset();
    auto opened = sql::Database::Open(url, store::OptimizerSchema());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database = *std::move(opened);
    clock.Use(database.get());
    engine = std::make_unique<Engine>(*database, clock);
  }

  // Two parameters, AUC to maximise, seconds stored.
  v1::CreateExperimentRequest CreateRequest(const std::string& id, int64_t budget, int32_t bandwidth) {
    v1::CreateExperimentRequest request;
    request.set_request_id("create-" + id);
    request.set_experiment_id(id);
    auto& experiment = *request.mutable_experiment();
    experiment.set_observation_budget(budget);
    experiment.set_parallel_bandwidth(bandwidth);
    auto& rate = *experiment.add_parameters();
    rate.set_name("rate");
    rate.mutable_double_range()->set_min(1e-3);
    rate.mutable_double_range()->set_max(1);
    rate.set_scale(v1::Parameter::SCALE_LOG);
    auto& size = *experiment.add_parameters();
    size.set_name("size");
    size.mutable_int_range()->set_min(1);
    size.mutable_int_range()->set_max(100);
    experiment.add_metrics()->set_name("auc");
    auto& seconds = *experiment.add_metrics();
    seconds.set_name("seconds");
    seconds.set_strategy(v1::Metric::STRATEGY_STORE);
    return request;
  }

  void Create(const std::string& id, int64_t budget, int32_t bandwidth) {
    const auto created = engine->CreateExperiment(CreateRequest(id, budget, bandwidth));
    ASSERT_TRUE(created.ok()) << created.status();
  }

  v1::AcquireTrialRequest AcquireRequest(const std::string& request_id, const std::string& id = "a") {
    v1::AcquireTrialRequest request;
    request.set_request_id(request_id);
    request.set_worker("worker");
    request.add_experiments("experiments/" + id);
    return request;
  }

  v1::AcquireTrialResponse Acquire(const std::string& request_id, const std::string& id = "a") {
    auto acquired = engine->AcquireTrial(AcquireRequest(request_id, id), {});
    EXPECT_TRUE(acquired.ok()) << acquired.status();
    return acquired.ok() ? *acquired : v1::AcquireTrialResponse();
  }

  absl::Status Complete(const v1::Lease& lease, double auc, const std::string& request_id) {
    v1::CompleteTrialRequest request;
    request.set_request_id(request_id);
    *request.mutable_lease() = lease;
    (*request.mutable_metrics())["auc"].set_value(auc);
    return engine->CompleteTrial(request).status();
  }

  absl::StatusOr<v1::ReportMeasurementResponse> Report(const v1::Lease& lease, int64_t step, double auc,
                                                       const std::string& checkpoint = "") {
    v1::ReportMeasurementRequest request;
    request.set_request_id(lease.token() + std::to_string(step));
    *request.mutable_lease() = lease;
    request.mutable_measurement()->set_step(step);
    request.mutable_measurement()->set_checkpoint_uri(checkpoint);
    (*request.mutable_measurement()->mutable_metrics())["auc"] = auc;
    return engine->ReportMeasurement(request);
  }

  v1::Experiment Get(const std::string& id = "a") {
    v1::GetExperimentRequest request;
    request.set_name("experiments/" + id);
    auto got = engine->GetExperiment(request);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->experiment() : v1::Experiment();
  }

  v1::Trial GetTrial(const std::string& name) {
    v1::GetTrialRequest request;
    request.set_name(name);
    auto got = engine->GetTrial(request);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->trial() : v1::Trial();
  }

  sda::testing::TempDir folder;
  std::string url;
  StoreClock clock;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<Engine> engine;
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_FIXTURE_H_
