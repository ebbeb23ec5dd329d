#include "clients/cli/commands/automatic_pipeline.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "clients/cli/remote/plan_to_proto.h"
#include "common/base/status_macros.h"

namespace sda::cli {

absl::Status ChoosePipeline(InputPlan& plan, Session& session) {
  if (!plan.automatic) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  preprocessing::v1::InferSchemaRequest request;
  *request.mutable_spec() = ToProto(plan);
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::InferSchemaResponse response,
                       client->Call(&preprocessing::v1::PreprocessingService::Stub::InferSchema, request));
  const std::vector<std::string> lines = absl::StrSplit(response.pipeline_yaml(), '\n');
  for (const std::string& line : lines) {
    if (absl::StartsWith(line, "  # ")) session.terminal().Say(line.substr(4));
  }
  preprocessing::PipelineReading reading = preprocessing::ReadPipeline(response.pipeline_yaml());
  if (!reading.pipeline)
    return absl::InvalidArgumentError(
        preprocessing::DescribeViolations(reading.violations, "automatic pipeline"));
  plan.pipeline = PipelineFile{"automatic pipeline", *std::move(reading.pipeline), std::move(reading.places)};
  plan.columns.clear();  // what they said is in the steps
  return absl::OkStatus();
}

}  // namespace sda::cli
