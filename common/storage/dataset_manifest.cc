#include "common/storage/dataset_manifest.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/object_reader.h"

namespace sda {
namespace {

// Keeps the order in which keys were written, so that the text of a manifest is fixed.
using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;
constexpr char kMlperfBinaryName[] = "mlperf_binary";

// ---- writing ----

Json DenseToJson(const ManifestColumn& column) {
  return {{"fill_value", column.dense.fill_value},
          {"log", column.dense.log},
          {"mean", column.dense.mean},
          {"scale", column.dense.scale}};
}

Json OptionalToJson(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// `with_paths` is false for the digest: where a file lies does not make a dataset another one.
Json ColumnToJson(const ManifestColumn& column, bool with_paths) {
  Json json;
  json["name"] = column.name;
  if (column.role == ColumnRole::kDense) {
    json["role"] = "dense";
    json["transform"] = DenseToJson(column);
  } else {
    json["role"] = "categorical";
    json["table_rows"] = column.table_rows;
    json["frequency_threshold"] = column.frequency_threshold;
    if (with_paths) json["vocabulary_path"] = column.vocabulary_path;
    json["vocabulary_sha256"] = column.vocabulary_sha256;
    // Left out of plain columns, whose text and digest stay what they were before there were lists.
    if (column.is_list()) {
      json["list_separator"] = column.list_separator;
      json["list_max_values"] = column.list_max_values;
    }
  }
  json["missing_rows"] = column.missing_rows;
  json["distinct_count"] = column.distinct_count;
  if (column.role == ColumnRole::kDense) {
    json["raw_min"] = OptionalToJson(column.raw_min);
    json["raw_max"] = OptionalToJson(column.raw_max);
    json["raw_mean"] = OptionalToJson(column.raw_mean);
    json["raw_stddev"] = OptionalToJson(column.raw_stddev);
  }
  return json;
}

Json ShardToJson(const ManifestShard& shard, bool with_paths) {
  Json json;
  if (with_paths) json["path"] = shard.path;
  if (with_paths && shard.first_row > 0) json["first_row"] = shard.first_row;
  json["rows"] = shard.rows;
  json["bytes"] = shard.bytes;
  json["sha256"] = shard.sha256;
  return json;
}

Json ExportToJson(const ManifestExport& file, bool with_paths) {
  Json json;
  json["kind"] = file.kind;
  json["split"] = file.split;
  if (with_paths) json["path"] = file.path;
  json["rows"] = file.rows;
  json["bytes"] = file.bytes;
  json["sha256"] = file.sha256;
  return json;
}

Json SplitToJson(const ManifestSplit& split, bool with_paths) {
  Json json;
  json["rows"] = split.rows;
  json["positive_rows"] = split.positive_rows;
  json["shards"] = Json::array();
  for (const ManifestShard& shard : split.shards) json["shards"].push_back(ShardToJson(shard, with_paths));
  return json;
}

// Everything that the digest covers.
Json ContentToJson(const DatasetManifest& manifest, bool with_paths) {
  Json json;
  json["label_column"] = manifest.label_column;
  json["positive_values"] = manifest.positive_values;
  if (!manifest.weight_column.empty()) json["weight_column"] = manifest.weight_column;
  json["id_order"] = manifest.id_order;
  json["fit_scope"] = manifest.fit_scope;
  if (manifest.shard_format == ShardFormat::kMlperfBinary) {
    json["shard_format"] = kMlperfBinaryName;
    json["max_ind_range"] = manifest.max_ind_range;
  }
  json["columns"] = Json::array();
  for (const ManifestColumn& column : manifest.columns) {
    json["columns"].push_back(ColumnToJson(column, with_paths));
  }
  if (!manifest.pipeline_path.empty()) {
    if (with_paths) json["pipeline_path"] = manifest.pipeline_path;
    json["pipeline_sha256"] = manifest.pipeline_sha256;
  }
  for (const ManifestExport& file : manifest.exports)
    json["exports"].push_back(ExportToJson(file, with_paths));
  json["splits"] = Json::object();
  for (const auto& [name, split] : manifest.splits) json["splits"][name] = SplitToJson(split, with_paths);
  return json;
}

// Text that is not a JSON object cannot be embedded; it is kept as an empty object.
Json EmbeddedObject(const std::string& text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json::object();
}

// ---- reading ----

// Objects and lists inside one another; options and provenance, which may hold anything, have a few.
constexpr int kMaxDepth = 64;

// What lies deeper would be followed by recursion, to the end of the stack.
bool IsTooDeep(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      if (++depth > kMaxDepth) return true;
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

absl::StatusOr<DenseTransform> ReadTransform(ObjectReader reader) {
  DenseTransform transform;
  SDA_RETURN_IF_ERROR(reader.Read("fill_value", transform.fill_value));
  SDA_RETURN_IF_ERROR(reader.Read("log", transform.log));
  SDA_RETURN_IF_ERROR(reader.Read("mean", transform.mean));
  SDA_RETURN_IF_ERROR(reader.Read("scale", transform.scale));
  if (!(transform.scale > 0)) {
    return reader.Error(reader.PathOf("scale"), absl::StrCat("is ", transform.scale, "; must be above 0"));
  }
  SDA_RETURN_IF_ERROR(reader.Finish());
  return transform;
}

absl::Status ReadDenseColumn(ObjectReader& reader, ManifestColumn& column) {
  SDA_ASSIGN_OR_RETURN(ObjectReader transform, reader.Child("transform"));
  SDA_ASSIGN_OR_RETURN(column.dense, ReadTransform(std::move(transform)));
  SDA_RETURN_IF_ERROR(reader.Read("raw_min", column.raw_min));
  SDA_RETURN_IF_ERROR(reader.Read("raw_max", column.raw_max));
  SDA_RETURN_IF_ERROR(reader.Read("raw_mean", column.raw_mean));
  return reader.Read("raw_stddev", column.raw_stddev);
}

absl::Status ReadCategoricalColumn(ObjectReader& reader, ManifestColumn& column) {
  // A table of a binary file may have a single row: nothing is reserved there.
  SDA_RETURN_IF_ERROR(reader.ReadCount("table_rows", 1, column.table_rows));
  SDA_RETURN_IF_ERROR(reader.ReadCount("frequency_threshold", 1, column.frequency_threshold));
  SDA_RETURN_IF_ERROR(reader.Read("vocabulary_path", column.vocabulary_path));
  SDA_RETURN_IF_ERROR(reader.Read("vocabulary_sha256", column.vocabulary_sha256));
  if (!reader.json().contains("list_separator")) return absl::OkStatus();
  SDA_RETURN_IF_ERROR(reader.Read("list_separator", column.list_separator));
  if (!column.is_list()) {
    return reader.Error(reader.PathOf("list_separator"), "is empty; a column without lists has no such key");
  }
  return reader.ReadCount("list_max_values", 0, column.list_max_values);
}

absl::StatusOr<ManifestColumn> ReadColumn(ObjectReader& reader) {
  ManifestColumn column;
  std::string role;
  SDA_RETURN_IF_ERROR(reader.Read("name", column.name));
  SDA_RETURN_IF_ERROR(reader.Read("role", role));
  if (role == "dense") {
    column.role = ColumnRole::kDense;
    SDA_RETURN_IF_ERROR(ReadDenseColumn(reader, column));
  } else if (role == "categorical") {
    column.role = ColumnRole::kCategorical;
    SDA_RETURN_IF_ERROR(ReadCategoricalColumn(reader, column));
  } else {
    return reader.Error(reader.PathOf("role"),
                        absl::StrCat("is \"", role, "\"; must be dense or categorical"));
  }
  SDA_RETURN_IF_ERROR(reader.ReadCount("missing_rows", 0, column.missing_rows));
  SDA_RETURN_IF_ERROR(reader.ReadCount("distinct_count", 0, column.distinct_count));
  SDA_RETURN_IF_ERROR(reader.Finish());
  return column;
}

absl::StatusOr<ManifestShard> ReadShard(ObjectReader& reader) {
  ManifestShard shard;
  SDA_RETURN_IF_ERROR(reader.Read("path", shard.path));
  if (reader.json().contains("first_row"))
    SDA_RETURN_IF_ERROR(reader.ReadCount("first_row", 1, shard.first_row));
  SDA_RETURN_IF_ERROR(reader.ReadCount("rows", 1, shard.rows));
  SDA_RETURN_IF_ERROR(reader.ReadCount("bytes", 1, shard.bytes));
  SDA_RETURN_IF_ERROR(reader.Read("sha256", shard.sha256));
  SDA_RETURN_IF_ERROR(reader.Finish());
  return shard;
}

absl::StatusOr<ManifestExport> ReadExport(ObjectReader& reader) {
  ManifestExport file;
  SDA_RETURN_IF_ERROR(reader.Read("kind", file.kind));
  SDA_RETURN_IF_ERROR(reader.Read("split", file.split));
  SDA_RETURN_IF_ERROR(reader.Read("path", file.path));
  SDA_RETURN_IF_ERROR(reader.ReadCount("rows", 1, file.rows));
  SDA_RETURN_IF_ERROR(reader.ReadCount("bytes", 1, file.bytes));
  SDA_RETURN_IF_ERROR(reader.Read("sha256", file.sha256));
  SDA_RETURN_IF_ERROR(reader.Finish());
  return file;
}

// What only datasets made by a pipeline have.
absl::Status ReadPipeline(ObjectReader& reader, DatasetManifest& manifest) {
  if (reader.json().contains("pipeline_path")) {
    SDA_RETURN_IF_ERROR(reader.Read("pipeline_path", manifest.pipeline_path));
    if (manifest.pipeline_path.empty())
      return reader.Error("pipeline_path", "is empty; must be left out then");
    SDA_RETURN_IF_ERROR(reader.Read("pipeline_sha256", manifest.pipeline_sha256));
  }
  if (!reader.json().contains("exports")) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(std::vector<ObjectReader> exports, reader.Children("exports"));
  for (ObjectReader& item : exports) {
    SDA_ASSIGN_OR_RETURN(ManifestExport file, ReadExport(item));
    manifest.exports.push_back(std::move(file));
  }
  return absl::OkStatus();
}

absl::StatusOr<ManifestSplit> ReadSplit(ObjectReader& reader) {
  ManifestSplit split;
  SDA_RETURN_IF_ERROR(reader.ReadCount("rows", 0, split.rows));
  SDA_RETURN_IF_ERROR(reader.ReadCount("positive_rows", 0, split.positive_rows));
  if (split.positive_rows > split.rows) {
    return reader.Error(reader.PathOf("positive_rows"),
                        absl::StrCat("is ", split.positive_rows, "; must be at most rows, ", split.rows));
  }
  SDA_ASSIGN_OR_RETURN(std::vector<ObjectReader> shards, reader.Children("shards"));
  int64_t rows = 0;
  for (ObjectReader& item : shards) {
    SDA_ASSIGN_OR_RETURN(ManifestShard shard, ReadShard(item));
    rows += shard.rows;
    split.shards.push_back(std::move(shard));
  }
  if (rows != split.rows) {
    return reader.Error(reader.PathOf("rows"),
                        absl::StrCat("is ", split.rows, "; must be the sum over the shards, ", rows));
  }
  SDA_RETURN_IF_ERROR(reader.Finish());
  return split;
}

absl::Status ReadSplits(ObjectReader& reader, DatasetManifest& manifest) {
  SDA_ASSIGN_OR_RETURN(ObjectReader splits, reader.Child("splits"));
  for (const char* name : {"train", "validation", "test"}) {
    SDA_ASSIGN_OR_RETURN(ObjectReader split, splits.Child(name));
    SDA_ASSIGN_OR_RETURN(manifest.splits[name], ReadSplit(split));
  }
  return splits.Finish();
}

absl::Status ReadShardFormat(ObjectReader& reader, DatasetManifest& manifest) {
  std::string format;
  SDA_RETURN_IF_ERROR(reader.Read("shard_format", format));
  if (format != kMlperfBinaryName) {
    return reader.Error("shard_format",
                        absl::StrCat("is \"", format, "\"; must be ", kMlperfBinaryName, " or left out"));
  }
  manifest.shard_format = ShardFormat::kMlperfBinary;
  return reader.ReadCount("max_ind_range", 0, manifest.max_ind_range);
}

absl::Status CheckBinaryColumns(const ObjectReader& reader, const DatasetManifest& manifest) {
  int64_t dense = 0, tables = 0;
  bool plain = true;
  for (size_t i = 0; i < manifest.columns.size(); ++i) {
    const ManifestColumn& column = manifest.columns[i];
    (column.role == ColumnRole::kDense ? dense : tables) += 1;
    plain = plain && !column.is_list();
    if (column.role == ColumnRole::kCategorical && column.table_rows < 2 &&
        manifest.shard_format == ShardFormat::kArrow) {
      return reader.Error(absl::StrCat("columns[", i, "].table_rows"),
                          absl::StrCat("is ", column.table_rows, "; must be at least 2"));
    }
  }
  if (manifest.shard_format == ShardFormat::kArrow) return absl::OkStatus();
  if (plain && dense == kMlperfDenseColumns && tables == kMlperfTables && manifest.weight_column.empty())
    return absl::OkStatus();
  return reader.Error("columns", absl::StrCat("are ", dense, " dense and ", tables, " categorical ones; ",
                                              kMlperfBinaryName, " has ", kMlperfDenseColumns, " and ",
                                              kMlperfTables, ", without lists and weights"));
}

absl::Status ReadColumns(ObjectReader& reader, DatasetManifest& manifest) {
  SDA_ASSIGN_OR_RETURN(std::vector<ObjectReader> columns, reader.Children("columns"));
  std::set<std::string> names;
  for (ObjectReader& item : columns) {
    SDA_ASSIGN_OR_RETURN(ManifestColumn column, ReadColumn(item));
    if (!names.insert(column.name).second) {
      return item.Error(item.PathOf("name"), absl::StrCat("is \"", column.name, "\"; must be unique"));
    }
    const bool after_categorical =
        !manifest.columns.empty() && manifest.columns.back().role == ColumnRole::kCategorical;
    if (column.role == ColumnRole::kDense && after_categorical) {
      return item.Error(item.PathOf("role"), "is dense after a categorical column; dense columns come first");
    }
    manifest.columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ManifestToJson(const DatasetManifest& manifest) {
  Json json;
  json["format_version"] = manifest.format_version;
  json["name"] = manifest.name;
  json["digest"] = manifest.digest;
  const Json content = ContentToJson(manifest, /*with_paths=*/true);
  for (const auto& item : content.items()) json[item.key()] = item.value();
  json["options"] = EmbeddedObject(manifest.options_json);
  json["provenance"] = EmbeddedObject(manifest.provenance_json);
  // Text that is not UTF-8 (a path, say) must not make the manifest unwritable.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<DatasetManifest> ManifestFromJson(std::string_view json, std::string_view source) {
  if (IsTooDeep(json))
    return Annotate(InvalidField("document", absl::StrCat("nests deeper than ", kMaxDepth)), source);
  const Json document = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return Annotate(InvalidField("document", "is not valid JSON"), source);
  }
  ObjectReader reader(document, std::string(source), "");
  SDA_RETURN_IF_ERROR(reader.Check());

  DatasetManifest manifest;
  int64_t version = 0;
  SDA_RETURN_IF_ERROR(reader.ReadCount("format_version", 1, version));
  if (version != kFormatVersion) {
    return reader.Error("format_version",
                        absl::StrCat("is ", version, "; this version reads ", kFormatVersion));
  }
  manifest.format_version = static_cast<int>(version);
  SDA_RETURN_IF_ERROR(reader.Read("name", manifest.name));
  SDA_RETURN_IF_ERROR(reader.Read("digest", manifest.digest));
  SDA_RETURN_IF_ERROR(reader.Read("label_column", manifest.label_column));
  SDA_RETURN_IF_ERROR(reader.Read("positive_values", manifest.positive_values));
  if (document.contains("weight_column"))
    SDA_RETURN_IF_ERROR(reader.Read("weight_column", manifest.weight_column));
  SDA_RETURN_IF_ERROR(reader.Read("id_order", manifest.id_order));
  SDA_RETURN_IF_ERROR(reader.Read("fit_scope", manifest.fit_scope));
  SDA_RETURN_IF_ERROR(ReadPipeline(reader, manifest));
  if (document.contains("shard_format")) SDA_RETURN_IF_ERROR(ReadShardFormat(reader, manifest));
  SDA_RETURN_IF_ERROR(ReadColumns(reader, manifest));
  SDA_RETURN_IF_ERROR(CheckBinaryColumns(reader, manifest));
  SDA_RETURN_IF_ERROR(ReadSplits(reader, manifest));
  SDA_RETURN_IF_ERROR(reader.ReadObjectText("options", manifest.options_json));
  SDA_RETURN_IF_ERROR(reader.ReadObjectText("provenance", manifest.provenance_json));
  SDA_RETURN_IF_ERROR(reader.Finish());
  return manifest;
}

std::string ComputeDatasetDigest(const DatasetManifest& manifest) {
  return Sha256Hex(
      ContentToJson(manifest, /*with_paths=*/false).dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace sda
