#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/steps.h"

namespace sda::advisor {
namespace {

using preprocessing::v1::Job;
using Preprocessing = preprocessing::v1::PreprocessingService;

bool IsFinal(Job::State state) {
  return state == Job::STATE_SUCCEEDED || state == Job::STATE_FAILED || state == Job::STATE_CANCELLED;
}

// The job of this run, begun where it has not been.
absl::StatusOr<std::string> BeginJob(StepContext& context, const RunEntry& entry) {
  if (!entry.job.empty()) return entry.job;
  preprocessing::v1::CreateDatasetRequest request;
  request.set_request_id(StageRequestId(context.id(), Stage::kEncode, "create", entry.attempt));
  *request.mutable_spec() = entry.run.spec().dataset_spec();
  request.set_dataset_id(ChildId(context.id(), entry.attempt));
  SDA_ASSIGN_OR_RETURN(const auto response, context.Call(*context.services().peers.preprocessing,
                                                         &Preprocessing::Stub::CreateDataset, request));
  std::string job = response.job().name();
  SDA_RETURN_IF_ERROR(context.Record([&](sql::Transaction&, RunEntry& recorded) {
    recorded.job = job;
    return absl::OkStatus();
  }));
  return job;
}

absl::StatusOr<Job> AwaitJob(StepContext& context, const std::string& name) {
  const PreprocessingPeer& peer = *context.services().peers.preprocessing;
  preprocessing::v1::WatchJobRequest request;
  request.set_name(name);
  Job job;
  while (!IsFinal(job.state())) {
    SDA_RETURN_IF_ERROR((context.Watch<preprocessing::v1::WatchJobResponse>(
        peer, [&](grpc::ClientContext* call) { return peer.stub->WatchJob(call, request); },
        [&](const preprocessing::v1::WatchJobResponse& response) {
          job = response.job();
          context.SetProgress(job.progress());
          return IsFinal(job.state());
        })));
    if (!IsFinal(job.state())) SDA_RETURN_IF_ERROR(context.Pause());
  }
  return job;
}

absl::Status JobError(const Job& job) {
  if (job.state() == Job::STATE_CANCELLED) {
    return MakeError(absl::StatusCode::kAborted, absl::StrCat(job.name(), " was cancelled"),
                     {.reason = "JOB_CANCELLED", .metadata = {{"job", job.name()}}, .violations = {}});
  }
  return error::FromResourceError(job.error());
}

}  // namespace

absl::Status Encode(StepContext& context, const RunEntry& entry) {
  SDA_ASSIGN_OR_RETURN(const std::string name, BeginJob(context, entry));
  SDA_ASSIGN_OR_RETURN(const Job job, AwaitJob(context, name));
  if (job.state() != Job::STATE_SUCCEEDED) {
    context.MarkSpent();
    return JobError(job);
  }
  return context.Record([&](sql::Transaction&, RunEntry& recorded) {
    recorded.run.set_dataset(job.dataset());
    return absl::OkStatus();
  });
}

absl::StatusOr<preprocessing::v1::Dataset> FetchDataset(StepContext& context, const std::string& name) {
  preprocessing::v1::GetDatasetRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(auto response, context.Call(*context.services().peers.preprocessing,
                                                   &Preprocessing::Stub::GetDataset, request));
  return std::move(*response.mutable_dataset());
}

}  // namespace sda::advisor
