#include "services/preprocessing/core/dataset_plan.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/schema_inference.h"

namespace sda::preprocessing {
namespace {

absl::StatusOr<Input> FindInput(const DatasetSpec& spec, size_t max_row_bytes) {
  Input input;
  SDA_ASSIGN_OR_RETURN(input.files, FindInputFiles(spec.data_uris));
  SDA_ASSIGN_OR_RETURN(input.layout, DetectLayout(input.files, spec.format, spec.label));
  input.layout.text.bad_rows = spec.bad_rows;
  input.layout.text.max_row_bytes = max_row_bytes;
  input.first_test_file = static_cast<int>(input.files.size());
  if (spec.test_uris.empty()) return input;
  SDA_ASSIGN_OR_RETURN(std::vector<InputFile> test_files, FindInputFiles(spec.test_uris));
  for (InputFile& file : test_files) {
    for (const InputFile& train : input.files) {
      if (train.path == file.path) return InvalidField("test_uris", file.path + " is also a training file");
    }
    input.files.push_back(std::move(file));
  }
  return input;
}

absl::StatusOr<InputSample> SampleOf(const Input& input, const DatasetSpec& spec, int64_t sample_rows) {
  const std::vector<InputFile> train(input.files.begin(), input.files.begin() + input.first_test_file);
  return ReadSample(train, input.layout, MissingTest(NullTokens(spec.format)), sample_rows);
}

// Reads the pipeline against the columns of the log.
absl::Status PlanPipeline(DatasetPlan& plan, const RunSettings& settings) {
  const pipeline::Pipeline& pipeline = *plan.spec.pipeline;
  std::vector<std::string> columns = plan.input.layout.columns;
  SDA_ASSIGN_OR_RETURN(
      plan.joins, MakeJoins(pipeline.joins, columns, plan.label, NullTokens(plan.spec.format), settings));
  for (const ReadyJoin& join : plan.joins)
    columns.insert(columns.end(), join.names.begin(), join.names.end());
  pipeline::Compilation compiled = pipeline::Compile(pipeline, columns, plan.label);
  if (!compiled.program) {
    for (FieldViolation& violation : compiled.violations) violation.field = "pipeline." + violation.field;
    return InvalidFields(compiled.violations);
  }
  plan.program = *std::move(compiled.program);
  plan.pipeline_splits = std::any_of(
      pipeline.steps.begin(), pipeline.steps.end(),
      [](const pipeline::Step& step) { return std::holds_alternative<pipeline::SplitRows>(step.operation); });
  for (const std::string& name : plan.input.layout.columns)
    plan.schema.push_back({name, Role::kIgnored, {}, 0, ""});
  plan.schema[static_cast<size_t>(plan.label)].role = Role::kLabel;
  return absl::OkStatus();
}

std::shared_ptr<const RowRules> RulesOf(const DatasetPlan& plan) {
  RowRules rules{.policy = plan.spec.bad_rows,
                 .label = plan.label,
                 .time = {},
                 .weight = {},
                 .dense = plan.dense,
                 .categorical = plan.categorical,
                 .checks = {},
                 .missing = plan.missing_test(),
                 .labels = plan.label_reader()};
  if (plan.weight >= 0) rules.weight = plan.weight;
  if (!plan.pipeline_splits && plan.splitter().by_column() &&
      plan.spec.split.kind == SplitSpec::Kind::kTime) {
    rules.time = plan.split_column;
  }
  if (plan.program) {
    const size_t log_columns = plan.input.layout.columns.size();
    rules.categorical = LogColumnsOf(*plan.program, log_columns);
    rules.checks = FieldChecksOf(*plan.program, log_columns);
  }
  return std::make_shared<const RowRules>(std::move(rules));
}

absl::StatusOr<double> TimeBoundOf(const DatasetPlan& plan, const RunSettings& settings) {
  if (!plan.splitter().by_column() || plan.spec.split.kind != SplitSpec::Kind::kTime) return 0.0;
  return FindTimeBound(plan.input, plan.split_column, plan.spec.split.test_share, settings);
}

}  // namespace

absl::StatusOr<DatasetPlan> PlanDataset(const DatasetSpec& given, const RunSettings& settings) {
  SDA_RETURN_IF_ERROR(ValidateSpec(given));
  const DatasetSpec spec = WithPipelineLabel(given);
  DatasetPlan plan;
  plan.spec = spec;
  SDA_ASSIGN_OR_RETURN(plan.input, FindInput(spec, settings.max_row_bytes));
  const std::vector<std::string>& columns = plan.input.layout.columns;
  // Before the rows are looked at: a label that does not exist is the likeliest mistake.
  SDA_ASSIGN_OR_RETURN(plan.label, FindColumn("label", spec.label, columns));
  if (!spec.weight.empty()) {
    SDA_ASSIGN_OR_RETURN(plan.weight, FindColumn("weight", spec.weight, columns));
    if (plan.weight == plan.label) return InvalidField("weight", "is the label; must be another column");
  }
  if (plan.splitter().by_column()) {
    const bool by_time = spec.split.kind == SplitSpec::Kind::kTime;
    SDA_ASSIGN_OR_RETURN(plan.split_column, FindColumn(by_time ? "split.time_column" : "split.hash_column",
                                                       spec.split.column, columns));
  }
  if (spec.pipeline) {
    SDA_RETURN_IF_ERROR(PlanPipeline(plan, settings));
    if (spec.bad_rows != BadRowPolicy::kFail) plan.input.rules = RulesOf(plan);
    if (plan.pipeline_splits) return plan;
    SDA_ASSIGN_OR_RETURN(plan.time_bound, TimeBoundOf(plan, settings));
    return plan;
  }
  SDA_ASSIGN_OR_RETURN(const InputSample sample, SampleOf(plan.input, spec, kDefaultSampleRows));
  SDA_ASSIGN_OR_RETURN(plan.schema, InferSchema(columns, sample, spec));
  for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
    if (plan.column(i).role == Role::kDense) plan.dense.push_back(i);
    if (plan.column(i).role == Role::kCategorical) plan.categorical.push_back(i);
  }
  if (plan.dense.empty() && plan.categorical.empty()) {
    return InvalidField("columns",
                        absl::StrCat("of ", spec.data_uris.front(),
                                     " leave nothing to learn from; every column but the label is ignored"));
  }
  if (spec.bad_rows != BadRowPolicy::kFail) plan.input.rules = RulesOf(plan);
  SDA_ASSIGN_OR_RETURN(plan.time_bound, TimeBoundOf(plan, settings));
  return plan;
}

absl::StatusOr<SchemaGuess> GuessSchema(const DatasetSpec& spec, int64_t sample_rows) {
  if (spec.format.kind == FormatSpec::Kind::kMlperf) {
    return InvalidField("format.kind",
                        "is KIND_MLPERF_BINARY, whose columns are fixed: label, I1 to I13, C1 to C26");
  }
  DatasetSpec labelled = spec;
  if (labelled.label.empty()) labelled.label = "0";
  SDA_RETURN_IF_ERROR(ValidateSpec(labelled));
  SDA_ASSIGN_OR_RETURN(const Input input, FindInput(spec, kMaxRowBytes));
  SchemaGuess guess;
  guess.layout = input.layout;
  SDA_ASSIGN_OR_RETURN(guess.sample, SampleOf(input, spec, sample_rows));
  SDA_ASSIGN_OR_RETURN(guess.schema, InferSchema(input.layout.columns, guess.sample, spec));
  return guess;
}

}  // namespace sda::preprocessing
