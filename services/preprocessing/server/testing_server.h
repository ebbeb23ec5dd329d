#ifndef SDA_SERVICES_PREPROCESSING_SERVER_TESTING_SERVER_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_TESTING_SERVER_H_

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/rpc/error_details.h"
#include "common/testing/status_matchers.h"
#include "common/testing/test_server.h"
#include "sda/preprocessing/v1/preprocessing_service.grpc.pb.h"
#include "services/preprocessing/server/preprocessing_service.h"

namespace sda::preprocessing::testing {

// A real preprocessing server on loopback and a real stub.
class RunningServer {
 public:
  explicit RunningServer(const std::string& root, int running_jobs = 1) {
    Config config;
    config.artefacts = root;
    config.threads = 2;
    config.jobs = running_jobs;
    auto server = PreprocessingServer::Create(config, RealClock::Get(), transport_.runner().calls());
    SDA_EXPECT_OK(server);
    if (!server.ok()) return;
    server_ = *std::move(server);
    transport_.runner().Add(server_->grpc_service(), "sda.preprocessing.v1.PreprocessingService",
                            [this] { return server_->CheckReady(); });
    transport_.runner().OnStop([this] { server_->Stop(); });
    SDA_EXPECT_OK(transport_.Start());
    stub_ = v1::PreprocessingService::NewStub(transport_.connection().channel());
  }
  ~RunningServer() { Stop(); }

  void Stop() {
    transport_.Stop();
    server_.reset();
  }

  v1::PreprocessingService::Stub& stub() { return *stub_; }

  // stub().Method(request) as a status of ours.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::PreprocessingService::Stub::*method)(grpc::ClientContext*,
                                                                                       const Request&,
                                                                                       Response*),
                                const Request& request) {
    grpc::ClientContext context;
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }

  absl::StatusOr<v1::Job> Create(const v1::DatasetSpec& spec, const std::string& id,
                                 const std::string& request_id) {
    v1::CreateDatasetRequest request;
    request.set_request_id(request_id);
    request.set_dataset_id(id);
    *request.mutable_spec() = spec;
    auto response = Call(&v1::PreprocessingService::Stub::CreateDataset, request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  // Follows the job to its end; every state seen is passed to `see`.
  template <class See>
  absl::StatusOr<v1::Job> Watch(const std::string& job, const See& see) {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name(job);
    const auto stream = stub_->WatchJob(&context, request);
    v1::WatchJobResponse response;
    v1::Job last;
    while (stream->Read(&response)) {
      last = response.job();
      see(last);
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return last;
  }
  absl::StatusOr<v1::Job> Watch(const std::string& job) {
    return Watch(job, [](const v1::Job&) {});
  }

  absl::StatusOr<v1::Job> Cancel(const std::string& job, const std::string& request_id) {
    v1::CancelJobRequest request;
    request.set_request_id(request_id);
    request.set_name(job);
    auto response = Call(&v1::PreprocessingService::Stub::CancelJob, request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  absl::StatusOr<v1::Dataset> GetDataset(const std::string& name) {
    v1::GetDatasetRequest request;
    request.set_name(name);
    auto response = Call(&v1::PreprocessingService::Stub::GetDataset, request);
    if (!response.ok()) return response.status();
    return response->dataset();
  }

 private:
  sda::testing::TestServer transport_;
  std::unique_ptr<PreprocessingServer> server_;
  std::unique_ptr<v1::PreprocessingService::Stub> stub_;
};

// The files below a folder, hidden ones too, relative to it.
inline std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(std::filesystem::relative(entry.path(), folder).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A small click log.
inline std::string ClickLog(int64_t rows) {
  std::string text = "click,amount,word\n";
  for (int64_t i = 0; i < rows; ++i) {
    text += std::to_string(i % 3 == 0) + "," + std::to_string(i % 97) + ".5,w" + std::to_string(i * i % 61) +
            "\n";
  }
  return text;
}

}  // namespace sda::preprocessing::testing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_TESTING_SERVER_H_
