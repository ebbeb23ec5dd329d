#ifndef SDA_CLIENTS_CLI_COMMANDS_RUN_STEPS_H_
#define SDA_CLIENTS_CLI_COMMANDS_RUN_STEPS_H_

#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "clients/cli/commands/terminal.h"
#include "clients/cli/core/run_plan.h"
#include "clients/cli/core/run_report.h"
#include "clients/cli/process/local_suite.h"
#include "clients/cli/remote/clients.h"
#include "sda/advisor/v1/advisor.pb.h"

namespace sda::cli {

// Steps that `sda run`, `sda runs` and `sda local` share.

// --workers, --slots and --threads-per-slot into `options`.
absl::Status ParseSuiteSizes(const std::optional<std::string>& workers,
                             const std::optional<std::string>& slots,
                             const std::optional<std::string>& threads_per_slot, LocalSuiteOptions& options);

// Creates the run of a plan, or takes up the one it names.
absl::StatusOr<advisor::v1::Run> StartRun(const RunPlan& plan, AdvisorClient& advisor);

// The run in its final state, its progress shown meanwhile.
absl::StatusOr<advisor::v1::Run> FollowRun(const std::string& name, AdvisorClient& advisor,
                                           Terminal& terminal);

// With all its trials.
absl::StatusOr<RunReport> ReportRun(const advisor::v1::Run& run, AdvisorClient& advisor,
                                    const std::string& artefacts);

// Names of the runs that are going on.
absl::StatusOr<std::vector<std::string>> ListRunningRuns(AdvisorClient& advisor);

// Stores the recipe of a file. INVALID_ARGUMENT has a line for each violation: "FILE:LINE:COLUMN: field:
// rule".
absl::StatusOr<advisor::v1::Recipe> StoreRecipe(const std::string& file, const std::string& yaml,
                                                const std::string& recipe_id, AdvisorClient& advisor);

// "FILE:LINE:COLUMN: field: rule" for each violation, one a line.
std::string RenderViolations(const std::string& file, const advisor::v1::ValidateRecipeResponse& response);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_RUN_STEPS_H_
