#include "services/advisor/server/advisor_service.h"

#include <utility>

#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "sda/advisor/v1/advisor_service.grpc.pb.h"

namespace sda::advisor {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class AdvisorServiceImpl final : public v1::AdvisorService::CallbackService {
 public:
  AdvisorServiceImpl(RecipeCalls& recipes, RunCalls& runs, ModelCalls& models, rpc::CallEnvironment& calls)
      : recipes_(recipes), runs_(runs), models_(models), calls_(calls) {}

  Reactor* CreateRecipe(Context* context, const v1::CreateRecipeRequest* request,
                        v1::CreateRecipeResponse* response) override {
    return WithStop(context, request, response, "CreateRecipe", recipes_, &RecipeCalls::Create);
  }
  Reactor* ValidateRecipe(Context* context, const v1::ValidateRecipeRequest* request,
                          v1::ValidateRecipeResponse* response) override {
    return Serve(context, request, response, "ValidateRecipe", recipes_, &RecipeCalls::Validate);
  }
  Reactor* GetRecipe(Context* context, const v1::GetRecipeRequest* request,
                     v1::GetRecipeResponse* response) override {
    return Serve(context, request, response, "GetRecipe", recipes_, &RecipeCalls::Get);
  }
  Reactor* ListRecipes(Context* context, const v1::ListRecipesRequest* request,
                       v1::ListRecipesResponse* response) override {
    return Serve(context, request, response, "ListRecipes", recipes_, &RecipeCalls::List);
  }
  Reactor* DeleteRecipe(Context* context, const v1::DeleteRecipeRequest* request,
                        v1::DeleteRecipeResponse* response) override {
    return Serve(context, request, response, "DeleteRecipe", recipes_, &RecipeCalls::Delete);
  }

  Reactor* CreateRun(Context* context, const v1::CreateRunRequest* request,
                     v1::CreateRunResponse* response) override {
    return Serve(context, request, response, "CreateRun", runs_, &RunCalls::Create);
  }
  Reactor* GetRun(Context* context, const v1::GetRunRequest* request, v1::GetRunResponse* response) override {
    return Serve(context, request, response, {"GetRun", /*frequent=*/true}, runs_, &RunCalls::Get);
  }
  Reactor* ListRuns(Context* context, const v1::ListRunsRequest* request,
                    v1::ListRunsResponse* response) override {
    return Serve(context, request, response, "ListRuns", runs_, &RunCalls::List);
  }
  Reactor* CancelRun(Context* context, const v1::CancelRunRequest* request,
                     v1::CancelRunResponse* response) override {
    return Serve(context, request, response, "CancelRun", runs_, &RunCalls::Cancel);
  }
  Reactor* ResumeRun(Context* context, const v1::ResumeRunRequest* request,
                     v1::ResumeRunResponse* response) override {
    return Serve(context, request, response, "ResumeRun", runs_, &RunCalls::Resume);
  }
  Reactor* DeleteRun(Context* context, const v1::DeleteRunRequest* request,
                     v1::DeleteRunResponse* response) override {
    return Serve(context, request, response, "DeleteRun", runs_, &RunCalls::Delete);
  }
  Reactor* ListRunTrials(Context* context, const v1::ListRunTrialsRequest* request,
                         v1::ListRunTrialsResponse* response) override {
    return WithStop(context, request, response, {"ListRunTrials", /*frequent=*/true}, runs_,
                    &RunCalls::ListTrials);
  }

  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(Context* context,
                                                           const v1::WatchRunRequest* request) override {
    return rpc::HandleServerStream<v1::WatchRunResponse>(
        calls_, context, request, "WatchRun",
        [this](const v1::WatchRunRequest& watch, rpc::StreamWriter<v1::WatchRunResponse>& stream,
               rpc::RequestContext& call) {
          return runs_.Watch(
              watch, [&](v1::WatchRunResponse state) { return stream.Write(std::move(state)); },
              call.stop_token());
        });
  }

  Reactor* GetModel(Context* context, const v1::GetModelRequest* request,
                    v1::GetModelResponse* response) override {
    return Serve(context, request, response, "GetModel", models_, &ModelCalls::Get);
  }
  Reactor* ListModels(Context* context, const v1::ListModelsRequest* request,
                      v1::ListModelsResponse* response) override {
    return Serve(context, request, response, "ListModels", models_, &ModelCalls::List);
  }
  Reactor* DeleteModel(Context* context, const v1::DeleteModelRequest* request,
                       v1::DeleteModelResponse* response) override {
    return Serve(context, request, response, "DeleteModel", models_, &ModelCalls::Delete);
  }

 private:
  template <class Request, class Response, class Calls>
  Reactor* Serve(Context* context, const Request* request, Response* response, rpc::Method method,
                 Calls& calls, absl::StatusOr<Response> (Calls::*act)(const Request&)) {
    return rpc::HandleUnary(
        calls_, context, request, response, method,
        [&calls, act](const Request& asked, Response* answer, rpc::RequestContext&) -> absl::Status {
          absl::StatusOr<Response> result = (calls.*act)(asked);
          if (!result.ok()) return result.status();
          *answer = *std::move(result);
          return absl::OkStatus();
        });
  }

  // The same for calls that wait for other services.
  template <class Request, class Response, class Calls>
  Reactor* WithStop(Context* context, const Request* request, Response* response, rpc::Method method,
                    Calls& calls, absl::StatusOr<Response> (Calls::*act)(const Request&, std::stop_token)) {
    return rpc::HandleUnary(
        calls_, context, request, response, method,
        [&calls, act](const Request& asked, Response* answer, rpc::RequestContext& call) -> absl::Status {
          absl::StatusOr<Response> result = (calls.*act)(asked, call.stop_token());
          if (!result.ok()) return result.status();
          *answer = *std::move(result);
          return absl::OkStatus();
        });
  }

  RecipeCalls& recipes_;
  RunCalls& runs_;
  ModelCalls& models_;
  rpc::CallEnvironment& calls_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdvisorService(RecipeCalls& recipes, RunCalls& runs, ModelCalls& models,
                                                  rpc::CallEnvironment& calls) {
  return std::make_unique<AdvisorServiceImpl>(recipes, runs, models, calls);
}

}  // namespace sda::advisor
