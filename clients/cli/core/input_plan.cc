#include "clients/cli/core/input_plan.h"

#include <limits>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "clients/cli/core/flag_values.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/pipeline/ready_pipelines.h"

namespace sda::cli {
namespace {

constexpr double kMaxTestShare = 0.9;
constexpr double kMaxValidationShare = 0.5;
constexpr int64_t kMaxFrequencyThreshold = 1000000000;
constexpr size_t kMaxSchemaBytes = 1 << 20;

absl::StatusOr<HeaderMode> ParseHeader(const std::string& text) {
  if (text == "auto") return HeaderMode::kAuto;
  if (text == "yes") return HeaderMode::kYes;
  if (text == "no") return HeaderMode::kNo;
  return InvalidField("--header", absl::StrCat("'", text, "' is not one of yes, no, auto"));
}

absl::StatusOr<BadRowsRule> ParseBadRows(const std::string& text) {
  if (text == "fail") return BadRowsRule::kFail;
  if (text == "skip") return BadRowsRule::kSkip;
  if (text == "null") return BadRowsRule::kNull;
  return InvalidField("--bad-rows", absl::StrCat("'", text, "' is not one of fail, skip, null"));
}

absl::StatusOr<std::vector<std::string>> ParsePositive(const std::string& text) {
  std::vector<std::string> values = SplitList(text);
  for (const std::string& value : values) {
    if (value.empty()) {
      return InvalidField("--positive", absl::StrCat("'", text, "' has an empty value; write VALUE[,VALUE]"));
    }
  }
  return values;
}

absl::StatusOr<SplitRule> PlanSplit(const InputFlags& flags) {
  SplitRule rule;
  if (flags.split) {
    if (!flags.test.empty()) {
      return InvalidField("--split", "does not go with --test; the rows of --test are the test part");
    }
    SDA_ASSIGN_OR_RETURN(rule, ParseSplit(*flags.split));
  }
  if (flags.test_share) {
    if (rule.by != SplitBy::kHashColumn && rule.by != SplitBy::kTimeColumn) {
      return InvalidField("--test-share", "goes with --split hash:COLUMN or time:COLUMN only");
    }
    SDA_ASSIGN_OR_RETURN(rule.test_share,
                         ParseDoubleFlag("--test-share", *flags.test_share, 0, kMaxTestShare));
  }
  if (flags.validation_share) {
    SDA_ASSIGN_OR_RETURN(rule.validation_share, ParseDoubleFlag("--validation-share", *flags.validation_share,
                                                                0, kMaxValidationShare));
  }
  return rule;
}

}  // namespace

absl::StatusOr<SplitRule> ParseSplit(const std::string& text) {
  SplitRule rule;
  if (absl::StartsWith(text, "fraction=")) {
    rule.by = SplitBy::kFraction;
    SDA_ASSIGN_OR_RETURN(
        rule.fraction,
        ParseDoubleFlag("--split", text.substr(std::string("fraction=").size()), 0, kMaxTestShare));
    return rule;
  }
  if (absl::StartsWith(text, "hash:")) rule.by = SplitBy::kHashColumn;
  if (absl::StartsWith(text, "time:")) rule.by = SplitBy::kTimeColumn;
  rule.column = text.size() > 5 ? text.substr(5) : "";
  if (rule.by == SplitBy::kDefault || rule.column.empty()) {
    return InvalidField("--split",
                        absl::StrCat("'", text, "' is not fraction=F, hash:COLUMN or time:COLUMN"));
  }
  return rule;
}

absl::StatusOr<PipelineFile> ReadPipelineFlag(const std::string& text) {
  PipelineFile file;
  file.name = text;
  std::string yaml;
  if (const auto* ready = preprocessing::FindReadyPipeline(text)) {
    yaml = ready->yaml;
  } else {
    SDA_ASSIGN_OR_RETURN(yaml, ReadSmallFile("--pipeline", text, preprocessing::kMaxPipelineBytes));
  }
  preprocessing::PipelineReading reading = preprocessing::ReadPipeline(yaml);
  if (!reading.pipeline)
    return absl::InvalidArgumentError(preprocessing::DescribeViolations(reading.violations, text));
  file.pipeline = *std::move(reading.pipeline);
  file.places = std::move(reading.places);
  return file;
}

std::string WithPipelinePlace(const std::string& message, const std::optional<PipelineFile>& file) {
  const std::string prefix = "pipeline.";
  const size_t at = message.find(prefix);
  if (!file || at == std::string::npos) return message;
  const size_t begin = at + prefix.size();
  const std::string path = message.substr(begin, message.find_first_of(": ", begin) - begin);
  const auto [line, column] = file->places.Find(path);
  if (line == 0) return message;
  return absl::StrCat(file->name, ":", line, ":", column, ": ", message.substr(begin));
}

absl::StatusOr<InputPlan> PlanInput(const InputFlags& flags, FileCheck check) {
  InputPlan plan;
  if (flags.data.empty()) return InvalidField("--data", "is missing; name the files with the click log");
  plan.automatic = flags.automatic;
  if (flags.pipeline && flags.automatic)
    return InvalidField("--auto", "does not go with --pipeline; give one of the two");
  if (flags.pipeline) {
    if (flags.schema) return InvalidField("--schema", "does not go with --pipeline, whose steps say it all");
    SDA_ASSIGN_OR_RETURN(plan.pipeline, ReadPipelineFlag(*flags.pipeline));
    for (size_t i = 0; i < plan.pipeline->pipeline.joins.size(); ++i) {
      std::vector<std::string>& files = plan.pipeline->pipeline.joins[i].files;
      SDA_ASSIGN_OR_RETURN(files,
                           ResolveInputs(absl::StrCat("--pipeline: joins[", i, "].files"), files, check));
    }
  }
  const bool labelled = plan.pipeline && !plan.pipeline->pipeline.label.empty();
  if (!labelled && (!flags.label || flags.label->empty())) {
    return InvalidField("--label", "is missing; name the column with the clicks, or its position from 0");
  }
  plan.label = flags.label ? *flags.label : "";
  if (flags.positive) {
    SDA_ASSIGN_OR_RETURN(plan.positive_values, ParsePositive(*flags.positive));
  }
  if (flags.weight) {
    if (flags.weight->empty() || *flags.weight == plan.label) {
      return InvalidField("--weight", "must name a column other than the label");
    }
    plan.weight = *flags.weight;
  }
  if (flags.delimiter) {
    SDA_ASSIGN_OR_RETURN(plan.delimiter, ParseDelimiterFlag("--delimiter", *flags.delimiter));
  }
  if (flags.header) {
    SDA_ASSIGN_OR_RETURN(plan.header, ParseHeader(*flags.header));
  }
  if (flags.null_values) plan.null_values = SplitList(*flags.null_values);
  if (flags.schema) {
    SDA_ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile("--schema", *flags.schema, kMaxSchemaBytes));
    SDA_ASSIGN_OR_RETURN(plan.columns, ParseSchemaFile(*flags.schema, yaml));
  }
  SDA_ASSIGN_OR_RETURN(plan.split, PlanSplit(flags));
  if (flags.frequency_threshold) {
    SDA_ASSIGN_OR_RETURN(
        plan.frequency_threshold,
        ParseIntFlag("--frequency-threshold", *flags.frequency_threshold, 0, kMaxFrequencyThreshold));
  }
  if (flags.seed) {
    SDA_ASSIGN_OR_RETURN(plan.seed,
                         ParseIntFlag("--seed", *flags.seed, 0, std::numeric_limits<int64_t>::max()));
  }
  if (flags.bad_rows) {
    SDA_ASSIGN_OR_RETURN(plan.bad_rows, ParseBadRows(*flags.bad_rows));
  }
  SDA_ASSIGN_OR_RETURN(plan.data, ResolveInputs("--data", flags.data, check));
  SDA_ASSIGN_OR_RETURN(plan.test, ResolveInputs("--test", flags.test, check));
  return plan;
}

}  // namespace sda::cli
