#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/steps.h"

namespace sda::advisor {
namespace {

using preprocessing::v1::Job;
using Preprocessing = preprocessing::v1::PreprocessingService;
using Optimizer = optimizer::v1::OptimizerService;

// Jobs of the dataset that the run may have begun, whether or not the reply had arrived.
absl::Status CancelJobs(StepContext& context, const RunEntry& entry) {
  const PreprocessingPeer& peer = *context.services().peers.preprocessing;
  preprocessing::v1::ListJobsRequest list;
  list.set_parent(ResourceName("datasets", ChildId(context.id(), entry.attempt)));
  const auto jobs = context.Call(peer, &Preprocessing::Stub::ListJobs, list);
  if (absl::IsNotFound(jobs.status())) return absl::OkStatus();
  if (!jobs.ok()) return jobs.status();
  for (int i = 0; i < jobs->jobs_size(); ++i) {
    const Job& job = jobs->jobs(i);
    if (job.state() != Job::STATE_QUEUED && job.state() != Job::STATE_RUNNING) continue;
    preprocessing::v1::CancelJobRequest cancel;
    cancel.set_request_id(
        StageRequestId(context.id(), Stage::kEncode, absl::StrCat("cancel-", i), entry.attempt));
    cancel.set_name(job.name());
    const absl::Status status = context.Call(peer, &Preprocessing::Stub::CancelJob, cancel).status();
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status StopExperiment(StepContext& context, const RunEntry& entry) {
  optimizer::v1::StopExperimentRequest request;
  request.set_request_id(StageRequestId(context.id(), Stage::kTune, "stop", entry.attempt));
  request.set_name(ResourceName("experiments", ChildId(context.id(), entry.attempt)));
  const absl::Status status =
      context.Call(*context.services().peers.optimizer, &Optimizer::Stub::StopExperiment, request).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace

absl::Status CleanUp(StepContext& context, const RunEntry& entry) {
  switch (entry.run.stage()) {
    case v1::Run::STAGE_ENCODE:
      return CancelJobs(context, entry);
    case v1::Run::STAGE_TUNE:
      return StopExperiment(context, entry);
    default:
      return absl::OkStatus();
  }
}

}  // namespace sda::advisor
