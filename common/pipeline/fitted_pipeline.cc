#include "common/pipeline/fitted_pipeline.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <arrow/array/array_binary.h>
#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/pipeline/pipeline_json.h"

namespace sda::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kMetadataKey[] = "sda.pipeline";
constexpr int kFormatVersion = 1;

// Of a record batch: what a table beyond memory takes while it is written (docs/decisions/0014).
constexpr int64_t kBatchBytes = int64_t{1} << 22;
constexpr int64_t kEntryBytes = 4 + 4 + 8 + 8;  // of an entry beside its text

Json DescriptionOf(const FittedPipeline& fitted, const StoredTables& stored) {
  Json json;
  json["format_version"] = kFormatVersion;
  json["pipeline"] = PipelineToJson(fitted.pipeline);
  json["columns"] = fitted.program.columns;
  json["label"] = fitted.program.label;
  json["states"] = Json::array();
  int tables = 0;
  for (size_t i = 0; i < fitted.states.size(); ++i) {
    const NodeState& state = fitted.states[i];
    const bool has_table = state.table || stored.contains(i);
    if (state.numbers.empty() && !state.text && !has_table) continue;
    Json entry;
    entry["node"] = i;
    if (!state.numbers.empty()) entry["numbers"] = state.numbers;
    if (state.text) entry["text"] = *state.text;
    if (has_table) entry["table"] = tables++;
    json["states"].push_back(std::move(entry));
  }
  return json;
}

class TableWriter {
 public:
  TableWriter(arrow::ipc::RecordBatchWriter& writer, std::shared_ptr<arrow::Schema> schema)
      : writer_(writer), schema_(std::move(schema)) {}

  arrow::Status Add(int table, const LearnedTable& learned) {
    for (size_t i = 0; i < learned.values.size(); ++i) {
      ARROW_RETURN_NOT_OK(Add(table, learned.values[i], learned.counts[i],
                              learned.positives.empty() ? 0 : learned.positives[i]));
    }
    return arrow::Status::OK();
  }

  arrow::Status Add(int table, std::string_view value, int64_t count, int64_t positives) {
    ARROW_RETURN_NOT_OK(tables_.Append(table));
    ARROW_RETURN_NOT_OK(values_.Append(value));
    ARROW_RETURN_NOT_OK(counts_.Append(count));
    ARROW_RETURN_NOT_OK(positives_.Append(positives));
    const int64_t bytes = values_.value_data_length() + values_.length() * kEntryBytes;
    return bytes >= kBatchBytes ? Flush() : arrow::Status::OK();
  }

  arrow::Status Flush() {
    ARROW_ASSIGN_OR_RAISE(auto tables, tables_.Finish());
    ARROW_ASSIGN_OR_RAISE(auto values, values_.Finish());
    ARROW_ASSIGN_OR_RAISE(auto counts, counts_.Finish());
    ARROW_ASSIGN_OR_RAISE(auto positives, positives_.Finish());
    return writer_.WriteRecordBatch(
        *arrow::RecordBatch::Make(schema_, tables->length(), {tables, values, counts, positives}));
  }

 private:
  arrow::ipc::RecordBatchWriter& writer_;
  const std::shared_ptr<arrow::Schema> schema_;
  arrow::Int32Builder tables_;
  arrow::BinaryBuilder values_;
  arrow::Int64Builder counts_;
  arrow::Int64Builder positives_;
};

// `error` is what a stored table could not be read for.
arrow::Status WriteArrow(const FittedPipeline& fitted, const StoredTables& stored,
                         arrow::io::OutputStream& out, absl::Status& error) {
  const auto schema = arrow::schema(
      {arrow::field("table", arrow::int32(), false), arrow::field("value", arrow::binary(), false),
       arrow::field("count", arrow::int64(), false), arrow::field("positives", arrow::int64(), false)},
      arrow::key_value_metadata(
          {{kMetadataKey,
            DescriptionOf(fitted, stored).dump(-1, ' ', false, Json::error_handler_t::replace)}}));
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeFileWriter(&out, schema));
  TableWriter tables(*writer, schema);
  int next = 0;
  for (size_t i = 0; i < fitted.states.size(); ++i) {
    if (fitted.states[i].table) {
      ARROW_RETURN_NOT_OK(tables.Add(next++, *fitted.states[i].table));
      continue;
    }
    const auto elsewhere = stored.find(i);
    if (elsewhere == stored.end()) continue;
    arrow::Status written;
    error = elsewhere->second([&](std::string_view value, int64_t count, int64_t positives) {
      written = tables.Add(next, value, count, positives);
      return written.ok() ? absl::OkStatus() : absl::InternalError(written.ToString());
    });
    ARROW_RETURN_NOT_OK(written);
    if (!error.ok()) return arrow::Status::IOError(std::string(error.message()));
    ++next;
  }
  ARROW_RETURN_NOT_OK(tables.Flush());
  return writer->Close();
}

arrow::Result<std::vector<LearnedTable>> ReadTables(arrow::ipc::RecordBatchFileReader& reader, size_t count) {
  std::vector<LearnedTable> tables(count);
  for (int b = 0; b < reader.num_record_batches(); ++b) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, reader.ReadRecordBatch(b));
    ARROW_RETURN_NOT_OK(batch->ValidateFull());
    const auto& table = static_cast<const arrow::Int32Array&>(*batch->column(0));
    const auto& value = static_cast<const arrow::BinaryArray&>(*batch->column(1));
    const auto& counts = static_cast<const arrow::Int64Array&>(*batch->column(2));
    const auto& positives = static_cast<const arrow::Int64Array&>(*batch->column(3));
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      const int index = table.Value(row);
      if (index < 0 || static_cast<size_t>(index) >= count)
        return arrow::Status::Invalid("names table ", index);
      LearnedTable& into = tables[static_cast<size_t>(index)];
      into.values.emplace_back(value.GetView(row));
      into.counts.push_back(counts.Value(row));
      into.positives.push_back(positives.Value(row));
    }
  }
  return tables;
}

// Whether a node that learns has what it needs.
bool IsComplete(const Node& node, const NodeState& state) {
  if (!node.learns() || node.is_row_operation()) return true;
  if (std::holds_alternative<Standardise>(node.operation))
    return state.numbers.size() == 2 && state.numbers[1] != 0;
  if (std::holds_alternative<TargetEncode>(node.operation)) return state.numbers.size() == 2 && state.table;
  if (std::holds_alternative<FrequencyEncode>(node.operation))
    return state.numbers.size() == 1 && state.table;
  if (std::holds_alternative<FillMissing>(node.operation)) return !state.numbers.empty() || state.text;
  if (std::holds_alternative<QuantileBucket>(node.operation)) return true;
  if (const auto* hot = std::get_if<MultiHot>(&node.operation))
    return state.table && static_cast<int64_t>(state.table->values.size()) <= hot->max_values;
  return state.table.has_value();
}

}  // namespace

absl::StatusOr<std::string> FittedPipelineToArrow(const FittedPipeline& fitted) {
  const auto sink = arrow::io::BufferOutputStream::Create();
  if (!sink.ok()) return absl::ResourceExhaustedError(sink.status().ToString());
  SDA_RETURN_IF_ERROR(WriteFittedPipeline(fitted, {}, **sink));
  const auto buffer = (*sink)->Finish();
  if (!buffer.ok()) return absl::InternalError(buffer.status().ToString());
  return (*buffer)->ToString();
}

absl::Status WriteFittedPipeline(const FittedPipeline& fitted, const StoredTables& stored,
                                 arrow::io::OutputStream& out) {
  absl::Status error;
  const arrow::Status written = WriteArrow(fitted, stored, out, error);
  if (!error.ok()) return error;
  return written.ok() ? absl::OkStatus() : absl::InternalError(written.ToString());
}

absl::StatusOr<FittedPipeline> FittedPipelineFromArrow(std::string_view bytes, std::string_view source) {
  const auto damaged = [&](const std::string& what) {
    return absl::FailedPreconditionError(absl::StrCat(ToAbsl(source), ": is no fitted pipeline: ", what));
  };
  auto input = std::make_shared<arrow::io::BufferReader>(std::make_shared<arrow::Buffer>(
      reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int64_t>(bytes.size())));
  const auto reader = arrow::ipc::RecordBatchFileReader::Open(input);
  if (!reader.ok()) return damaged(reader.status().message());
  const auto& schema = *(*reader)->schema();
  if (schema.num_fields() != 4 || schema.field(0)->type()->id() != arrow::Type::INT32 ||
      schema.field(1)->type()->id() != arrow::Type::BINARY ||
      schema.field(2)->type()->id() != arrow::Type::INT64 ||
      schema.field(3)->type()->id() != arrow::Type::INT64) {
    return damaged("has other columns");
  }
  const auto metadata =
      schema.metadata() ? schema.metadata()->Get(kMetadataKey) : arrow::Result<std::string>("");
  const Json json = Json::parse(metadata.ValueOr(""), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("pipeline") || !json.contains("columns") ||
      !json["columns"].is_array() || !json.contains("label") || !json["label"].is_number_integer() ||
      !json.contains("states") || !json["states"].is_array()) {
    return damaged("has no description");
  }
  if (json.value("format_version", 0) != kFormatVersion)
    return damaged("is of another version; this one reads version 1");

  FittedPipeline fitted;
  auto pipeline = PipelineFromJson(json["pipeline"]);
  if (!pipeline.ok()) return damaged(std::string(pipeline.status().message()));
  fitted.pipeline = *std::move(pipeline);
  std::vector<std::string> columns;
  for (const Json& column : json["columns"]) {
    if (!column.is_string()) return damaged("has a column without a name");
    columns.push_back(column.get<std::string>());
  }
  const auto label = json["label"].get<int64_t>();
  if (label < -1 || label >= static_cast<int64_t>(columns.size())) return damaged("has no such label");
  Compilation compiled = Compile(fitted.pipeline, columns, static_cast<int>(label));
  if (!compiled.program)
    return damaged(compiled.violations[0].field + ": " + compiled.violations[0].description);
  fitted.program = *std::move(compiled.program);
  fitted.states.resize(fitted.program.nodes.size());

  size_t tables = 0;
  for (const Json& entry : json["states"]) tables += entry.is_object() && entry.contains("table") ? 1 : 0;
  auto read = ReadTables(**reader, tables);
  if (!read.ok()) return damaged(read.status().message());
  for (const Json& entry : json["states"]) {
    const auto node = entry.is_object() && entry.contains("node") && entry["node"].is_number_unsigned()
                          ? entry["node"].get<size_t>()
                          : fitted.states.size();
    if (node >= fitted.states.size()) return damaged("has a state of no step");
    NodeState& state = fitted.states[node];
    if (entry.contains("numbers")) {
      for (const Json& number : entry["numbers"]) {
        if (!number.is_number()) return damaged("has a number that is none");
        state.numbers.push_back(number.get<double>());
      }
    }
    if (entry.contains("text") && entry["text"].is_string()) state.text = entry["text"].get<std::string>();
    if (entry.contains("table") && entry["table"].is_number_unsigned()) {
      const auto index = entry["table"].get<size_t>();
      if (index >= read->size()) return damaged("has no such table");
      state.table = std::move((*read)[index]);
    }
  }
  for (size_t i = 0; i < fitted.states.size(); ++i) {
    if (!IsComplete(fitted.program.nodes[i], fitted.states[i]))
      return damaged(fitted.program.Describe(fitted.program.nodes[i]) + " has learned nothing");
  }
  return fitted;
}

}  // namespace sda::pipeline
