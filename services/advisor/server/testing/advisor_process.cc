#include "services/advisor/server/testing/advisor_process.h"

#include <cstdlib>
#include <iostream>

#include "common/base/ids.h"

namespace sda::advisor::testing {
namespace {

void Check(const absl::Status& status, const std::string& what) {
  if (status.ok()) return;
  std::cerr << what << ": " << status << "\n";
  std::abort();
}

}  // namespace

AdvisorProcess::AdvisorProcess(FakeSuite& suite, const Options& options) {
  auto advisor =
      Advisor::Create({.database = options.database,
                       .artefacts = suite.artefacts(),
                       .retry_budget = options.retry_budget,
                       .run_threads = options.run_threads},
                      suite.Connect(options.trainers_before), server_.runner().calls(), *options.clock);
  Check(advisor.status(), "Advisor::Create");
  advisor_ = *std::move(advisor);
  server_.runner().Add(advisor_->grpc_service(), kAdvisorServiceName,
                       [this] { return advisor_->CheckReady(); });
  server_.runner().OnStop([this] { advisor_->Stop(); });
  Check(advisor_->Start(), "Advisor::Start");
  Check(server_.Start(), "TestServer::Start");
  stub_ = v1::AdvisorService::NewStub(server_.connection().channel());
}

AdvisorProcess::~AdvisorProcess() {
  server_.Stop();
}

v1::Run AdvisorProcess::CreateRun(const std::string& id, const v1::RunSpec& spec) {
  v1::CreateRunRequest request;
  request.set_request_id(NewUuid());
  request.set_run_id(id);
  *request.mutable_spec() = spec;
  const auto response = Call(&v1::AdvisorService::Stub::CreateRun, request);
  Check(response.status(), "CreateRun");
  return response->run();
}

v1::Run AdvisorProcess::GetRun(const std::string& id) {
  v1::GetRunRequest request;
  request.set_name("runs/" + id);
  const auto response = Call(&v1::AdvisorService::Stub::GetRun, request);
  Check(response.status(), "GetRun");
  return response->run();
}

v1::Run AdvisorProcess::CancelRun(const std::string& id) {
  v1::CancelRunRequest request;
  request.set_request_id(NewUuid());
  request.set_name("runs/" + id);
  const auto response = Call(&v1::AdvisorService::Stub::CancelRun, request);
  Check(response.status(), "CancelRun");
  return response->run();
}

v1::Run AdvisorProcess::ResumeRun(const std::string& id) {
  v1::ResumeRunRequest request;
  request.set_request_id(NewUuid());
  request.set_name("runs/" + id);
  const auto response = Call(&v1::AdvisorService::Stub::ResumeRun, request);
  Check(response.status(), "ResumeRun");
  return response->run();
}

v1::Run AdvisorProcess::AwaitEnd(const std::string& id) {
  v1::WatchRunRequest request;
  request.set_name("runs/" + id);
  grpc::ClientContext context;
  connection().Prepare(context, absl::Minutes(1));
  const auto reader = stub_->WatchRun(&context, request);
  v1::WatchRunResponse response;
  while (reader->Read(&response)) {
  }
  Check(rpc::FromGrpcStatus(reader->Finish()), "WatchRun");
  return response.run();
}

v1::RunSpec RunSpecOfFile() {
  v1::RunSpec spec;
  spec.mutable_dataset_spec()->add_data_uris("clicks.tsv");
  spec.mutable_dataset_spec()->set_label("click");
  spec.set_observation_budget(4);
  spec.set_parallel_bandwidth(2);
  spec.set_seed(5);
  return spec;
}

}  // namespace sda::advisor::testing
