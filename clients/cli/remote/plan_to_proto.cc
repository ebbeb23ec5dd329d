#include "clients/cli/remote/plan_to_proto.h"

#include <google/protobuf/util/json_util.h>

#include "common/pipeline/pipeline_json.h"

namespace sda::cli {
namespace {

preprocessing::v1::ColumnSpec::Role ToProto(ColumnUse use) {
  switch (use) {
    case ColumnUse::kDense:
      return preprocessing::v1::ColumnSpec::ROLE_DENSE;
    case ColumnUse::kCategorical:
      return preprocessing::v1::ColumnSpec::ROLE_CATEGORICAL;
    case ColumnUse::kIgnored:
      return preprocessing::v1::ColumnSpec::ROLE_IGNORED;
    case ColumnUse::kInferred:
      break;
  }
  return preprocessing::v1::ColumnSpec::ROLE_UNSPECIFIED;
}

preprocessing::v1::InputFormat::Header ToProto(HeaderMode mode) {
  switch (mode) {
    case HeaderMode::kYes:
      return preprocessing::v1::InputFormat::HEADER_YES;
    case HeaderMode::kNo:
      return preprocessing::v1::InputFormat::HEADER_NO;
    case HeaderMode::kAuto:
      break;
  }
  return preprocessing::v1::InputFormat::HEADER_UNSPECIFIED;
}

preprocessing::v1::DatasetSpec::BadRows ToProto(BadRowsRule rule) {
  using preprocessing::v1::DatasetSpec;
  switch (rule) {
    case BadRowsRule::kDefault:
      return DatasetSpec::BAD_ROWS_UNSPECIFIED;
    case BadRowsRule::kFail:
      return DatasetSpec::BAD_ROWS_FAIL;
    case BadRowsRule::kSkip:
      return DatasetSpec::BAD_ROWS_SKIP;
    case BadRowsRule::kNull:
      return DatasetSpec::BAD_ROWS_NULL;
  }
  return DatasetSpec::BAD_ROWS_UNSPECIFIED;
}

void SetSplit(const SplitRule& rule, preprocessing::v1::SplitSpec& split) {
  switch (rule.by) {
    case SplitBy::kFraction:
      split.set_fraction(rule.fraction);
      break;
    case SplitBy::kHashColumn:
      split.set_hash_column(rule.column);
      break;
    case SplitBy::kTimeColumn:
      split.set_time_column(rule.column);
      break;
    case SplitBy::kDefault:
      break;
  }
  split.set_test_share(rule.test_share);
  split.set_validation_share(rule.validation_share);
}

void SetColumn(const ColumnRule& rule, preprocessing::v1::ColumnSpec& column) {
  column.set_name(rule.name);
  column.set_role(ToProto(rule.use));
  if (rule.log) column.set_log(*rule.log);
  column.set_frequency_threshold(rule.frequency_threshold);
  column.set_list_separator(rule.list_separator);
  column.set_list_max_values(rule.list_max_values);
}

// Names and values of the message's JSON form are those of the core's, so that nothing is lost;
// were it otherwise, a pipeline without steps would be refused.
void SetPipeline(const pipeline::Pipeline& pipeline, preprocessing::v1::Pipeline& proto) {
  const auto read =
      google::protobuf::util::JsonStringToMessage(pipeline::PipelineToJson(pipeline).dump(), &proto);
  if (!read.ok()) proto.Clear();
}

}  // namespace

preprocessing::v1::DatasetSpec ToProto(const InputPlan& plan) {
  preprocessing::v1::DatasetSpec spec;
  spec.mutable_data_uris()->Assign(plan.data.begin(), plan.data.end());
  spec.mutable_test_uris()->Assign(plan.test.begin(), plan.test.end());
  spec.set_label(plan.label);
  spec.mutable_positive_values()->Assign(plan.positive_values.begin(), plan.positive_values.end());
  spec.set_weight(plan.weight);
  spec.mutable_format()->set_delimiter(plan.delimiter);
  spec.mutable_format()->set_header(ToProto(plan.header));
  spec.mutable_format()->mutable_null_values()->Assign(plan.null_values.begin(), plan.null_values.end());
  for (const ColumnRule& column : plan.columns) SetColumn(column, *spec.add_columns());
  if (plan.split != SplitRule()) SetSplit(plan.split, *spec.mutable_split());
  spec.set_frequency_threshold(plan.frequency_threshold);
  spec.set_seed(plan.seed);
  if (plan.pipeline) SetPipeline(plan.pipeline->pipeline, *spec.mutable_pipeline());
  spec.set_bad_rows(ToProto(plan.bad_rows));
  return spec;
}

advisor::v1::Goal ToProto(const std::vector<GoalMetric>& goals) {
  using optimizer::v1::Metric;
  advisor::v1::Goal proto;
  for (const GoalMetric& goal : goals) {
    Metric& metric = *proto.add_metrics();
    metric.set_name(goal.name);
    metric.set_strategy(goal.optimize ? Metric::STRATEGY_OPTIMIZE : Metric::STRATEGY_CONSTRAINT);
    metric.set_objective(goal.maximize ? Metric::OBJECTIVE_MAXIMIZE : Metric::OBJECTIVE_MINIMIZE);
    if (goal.threshold) metric.set_threshold(*goal.threshold);
  }
  return proto;
}

advisor::v1::RunSpec ToProto(const RunPlan& plan) {
  advisor::v1::RunSpec spec;
  if (plan.input) {
    *spec.mutable_dataset_spec() = ToProto(*plan.input);
  } else {
    spec.set_dataset(plan.dataset);
  }
  spec.set_recipe(plan.recipe);
  if (plan.recipe.empty() && plan.recipe_file.empty()) *spec.mutable_goal() = ToProto(plan.goals);
  spec.set_model(plan.model);
  spec.set_observation_budget(plan.budget);
  spec.set_parallel_bandwidth(static_cast<int32_t>(plan.parallel));
  spec.set_seed(plan.seed);
  return spec;
}

}  // namespace sda::cli
