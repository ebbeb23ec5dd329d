#include "services/optimizer/server/optimizer_service.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "common/rpc/upload.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"
#include "services/optimizer/server/well_formed.h"

namespace sda::optimizer {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

// An import is held in memory until it is whole.
constexpr size_t kMaxImportBytes = size_t{256} << 20;

}  // namespace

class OptimizerServiceServer::Impl final : public v1::OptimizerService::CallbackService {
 public:
  Impl(Engine& engine, rpc::CallEnvironment& calls) : engine_(engine), calls_(calls) {}

  ServerUnaryReactor* CreateExperiment(CallbackServerContext* context,
                                       const v1::CreateExperimentRequest* request,
                                       v1::CreateExperimentResponse* response) override {
    return Call(context, request, response, "CreateExperiment", &Engine::CreateExperiment);
  }
  ServerUnaryReactor* GetExperiment(CallbackServerContext* context, const v1::GetExperimentRequest* request,
                                    v1::GetExperimentResponse* response) override {
    return Call(context, request, response, {"GetExperiment", /*frequent=*/true}, &Engine::GetExperiment);
  }
  ServerUnaryReactor* ListExperiments(CallbackServerContext* context,
                                      const v1::ListExperimentsRequest* request,
                                      v1::ListExperimentsResponse* response) override {
    return Call(context, request, response, "ListExperiments", &Engine::ListExperiments);
  }
  ServerUnaryReactor* UpdateExperiment(CallbackServerContext* context,
                                       const v1::UpdateExperimentRequest* request,
                                       v1::UpdateExperimentResponse* response) override {
    return Call(context, request, response, "UpdateExperiment", &Engine::UpdateExperiment);
  }
  ServerUnaryReactor* PauseExperiment(CallbackServerContext* context,
                                      const v1::PauseExperimentRequest* request,
                                      v1::PauseExperimentResponse* response) override {
    return Call(context, request, response, "PauseExperiment", &Engine::PauseExperiment);
  }
  ServerUnaryReactor* ResumeExperiment(CallbackServerContext* context,
                                       const v1::ResumeExperimentRequest* request,
                                       v1::ResumeExperimentResponse* response) override {
    return Call(context, request, response, "ResumeExperiment", &Engine::ResumeExperiment);
  }
  ServerUnaryReactor* StopExperiment(CallbackServerContext* context, const v1::StopExperimentRequest* request,
                                     v1::StopExperimentResponse* response) override {
    return Call(context, request, response, "StopExperiment", &Engine::StopExperiment);
  }
  ServerUnaryReactor* ArchiveExperiment(CallbackServerContext* context,
                                        const v1::ArchiveExperimentRequest* request,
                                        v1::ArchiveExperimentResponse* response) override {
    return Call(context, request, response, "ArchiveExperiment", &Engine::ArchiveExperiment);
  }
  ServerUnaryReactor* DeleteExperiment(CallbackServerContext* context,
                                       const v1::DeleteExperimentRequest* request,
                                       v1::DeleteExperimentResponse* response) override {
    return Call(context, request, response, "DeleteExperiment", &Engine::DeleteExperiment);
  }
  ServerUnaryReactor* CreateTrial(CallbackServerContext* context, const v1::CreateTrialRequest* request,
                                  v1::CreateTrialResponse* response) override {
    return Call(context, request, response, "CreateTrial", &Engine::CreateTrial);
  }
  ServerUnaryReactor* CloneExperiment(CallbackServerContext* context,
                                      const v1::CloneExperimentRequest* request,
                                      v1::CloneExperimentResponse* response) override {
    return Call(context, request, response, "CloneExperiment", &Engine::CloneExperiment);
  }
  ServerUnaryReactor* BatchCreateTrials(CallbackServerContext* context,
                                        const v1::BatchCreateTrialsRequest* request,
                                        v1::BatchCreateTrialsResponse* response) override {
    return Call(context, request, response, "BatchCreateTrials", &Engine::BatchCreateTrials);
  }
  ServerUnaryReactor* AmendTrial(CallbackServerContext* context, const v1::AmendTrialRequest* request,
                                 v1::AmendTrialResponse* response) override {
    return Call(context, request, response, "AmendTrial", &Engine::AmendTrial);
  }
  ServerUnaryReactor* VoidTrial(CallbackServerContext* context, const v1::VoidTrialRequest* request,
                                v1::VoidTrialResponse* response) override {
    return Call(context, request, response, "VoidTrial", &Engine::VoidTrial);
  }
  ServerUnaryReactor* GetInsights(CallbackServerContext* context, const v1::GetInsightsRequest* request,
                                  v1::GetInsightsResponse* response) override {
    return Call(context, request, response, "GetInsights", &Engine::GetInsights);
  }
  ServerUnaryReactor* SuggestTrials(CallbackServerContext* context, const v1::SuggestTrialsRequest* request,
                                    v1::SuggestTrialsResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, rpc::Method("SuggestTrials"),
                            [this](const v1::SuggestTrialsRequest& in, v1::SuggestTrialsResponse* out,
                                   rpc::RequestContext& call) -> absl::Status {
                              SDA_RETURN_IF_ERROR(CheckWellFormed(in));
                              SDA_ASSIGN_OR_RETURN(*out, engine_.SuggestTrials(in, call.deadline()));
                              return absl::OkStatus();
                            });
  }
  ServerUnaryReactor* GetTrial(CallbackServerContext* context, const v1::GetTrialRequest* request,
                               v1::GetTrialResponse* response) override {
    return Call(context, request, response, {"GetTrial", /*frequent=*/true}, &Engine::GetTrial);
  }
  ServerUnaryReactor* ListTrials(CallbackServerContext* context, const v1::ListTrialsRequest* request,
                                 v1::ListTrialsResponse* response) override {
    return Call(context, request, response, {"ListTrials", /*frequent=*/true}, &Engine::ListTrials);
  }
  ServerUnaryReactor* ListMeasurements(CallbackServerContext* context,
                                       const v1::ListMeasurementsRequest* request,
                                       v1::ListMeasurementsResponse* response) override {
    return Call(context, request, response, {"ListMeasurements", /*frequent=*/true},
                &Engine::ListMeasurements);
  }
  ServerUnaryReactor* RenewLease(CallbackServerContext* context, const v1::RenewLeaseRequest* request,
                                 v1::RenewLeaseResponse* response) override {
    return Call(context, request, response, {"RenewLease", /*frequent=*/true}, &Engine::RenewLease);
  }
  ServerUnaryReactor* ReportMeasurement(CallbackServerContext* context,
                                        const v1::ReportMeasurementRequest* request,
                                        v1::ReportMeasurementResponse* response) override {
    return Call(context, request, response, {"ReportMeasurement", /*frequent=*/true},
                &Engine::ReportMeasurement);
  }
  ServerUnaryReactor* CompleteTrial(CallbackServerContext* context, const v1::CompleteTrialRequest* request,
                                    v1::CompleteTrialResponse* response) override {
    return Call(context, request, response, "CompleteTrial", &Engine::CompleteTrial);
  }
  ServerUnaryReactor* FailTrial(CallbackServerContext* context, const v1::FailTrialRequest* request,
                                v1::FailTrialResponse* response) override {
    return Call(context, request, response, "FailTrial", &Engine::FailTrial);
  }
  ServerUnaryReactor* ReleaseTrial(CallbackServerContext* context, const v1::ReleaseTrialRequest* request,
                                   v1::ReleaseTrialResponse* response) override {
    return Call(context, request, response, "ReleaseTrial", &Engine::ReleaseTrial);
  }
  ServerUnaryReactor* CancelTrial(CallbackServerContext* context, const v1::CancelTrialRequest* request,
                                  v1::CancelTrialResponse* response) override {
    return Call(context, request, response, "CancelTrial", &Engine::CancelTrial);
  }
  ServerUnaryReactor* ListBestTrials(CallbackServerContext* context, const v1::ListBestTrialsRequest* request,
                                     v1::ListBestTrialsResponse* response) override {
    return Call(context, request, response, "ListBestTrials", &Engine::ListBestTrials);
  }

  // A long poll: it has a thread of its own while it waits.
  ServerUnaryReactor* AcquireTrial(CallbackServerContext* context, const v1::AcquireTrialRequest* request,
                                   v1::AcquireTrialResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, rpc::Method("AcquireTrial", /*frequent=*/true, /*waits=*/true),
        [this](const v1::AcquireTrialRequest& in, v1::AcquireTrialResponse* out,
               rpc::RequestContext& call) -> absl::Status {
          SDA_RETURN_IF_ERROR(CheckWellFormed(in));
          SDA_ASSIGN_OR_RETURN(*out, engine_.AcquireTrial(in, call.stop_token(), call.deadline()));
          return absl::OkStatus();
        });
  }

  grpc::ServerWriteReactor<v1::ExportExperimentResponse>* ExportExperiment(
      CallbackServerContext* context, const v1::ExportExperimentRequest* request) override {
    return rpc::HandleServerStream<v1::ExportExperimentResponse>(
        calls_, context, request, "ExportExperiment",
        [this](const v1::ExportExperimentRequest& in, rpc::StreamWriter<v1::ExportExperimentResponse>& stream,
               rpc::RequestContext&) {
          return engine_.ExportExperiment(
              in, [&](v1::ExportExperimentResponse record) { return stream.Write(std::move(record)); });
        });
  }

  grpc::ServerReadReactor<v1::ImportExperimentRequest>* ImportExperiment(
      CallbackServerContext* context, v1::ImportExperimentResponse* response) override {
    return rpc::HandleUpload<v1::ImportExperimentRequest>(
        calls_, context, response, "ImportExperiment", kMaxImportBytes,
        [this](const std::vector<v1::ImportExperimentRequest>& in, v1::ImportExperimentResponse* out,
               rpc::RequestContext&) -> absl::Status {
          for (const auto& request : in) SDA_RETURN_IF_ERROR(CheckWellFormed(request));
          SDA_ASSIGN_OR_RETURN(*out, engine_.ImportExperiment(in));
          return absl::OkStatus();
        });
  }

  grpc::ServerWriteReactor<v1::WatchExperimentResponse>* WatchExperiment(
      CallbackServerContext* context, const v1::WatchExperimentRequest* request) override {
    return rpc::HandleServerStream<v1::WatchExperimentResponse>(
        calls_, context, request, "WatchExperiment",
        [this](const v1::WatchExperimentRequest& in, rpc::StreamWriter<v1::WatchExperimentResponse>& stream,
               rpc::RequestContext& call) {
          return engine_.WatchExperiment(
              in, [&](v1::WatchExperimentResponse event) { return stream.Write(std::move(event)); },
              call.stop_token());
        });
  }

 private:
  template <class Request, class Response>
  ServerUnaryReactor* Call(CallbackServerContext* context, const Request* request, Response* response,
                           rpc::Method method, absl::StatusOr<Response> (Engine::*act)(const Request&)) {
    return rpc::HandleUnary(
        calls_, context, request, response, method,
        [this, act](const Request& in, Response* out, rpc::RequestContext&) -> absl::Status {
          SDA_RETURN_IF_ERROR(CheckWellFormed(in));
          SDA_ASSIGN_OR_RETURN(*out, (engine_.*act)(in));
          return absl::OkStatus();
        });
  }

  Engine& engine_;
  rpc::CallEnvironment& calls_;
};

OptimizerServiceServer::OptimizerServiceServer(Engine& engine, rpc::CallEnvironment& calls)
    : impl_(std::make_unique<Impl>(engine, calls)) {}
OptimizerServiceServer::~OptimizerServiceServer() = default;

grpc::Service& OptimizerServiceServer::grpc_service() {
  return *impl_;
}

}  // namespace sda::optimizer
