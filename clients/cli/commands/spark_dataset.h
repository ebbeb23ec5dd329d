#ifndef SDA_CLIENTS_CLI_COMMANDS_SPARK_DATASET_H_
#define SDA_CLIENTS_CLI_COMMANDS_SPARK_DATASET_H_

#include <string>

#include <CLI/App.hpp>
#include <absl/status/statusor.h>

#include "clients/cli/commands/session.h"
#include "clients/cli/core/exit_code.h"
#include "clients/cli/core/input_plan.h"
#include "clients/cli/core/spark_command.h"

namespace sda::cli {

// --engine, --master and their like.
void AddSparkOptions(CLI::App* command, SparkFlags* flags);

// Makes a dataset on a Spark cluster, without the preprocessing service: plans here, has spark-submit run the
// job, writes the manifest when it is done. `id` is --name, or empty. docs/spark.md.
absl::StatusOr<ExitCode> CreateWithSpark(const InputPlan& plan, const SparkFlags& flags,
                                         const std::string& id, bool replace, Session& session);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_SPARK_DATASET_H_
