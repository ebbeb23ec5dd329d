#include "services/preprocessing/core/spark/spark_plan.h"

#include <memory>
#include <utility>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/pipeline/pipeline_json.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/pipeline/pass_schedule.h"
#include "services/preprocessing/core/spark/spark_join.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

const char* OperationOf(const pipeline::Node& node) {
  switch (node.conversion) {
    case pipeline::Conversion::kNumber:
      return "to_number";
    case pipeline::Conversion::kInteger:
      return "to_integer";
    case pipeline::Conversion::kText:
      return "to_text";
    case pipeline::Conversion::kTime:
      return "to_time";
    case pipeline::Conversion::kNone:
      break;
  }
  return pipeline::OperationName(node.operation);
}

// The node's options as the JSON form of a pipeline names them.
Json OptionsOf(const pipeline::Node& node) {
  if (node.conversion != pipeline::Conversion::kNone) return Json::object();
  pipeline::Pipeline one;
  one.steps.emplace_back().operation = node.operation;
  return pipeline::PipelineToJson(one)["steps"][0][pipeline::OperationName(node.operation)];
}

Json ProgramToJson(const pipeline::Program& program) {
  Json json;
  json["raw_slots"] = program.columns.size();
  json["slots"] = Json::array();
  for (const pipeline::Slot& slot : program.slots)
    json["slots"].push_back({{"name", slot.name}, {"type", pipeline::ColumnTypeName(slot.type)}});
  json["nodes"] = Json::array();
  for (const pipeline::Node& node : program.nodes) {
    json["nodes"].push_back({{"operation", OperationOf(node)},
                             {"describe", program.Describe(node)},
                             {"options", OptionsOf(node)},
                             {"fit_on_all", node.fit_on == pipeline::FitOn::kAll},
                             {"inputs", node.inputs},
                             {"outputs", node.outputs},
                             {"learns", node.learns()},
                             {"is_row_operation", node.is_row_operation()}});
  }
  json["features"] = program.features;
  json["dense_features"] = program.dense_features;
  json["mlperf_integers"] = program.mlperf_integers;
  json["mlperf_categories"] = program.mlperf_categories;
  return json;
}

Json PassesToJson(const pipeline::Program& program) {
  Json json = Json::array();
  for (const PassSchedule::Pass& pass : SchedulePasses(program).passes) {
    json.push_back(
        {{"learn", pass.learn}, {"apply", pass.apply}, {"count", pass.count}, {"write", pass.write}});
  }
  return json;
}

const char* KindName(InputLayout::Kind kind) {
  switch (kind) {
    case InputLayout::Kind::kText:
      break;
    case InputLayout::Kind::kParquet:
      return "parquet";
    case InputLayout::Kind::kArrow:
      return "arrow";
  }
  return "text";
}

Json LayoutToJson(const InputLayout& layout) {
  return {{"kind", KindName(layout.kind)},
          {"delimiter", layout.text.delimiter},
          {"quotes", layout.text.quotes},
          {"header", layout.text.header},
          {"columns", layout.columns}};
}

// Which rows are good, where bad ones do not end the job; else null.
Json RulesToJson(const RowRules* rules) {
  if (rules == nullptr) return nullptr;
  Json checks = Json::array();
  for (const FieldCheck& check : rules->checks)
    checks.push_back({{"column", check.column}, {"node", check.node}, {"required", check.required}});
  return {{"policy", rules->policy == BadRowPolicy::kSkip ? "skip" : "null"},
          {"time", rules->time ? Json(*rules->time) : Json()},
          {"texts", rules->categorical},
          {"checks", std::move(checks)}};
}

// The request's split, where no step deals the rows.
Json SplitToJson(const DatasetPlan& plan) {
  if (plan.pipeline_splits) return nullptr;
  const SplitSpec& split = plan.spec.split;
  const char* kind = split.kind == SplitSpec::Kind::kTime   ? "time"
                     : split.kind == SplitSpec::Kind::kHash ? "hash"
                                                            : "fraction";
  return {{"kind", kind},
          {"column", plan.split_column},
          {"test_share", split.test_share},
          {"validation_share", split.validation_share}};
}

}  // namespace

absl::StatusOr<DatasetPlan> PlanForSpark(const DatasetSpec& spec) {
  if (!spec.pipeline) {
    return InvalidField("pipeline",
                        "is missing; the Spark engine runs a pipeline file (--pipeline FILE, or --auto)");
  }
  // PlanDataset would read the whole log for the bound of a split by time.
  DatasetSpec planned = spec;
  const bool by_time = spec.split.kind == SplitSpec::Kind::kTime && spec.test_uris.empty();
  if (by_time) planned.split.kind = SplitSpec::Kind::kFraction;
  SDA_ASSIGN_OR_RETURN(DatasetPlan plan, PlanDataset(planned, RunSettings()));
  plan.spec.split = spec.split;
  if (by_time) {
    SDA_ASSIGN_OR_RETURN(plan.split_column,
                         FindColumn("split.time_column", spec.split.column, plan.input.layout.columns));
    if (plan.input.rules && !plan.pipeline_splits) {
      auto rules = std::make_shared<RowRules>(*plan.input.rules);
      rules->time = plan.split_column;
      plan.input.rules = std::move(rules);
    }
  }
  return plan;
}

absl::Status WriteSparkPlan(const DatasetPlan& plan, const SparkJob& job, DatasetOutput& staging) {
  Json joins = Json::array();
  for (const ReadyJoin& join : plan.joins) {
    const std::string file = absl::StrCat("join-", joins.size(), ".arrow");
    SDA_RETURN_IF_ERROR(WriteSparkJoin(join, file, staging));
    joins.push_back({{"file", file},
                     {"key", join.key_column},
                     {"first", join.first_column},
                     {"columns", join.names.size()}});
  }
  Json json;
  json["format_version"] = kFormatVersion;
  json["root"] = job.root;
  json["dataset"] = job.dataset;
  json["staging"] = job.staging;
  json["block_bytes"] = job.block_bytes;
  json["seed"] = plan.spec.seed;
  json["shard_rows"] = plan.spec.shard_rows;
  json["files"] = Json::array();
  for (size_t i = 0; i < plan.input.files.size(); ++i) {
    const InputFile& file = plan.input.files[i];
    json["files"].push_back({{"path", file.path},
                             {"bytes", file.bytes},
                             {"modified_nanos", file.modified_nanos},
                             {"test", static_cast<int>(i) >= plan.input.first_test_file}});
  }
  json["layout"] = LayoutToJson(plan.input.layout);
  json["max_row_bytes"] = plan.input.layout.text.max_row_bytes;
  json["rules"] = RulesToJson(plan.input.rules.get());
  json["null_values"] = NullTokens(plan.spec.format);
  json["joins"] = std::move(joins);
  json["label"] = plan.label;
  json["positive_values"] = plan.spec.positive_values;
  json["split"] = SplitToJson(plan);
  json["program"] = ProgramToJson(*plan.program);
  json["passes"] = PassesToJson(*plan.program);
  json["parquet"] = plan.spec.pipeline->output.parquet;
  return staging.Write(kSparkPlanFile, json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace sda::preprocessing
