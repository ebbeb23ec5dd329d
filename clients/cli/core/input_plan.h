#ifndef SDA_CLIENTS_CLI_CORE_INPUT_PLAN_H_
#define SDA_CLIENTS_CLI_CORE_INPUT_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "clients/cli/core/input_files.h"
#include "clients/cli/core/schema_file.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"

namespace sda::cli {

// The options that say what a click log looks like, as given; shared by `sda run` and `sda dataset`.
struct InputFlags {
  std::vector<std::string> data;
  std::vector<std::string> test;
  std::optional<std::string> label;
  std::optional<std::string> positive;
  std::optional<std::string> weight;
  std::optional<std::string> delimiter;
  std::optional<std::string> header;
  std::optional<std::string> null_values;
  std::optional<std::string> schema;
  std::optional<std::string> split;
  std::optional<std::string> test_share;
  std::optional<std::string> validation_share;
  std::optional<std::string> frequency_threshold;
  std::optional<std::string> seed;
  std::optional<std::string> pipeline;
  bool automatic = false;
  std::optional<std::string> bad_rows;
};

// A pipeline and where its parts stand in the text it was read from.
struct PipelineFile {
  std::string name;  // the file, or the name of a ready pipeline
  pipeline::Pipeline pipeline;
  preprocessing::YamlPlaces places;
};

enum class BadRowsRule { kDefault, kFail, kSkip, kNull };

enum class HeaderMode { kAuto, kYes, kNo };

enum class SplitBy { kDefault, kFraction, kHashColumn, kTimeColumn };

struct SplitRule {
  SplitBy by = SplitBy::kDefault;
  double fraction = 0;          // kFraction
  std::string column;           // kHashColumn, kTimeColumn
  double test_share = 0;        // with a column; 0: the services' default
  double validation_share = 0;  // 0: the services' default

  bool operator==(const SplitRule&) const = default;
};

// The same, understood and checked.
struct InputPlan {
  std::vector<std::string> data;
  std::vector<std::string> test;
  std::string label;
  std::vector<std::string> positive_values;
  std::string weight = {};  // column of the rows' weights; empty: none
  std::string delimiter;    // empty: guessed
  HeaderMode header = HeaderMode::kAuto;
  std::vector<std::string> null_values;  // empty: the services' default
  std::vector<ColumnRule> columns;
  SplitRule split;
  int64_t frequency_threshold = 0;  // 0: chosen by the services
  int64_t seed = 0;
  std::optional<PipelineFile> pipeline;
  bool automatic = false;  // a pipeline is to be chosen
  BadRowsRule bad_rows = BadRowsRule::kDefault;
};

// A pipeline's file, or a ready pipeline by name. INVALID_ARGUMENT has a line for each violation:
// "FILE:LINE:COLUMN: field: rule".
absl::StatusOr<PipelineFile> ReadPipelineFlag(const std::string& text);

// A service's message about the pipeline ("pipeline.steps[3].inputs: …") with the place in its file before
// it; other messages as they are.
std::string WithPipelinePlace(const std::string& message, const std::optional<PipelineFile>& file);

// "fraction=F", "hash:COLUMN" or "time:COLUMN".
absl::StatusOr<SplitRule> ParseSplit(const std::string& text);

// Also reads the schema file and looks at the data files. INVALID_ARGUMENT names the option, its value and
// the rule.
absl::StatusOr<InputPlan> PlanInput(const InputFlags& flags, FileCheck check);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_INPUT_PLAN_H_
