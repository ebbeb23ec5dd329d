#ifndef SDA_CLIENTS_CLI_CORE_SPARK_COMMAND_H_
#define SDA_CLIENTS_CLI_CORE_SPARK_COMMAND_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "clients/cli/core/input_plan.h"
#include "clients/cli/core/progress.h"
#include "services/preprocessing/core/dataset_spec.h"

namespace sda::cli {

// The options of `sda dataset create --engine spark`, as given.
struct SparkFlags {
  std::optional<std::string> engine;
  std::optional<std::string> master;
  std::optional<std::string> deploy_mode;
  std::optional<std::string> submit;
  std::optional<std::string> artefacts;
  std::optional<std::string> block_mib;
  std::optional<std::string> log;
  std::vector<std::string> conf;
};

// Whether Spark is to make the dataset. INVALID_ARGUMENT for an engine that there is not, and for options of
// Spark's without it.
absl::StatusOr<bool> WantsSpark(const SparkFlags& flags);

// What spark-submit is given, without the program's name. `package` is the folder with the job's files.
absl::StatusOr<std::vector<std::string>> SparkSubmitArgs(const SparkFlags& flags, const std::string& package,
                                                         const std::string& root, const std::string& staging,
                                                         const std::string& dataset);

// The program: --spark-submit, else $SPARK_HOME/bin/spark-submit, else the first of that name on $PATH.
// `environment` looks up variables, `executable` says whether a path can be run. FAILED_PRECONDITION says
// what to do where there is none.
absl::StatusOr<std::string> FindSparkSubmit(
    const SparkFlags& flags, const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::function<bool(const std::string&)>& executable);

// A line of the job's output that tells how far it is, "@sda {…}"; nothing for other lines.
std::optional<ProgressView> ReadSparkProgress(std::string_view line);

// What the services would be told, for the core.
preprocessing::DatasetSpec ToSpec(const InputPlan& plan);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_SPARK_COMMAND_H_
