#ifndef SDA_COMMON_PIPELINE_PIPELINE_JSON_H_
#define SDA_COMMON_PIPELINE_PIPELINE_JSON_H_

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "common/pipeline/definition.h"

namespace sda::pipeline {

// A pipeline as JSON, in the form that protobuf gives sda.preprocessing.v1.Pipeline.
nlohmann::ordered_json PipelineToJson(const Pipeline& pipeline);

// INVALID_ARGUMENT for what PipelineToJson would not have written.
absl::StatusOr<Pipeline> PipelineFromJson(const nlohmann::ordered_json& json);

// "STRATEGY_MOST_FREQUENT": how protobuf spells the value `name` of the enumeration of a field; a list's
// field stands in the plural ("parts", PART_HOUR).
std::string ProtoEnumName(std::string_view field, std::string_view name, bool list);

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_PIPELINE_JSON_H_
