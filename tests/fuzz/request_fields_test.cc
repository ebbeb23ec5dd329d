// Every field of every request with hostile values, found by walking the descriptors.
#include <set>

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "common/base/error.h"
#include "common/rpc/error_details.h"
#include "common/testing/test_server.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"
#include "services/optimizer/server/optimizer_service.h"
#include "tests/fuzz/hostile_fields.h"
#include "tests/fuzz/request_world.h"

namespace sda::fuzz {
namespace {

namespace v1 = optimizer::v1;

// Long text is kept where it is opaque, in messages of up to 10000 characters it is not.
bool IsOpaque(const std::string& path) {
  return path.find("work") != std::string::npos;
}

// Looking at all of it takes time.
constexpr int64_t kLargeWorld = 25;

class RequestFieldsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(RequestFieldsTest, HostileValuesAreRefusedByPathOrHarmless) {
  const std::string& type = GetParam();
  auto world = std::make_unique<RequestWorld>();
  // The sample itself is good: else nothing below means anything.
  const absl::Status good = world->Call(*world->Sample(type));
  ASSERT_TRUE(good.ok() || absl::IsCancelled(good)) << good;
  std::unique_ptr<google::protobuf::Message> sample;
  std::string before;
  int refused = 0, accepted = 0;
  for (const Mutation& mutation : Mutations(*RequestWorld::NewRequest(type)->GetDescriptor())) {
    SCOPED_TRACE(mutation.path + ": " + mutation.kind);
    // What was accepted has used its resources up.
    if (sample == nullptr) {
      if (world->size() > kLargeWorld) world = std::make_unique<RequestWorld>();
      sample = world->Sample(type);
      before = world->Snapshot();
    }
    const std::unique_ptr<google::protobuf::Message> request(sample->New());
    request->CopyFrom(*sample);
    mutation.apply(*request);
    const absl::Status status = world->Call(*request);
    EXPECT_TRUE(IsOrderly(status)) << status;
    if (mutation.always_bad) {
      const auto detail = GetErrorDetail(status);
      ASSERT_TRUE(detail) << status;
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      std::set<std::string> fields;
      for (const auto& violation : detail->violations) fields.insert(violation.field);
      EXPECT_TRUE(fields.contains(mutation.path)) << status;
    }
    const std::string after = world->Snapshot();
    if (status.ok()) {
      ++accepted;
      EXPECT_TRUE(IsOpaque(mutation.path) || after.find(kMarker) == std::string::npos) << "stored";
      // A long text is looked for only where it went in.
      if (after.find(kMarker) != std::string::npos) world = std::make_unique<RequestWorld>();
      sample = nullptr;
    } else {
      ++refused;
      EXPECT_EQ(after == before, true) << "something was stored: " << status;
    }
  }
  EXPECT_GT(refused, 0);
  RecordProperty("refused", refused);
  RecordProperty("accepted", accepted);
}

INSTANTIATE_TEST_SUITE_P(AllRequests, RequestFieldsTest, ::testing::ValuesIn(RequestWorld::RequestTypes()),
                         [](const auto& info) { return info.param; });

class RealServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = sql::Database::Open(folder_ / "optimizer.db", optimizer::store::OptimizerSchema());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    engine_ = std::make_unique<optimizer::Engine>(*database_, RealClock::Get());
    service_ = std::make_unique<optimizer::OptimizerServiceServer>(*engine_, server_.runner().calls());
    server_.runner().Add(service_->grpc_service(), "sda.optimizer.v1.OptimizerService");
    ASSERT_TRUE(server_.Start().ok());
    stub_ = v1::OptimizerService::NewStub(server_.connection().channel());
  }
  void TearDown() override { server_.Stop(); }

  // The service itself, over the network.
  absl::Status Create(const v1::CreateExperimentRequest& request) {
    grpc::ClientContext context;
    v1::CreateExperimentResponse response;
    return rpc::FromGrpcStatus(stub_->CreateExperiment(&context, request, &response));
  }

  testing::TempDir folder_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<optimizer::Engine> engine_;
  testing::TestServer server_;
  std::unique_ptr<optimizer::OptimizerServiceServer> service_;
  std::unique_ptr<v1::OptimizerService::Stub> stub_;
};

TEST_F(RealServerTest, AHundredMegabytesAreRefusedAsTooMuch) {
  v1::CreateExperimentRequest request;
  request.set_request_id("r");
  request.mutable_experiment()->set_display_name(std::string(100 << 20, 'x'));
  EXPECT_EQ(Create(request).code(), absl::StatusCode::kResourceExhausted);
  request.mutable_experiment()->set_display_name(std::string(17 << 20, 'x'));
  EXPECT_EQ(Create(request).code(), absl::StatusCode::kResourceExhausted);
  request.mutable_experiment()->set_display_name(std::string(15 << 20, 'x'));
  EXPECT_EQ(Create(request).code(), absl::StatusCode::kInvalidArgument) << "arrives, and is then too long";
  v1::ListExperimentsResponse list;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->ListExperiments(&context, {}, &list).ok());
  EXPECT_EQ(list.experiments_size(), 0);
}

TEST_F(RealServerTest, WhatHoldsForAllRequestsIsCheckedByTheService) {
  v1::CreateExperimentRequest request;
  request.set_request_id("r");
  request.mutable_experiment()->add_metrics()->set_strategy(static_cast<v1::Metric::Strategy>(99));
  const auto detail = GetErrorDetail(Create(request));
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->violations[0].field, "experiment.metrics[0].strategy");
}

// A chain of conditions, each on the one before, as deep as a space may be.
TEST_F(RealServerTest, DeepNestingIsServed) {
  v1::CreateExperimentRequest request;
  request.set_request_id("r");
  request.set_experiment_id("deep");
  auto& experiment = *request.mutable_experiment();
  experiment.set_observation_budget(5);
  experiment.add_metrics()->set_name("auc");
  for (int i = 0; i < 100; ++i) {
    auto& parameter = *experiment.add_parameters();
    parameter.set_name("p" + std::to_string(i));
    parameter.mutable_categories()->add_values("a");
    parameter.mutable_categories()->add_values("b");
    if (i == 0) continue;
    parameter.add_conditions()->set_parameter("p" + std::to_string(i - 1));
    parameter.mutable_conditions(0)->add_values()->set_string_value("a");
  }
  const absl::Status created = Create(request);
  ASSERT_TRUE(created.ok()) << created;
  v1::AcquireTrialRequest acquire;
  acquire.set_request_id("a");
  acquire.set_worker("w");
  acquire.add_experiments("experiments/deep");
  v1::AcquireTrialResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->AcquireTrial(&context, acquire, &response).ok());
  EXPECT_EQ(response.outcome(), v1::AcquireTrialResponse::OUTCOME_TRIAL);
  // Back to the first: a cycle.
  auto& back = *experiment.mutable_parameters(0)->add_conditions();
  back.set_parameter("p99");
  back.add_values()->set_string_value("a");
  request.set_request_id("c");
  request.set_experiment_id("cycle");
  EXPECT_EQ(Create(request).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sda::fuzz
