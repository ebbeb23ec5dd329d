#ifndef SDA_SERVICES_ADVISOR_SERVER_STEPS_H_
#define SDA_SERVICES_ADVISOR_SERVER_STEPS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "sda/preprocessing/v1/dataset.pb.h"
#include "services/advisor/core/advice.h"
#include "services/advisor/server/run_table.h"
#include "services/advisor/server/step_context.h"

// The steps of a run (core/run_plan.h). Each may be done again from its beginning at any time and records its
// result with its last act. An error ends the run, unless the context was interrupted.
namespace sda::advisor {

absl::Status Encode(StepContext& context, const RunEntry& entry);
absl::Status AdviseRecipe(StepContext& context, const RunEntry& entry);
absl::Status Tune(StepContext& context, const RunEntry& entry);
absl::Status Evaluate(StepContext& context, const RunEntry& entry);
absl::Status Publish(StepContext& context, const RunEntry& entry);

// Stops what a cancelled run had begun: its job, its experiment.
absl::Status CleanUp(StepContext& context, const RunEntry& entry);

// Shared by steps.
absl::StatusOr<preprocessing::v1::Dataset> FetchDataset(StepContext& context, const std::string& name);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_STEPS_H_
