#include "services/preprocessing/core/spec_json.h"

#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline_json.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

const char* RoleName(Role role) {
  switch (role) {
    case Role::kDense:
      return "ROLE_DENSE";
    case Role::kCategorical:
      return "ROLE_CATEGORICAL";
    case Role::kIgnored:
      return "ROLE_IGNORED";
    case Role::kLabel:
      return "ROLE_LABEL";
  }
  return "ROLE_UNSPECIFIED";
}

Json FormatToJson(const InputLayout& layout, const DatasetSpec& spec) {
  Json json;
  if (layout.kind != InputLayout::Kind::kText) {
    json["kind"] = layout.kind == InputLayout::Kind::kArrow ? "KIND_ARROW" : "KIND_PARQUET";
  } else {
    json["kind"] = "KIND_DELIMITED";
    json["delimiter"] = layout.text.delimiter;
    json["header"] = layout.text.header ? "HEADER_YES" : "HEADER_NO";
  }
  json["null_values"] = Json::array({""});
  for (const std::string& token : NullTokens(spec.format)) json["null_values"].push_back(token);
  return json;
}

Json ColumnToJson(const Column& column) {
  Json json;
  json["name"] = column.name;
  json["role"] = RoleName(column.role);
  if (column.log) json["log"] = *column.log;
  if (column.frequency_threshold > 0) json["frequency_threshold"] = column.frequency_threshold;
  if (!column.list_separator.empty()) {
    json["list_separator"] = column.list_separator;
    json["list_max_values"] = column.list_max_values;
  }
  json["reason"] = column.reason;
  return json;
}

Json SplitToJson(const DatasetSpec& spec) {
  Json json;
  if (spec.test_uris.empty()) {
    switch (spec.split.kind) {
      case SplitSpec::Kind::kFraction:
        json["fraction"] = spec.split.test_share;
        break;
      case SplitSpec::Kind::kHash:
        json["hash_column"] = spec.split.column;
        json["test_share"] = spec.split.test_share;
        break;
      case SplitSpec::Kind::kTime:
        json["time_column"] = spec.split.column;
        json["test_share"] = spec.split.test_share;
        break;
    }
  }
  json["validation_share"] = spec.split.validation_share;
  return json;
}

}  // namespace

std::string OptionsToJson(const DatasetSpec& spec, const DatasetPlan& plan) {
  Json json;
  json["data_uris"] = spec.data_uris;
  json["test_uris"] = spec.test_uris;
  json["format"] = FormatToJson(plan.input.layout, spec);
  json["label"] = plan.column(plan.label).name;
  json["positive_values"] = spec.positive_values;
  if (plan.weight >= 0) json["weight"] = plan.column(plan.weight).name;
  json["columns"] = Json::array();
  if (!spec.pipeline) {
    for (const Column& column : plan.schema) json["columns"].push_back(ColumnToJson(column));
  }
  json["split"] = SplitToJson(spec);
  json["frequency_threshold"] = spec.frequency_threshold;
  json["seed"] = spec.seed;
  json["shard_rows"] = spec.shard_rows;
  if (spec.pipeline) json["pipeline"] = pipeline::PipelineToJson(*spec.pipeline);
  if (spec.bad_rows == BadRowPolicy::kSkip) json["bad_rows"] = "BAD_ROWS_SKIP";
  if (spec.bad_rows == BadRowPolicy::kNull) json["bad_rows"] = "BAD_ROWS_NULL";
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sda::preprocessing
