#include "clients/cli/commands/automatic_pipeline.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "clients/cli/commands/profile_call.h"
#include "clients/cli/remote/plan_to_proto.h"
#include "common/base/status_macros.h"

namespace sda::cli {

absl::StatusOr<std::string> ChosenPipeline(const InputPlan& plan, Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  preprocessing::v1::ProfileDataRequest request;
  *request.mutable_spec() = ToProto(plan);
  request.set_pipeline_yaml(true);
  SDA_ASSIGN_OR_RETURN(ProfileReply reply, CallProfileData(request, *client, session.terminal()));
  return std::move(reply.pipeline_yaml);
}

absl::Status ChoosePipeline(InputPlan& plan, Session& session) {
  if (!plan.automatic) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const std::string yaml, ChosenPipeline(plan, session));
  const std::vector<std::string> lines = absl::StrSplit(yaml, '\n');
  for (const std::string& line : lines) {
    if (absl::StartsWith(line, "  # ")) session.terminal().Say(line.substr(4));
  }
  preprocessing::PipelineReading reading = preprocessing::ReadPipeline(yaml);
  if (!reading.pipeline)
    return absl::InvalidArgumentError(
        preprocessing::DescribeViolations(reading.violations, "automatic pipeline"));
  plan.pipeline = PipelineFile{"automatic pipeline", *std::move(reading.pipeline), std::move(reading.places)};
  plan.columns.clear();  // what they said is in the steps
  return absl::OkStatus();
}

}  // namespace sda::cli
