#include "services/preprocessing/core/spark/spark_result.h"

#include <memory>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <arrow/array/array_binary.h>
#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/pipeline/fitted_pipeline.h"
#include "services/preprocessing/core/bad_rows_json.h"
#include "services/preprocessing/core/inputs_json.h"
#include "services/preprocessing/core/spec_json.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kManifestPath[] = "manifest.json";

absl::Status Damaged(std::string_view what) {
  return absl::InternalError(absl::StrCat(
      "the result of the Spark job cannot be used: ", absl::string_view(what.data(), what.size()),
      "; are the job's files those of this version of sda?"));
}

// What the result promises; a job of another version would leave a gap.
template <class Value>
absl::Status Read(const Json& json, const char* key, Value& value) {
  const auto found = json.find(key);
  if (found == json.end()) return Damaged(absl::StrCat(key, " is missing"));
  if constexpr (std::is_same_v<Value, std::string>) {
    if (!found->is_string()) return Damaged(absl::StrCat(key, " is no text"));
  } else {
    if (!found->is_number()) return Damaged(absl::StrCat(key, " is no number"));
  }
  value = found->get<Value>();
  return absl::OkStatus();
}

absl::Status ReadOptional(const Json& json, const char* key, std::optional<double>& value) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_number()) value = found->get<double>();
  return absl::OkStatus();
}

arrow::Status ReadTables(std::string_view bytes, std::vector<pipeline::NodeState>& states) {
  auto input = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(
      reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int64_t>(bytes.size())));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchFileReader::Open(input));
  const auto& schema = *reader->schema();
  if (schema.num_fields() != 4 || schema.field(0)->type()->id() != arrow::Type::INT32 ||
      schema.field(1)->type()->id() != arrow::Type::BINARY ||
      schema.field(2)->type()->id() != arrow::Type::INT64 ||
      schema.field(3)->type()->id() != arrow::Type::INT64) {
    return arrow::Status::Invalid("the tables have other columns");
  }
  for (int b = 0; b < reader->num_record_batches(); ++b) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, reader->ReadRecordBatch(b));
    ARROW_RETURN_NOT_OK(batch->ValidateFull());
    const auto& node = static_cast<const arrow::Int32Array&>(*batch->column(0));
    const auto& value = static_cast<const arrow::BinaryArray&>(*batch->column(1));
    const auto& count = static_cast<const arrow::Int64Array&>(*batch->column(2));
    const auto& positive = static_cast<const arrow::Int64Array&>(*batch->column(3));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      const int index = node.Value(row);
      if (index < 0 || static_cast<size_t>(index) >= states.size() ||
          !states[static_cast<size_t>(index)].table)
        return arrow::Status::Invalid("the tables name step ", index);
      pipeline::LearnedTable& table = *states[static_cast<size_t>(index)].table;
      table.values.emplace_back(value.GetView(row));
      table.counts.push_back(count.Value(row));
      table.positives.push_back(positive.Value(row));
    }
  }
  return arrow::Status::OK();
}

absl::StatusOr<std::vector<pipeline::NodeState>> ReadStates(const Json& result, std::string_view tables,
                                                            size_t nodes) {
  std::vector<pipeline::NodeState> states(nodes);
  const auto found = result.find("states");
  if (found == result.end() || !found->is_array()) return Damaged("states are missing");
  for (const Json& json : *found) {
    int64_t node = -1;
    SDA_RETURN_IF_ERROR(Read(json, "node", node));
    if (node < 0 || static_cast<size_t>(node) >= nodes) return Damaged("a state is of no step");
    pipeline::NodeState& state = states[static_cast<size_t>(node)];
    if (json.contains("numbers") && json["numbers"].is_array()) {
      for (const Json& number : json["numbers"]) {
        if (!number.is_number()) return Damaged("a learned number is none");
        state.numbers.push_back(number.get<double>());
      }
    }
    if (json.contains("text") && json["text"].is_string()) state.text = json["text"].get<std::string>();
    if (json.value("table", false)) state.table.emplace();
  }
  const arrow::Status read = ReadTables(tables, states);
  if (!read.ok()) return Damaged(read.message());
  return states;
}

absl::StatusOr<ManifestSplit> ReadSplit(const Json& json) {
  ManifestSplit split;
  SDA_RETURN_IF_ERROR(Read(json, "rows", split.rows));
  SDA_RETURN_IF_ERROR(Read(json, "positive_rows", split.positive_rows));
  if (!json.contains("shards")) return Damaged("shards are missing");
  for (const Json& item : json["shards"]) {
    ManifestShard& shard = split.shards.emplace_back();
    SDA_RETURN_IF_ERROR(Read(item, "path", shard.path));
    SDA_RETURN_IF_ERROR(Read(item, "rows", shard.rows));
    SDA_RETURN_IF_ERROR(Read(item, "bytes", shard.bytes));
    SDA_RETURN_IF_ERROR(Read(item, "sha256", shard.sha256));
  }
  return split;
}

absl::Status ReadExports(const Json& result, DatasetManifest& manifest) {
  if (!result.contains("exports")) return Damaged("exports are missing");
  for (const Json& item : result["exports"]) {
    ManifestExport& file = manifest.exports.emplace_back();
    SDA_RETURN_IF_ERROR(Read(item, "kind", file.kind));
    SDA_RETURN_IF_ERROR(Read(item, "split", file.split));
    SDA_RETURN_IF_ERROR(Read(item, "path", file.path));
    SDA_RETURN_IF_ERROR(Read(item, "rows", file.rows));
    SDA_RETURN_IF_ERROR(Read(item, "bytes", file.bytes));
    SDA_RETURN_IF_ERROR(Read(item, "sha256", file.sha256));
  }
  return absl::OkStatus();
}

absl::Status ReadColumns(const Json& result, const pipeline::Program& program, DatasetManifest& manifest) {
  if (!result.contains("columns") || result["columns"].size() != program.features.size())
    return Damaged("columns are missing");
  for (size_t f = 0; f < program.features.size(); ++f) {
    const Json& json = result["columns"][f];
    const pipeline::Slot& slot = program.slots[static_cast<size_t>(program.features[f])];
    ManifestColumn& column = manifest.columns.emplace_back();
    column.name = slot.name;
    SDA_RETURN_IF_ERROR(Read(json, "missing_rows", column.missing_rows));
    SDA_RETURN_IF_ERROR(Read(json, "distinct_count", column.distinct_count));
    if (f >= program.dense_features) {
      column.role = ColumnRole::kCategorical;
      // As in create_pipeline_dataset.cc: says that the column holds lists.
      if (slot.type == pipeline::ColumnType::kIdList) column.list_separator = "|";
      column.table_rows = column.distinct_count;
      continue;
    }
    column.role = ColumnRole::kDense;
    SDA_RETURN_IF_ERROR(ReadOptional(json, "raw_min", column.raw_min));
    SDA_RETURN_IF_ERROR(ReadOptional(json, "raw_max", column.raw_max));
    SDA_RETURN_IF_ERROR(ReadOptional(json, "raw_mean", column.raw_mean));
    SDA_RETURN_IF_ERROR(ReadOptional(json, "raw_stddev", column.raw_stddev));
  }
  return absl::OkStatus();
}

std::string ProvenanceJson(const DatasetPlan& plan, const Json& result, absl::Time started) {
  Json json;
  json["engine"] = "spark";
  if (result.contains("spark")) json["spark"] = result["spark"];
  if (plan.input.rules && result.contains("bad_rows"))
    json["bad_rows"] = BadRowsToJson(BadRowsFromJson(result["bad_rows"]));
  json["create_time"] = absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone());
  json["start_time"] = absl::FormatTime(absl::RFC3339_full, started, absl::UTCTimeZone());
  if (result.contains("stage_seconds")) json["stage_seconds"] = result["stage_seconds"];
  json["inputs"] = InputsToJson(plan);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::Status StatusOf(const Json& result) {
  const auto error = result.find("error");
  if (error == result.end()) return absl::OkStatus();
  std::string message, reason;
  SDA_RETURN_IF_ERROR(Read(*error, "message", message));
  SDA_RETURN_IF_ERROR(Read(*error, "reason", reason));
  std::map<std::string, std::string> metadata;
  for (const char* key : {"file", "line", "column"}) {
    if (error->contains(key) && (*error)[key].is_string()) metadata[key] = (*error)[key].get<std::string>();
  }
  const bool changed = reason == "INPUT_CHANGED";
  if (reason == "JOB_FAILED") return absl::InternalError(message);
  return MakeError(changed ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kInvalidArgument,
                   message, {.reason = reason, .metadata = std::move(metadata), .violations = {}});
}

}  // namespace

absl::Status SparkResultStatus(std::string_view result_json) {
  const Json result = Json::parse(result_json, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) return Damaged("it is no JSON object");
  return StatusOf(result);
}

absl::StatusOr<DatasetManifest> FinishSparkDataset(const DatasetPlan& plan, const std::string& name,
                                                   std::string_view result_json, std::string_view tables,
                                                   absl::Time started, DatasetOutput& output) {
  const Json result = Json::parse(result_json, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) return Damaged("it is no JSON object");
  SDA_RETURN_IF_ERROR(StatusOf(result));
  DatasetManifest manifest;
  manifest.name = name;
  manifest.label_column = plan.column(plan.label).name;
  manifest.positive_values = plan.spec.positive_values;
  manifest.id_order = "pipeline";
  manifest.fit_scope = "pipeline";
  SDA_RETURN_IF_ERROR(ReadColumns(result, *plan.program, manifest));
  for (const char* split : kSplitNames) {
    if (!result.contains("splits") || !result["splits"].contains(split)) return Damaged("splits are missing");
    SDA_ASSIGN_OR_RETURN(manifest.splits[split], ReadSplit(result["splits"][split]));
  }
  SDA_RETURN_IF_ERROR(ReadExports(result, manifest));

  pipeline::FittedPipeline fitted;
  fitted.pipeline = *plan.spec.pipeline;
  // As in create_pipeline_dataset.cc: new rows come with what a join would add.
  fitted.pipeline.joins.clear();
  fitted.program = *plan.program;
  SDA_ASSIGN_OR_RETURN(fitted.states, ReadStates(result, tables, plan.program->nodes.size()));
  SDA_ASSIGN_OR_RETURN(const std::string bytes, pipeline::FittedPipelineToArrow(fitted));
  manifest.pipeline_path = pipeline::kFittedPipelinePath;
  manifest.pipeline_sha256 = Sha256Hex(bytes);
  SDA_RETURN_IF_ERROR(output.Write(manifest.pipeline_path, bytes));

  manifest.options_json = OptionsToJson(plan.spec, plan);
  manifest.digest = ComputeDatasetDigest(manifest);
  manifest.provenance_json = ProvenanceJson(plan, result, started);
  SDA_RETURN_IF_ERROR(output.Write(kManifestPath, ManifestToJson(manifest)));
  return manifest;
}

}  // namespace sda::preprocessing
