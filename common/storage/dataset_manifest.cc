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

namespace sda {
namespace {

// Keeps the order in which keys were written, so that the text of a manifest is fixed.
using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

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
  json["id_order"] = manifest.id_order;
  json["fit_scope"] = manifest.fit_scope;
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

// Reads one JSON object key by key and remembers which keys it was asked for. Every error names the source
// and the path of the key.
class ObjectReader {
 public:
  ObjectReader(const Json& json, std::string source, std::string path)
      : json_(json), source_(std::move(source)), path_(std::move(path)) {}

  absl::Status Check() const {
    if (json_.is_object()) return absl::OkStatus();
    return Error(path_.empty() ? "document" : path_,
                 absl::StrCat("is ", json_.type_name(), "; must be an object"));
  }

  absl::StatusOr<const Json*> Take(const std::string& key) {
    const auto it = json_.find(key);
    if (it == json_.end()) return Error(PathOf(key), "is missing");
    taken_.insert(key);
    return &*it;
  }

  absl::Status Read(const std::string& key, std::string& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_string()) return WrongType(key, *value, "a string");
    out = value->get<std::string>();
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, bool& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_boolean()) return WrongType(key, *value, "a boolean");
    out = value->get<bool>();
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, double& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_number()) return WrongType(key, *value, "a number");
    out = value->get<double>();
    if (!std::isfinite(out)) return Error(PathOf(key), "is not finite; must be a finite number");
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, std::optional<double>& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    out.reset();
    if (value->is_null()) return absl::OkStatus();
    double number = 0;
    SDA_RETURN_IF_ERROR(Read(key, number));
    out = number;
    return absl::OkStatus();
  }

  // A count: an integer from `least`.
  absl::Status ReadCount(const std::string& key, int64_t least, int64_t& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    const bool too_big = value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX};
    if (!value->is_number_integer() || too_big) return WrongType(key, *value, "a 64-bit integer");
    out = value->get<int64_t>();
    if (out < least) return Error(PathOf(key), absl::StrCat("is ", out, "; must be at least ", least));
    return absl::OkStatus();
  }

  absl::Status Read(const std::string& key, std::vector<std::string>& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_array()) return WrongType(key, *value, "an array of strings");
    out.clear();
    for (const Json& item : *value) {
      if (!item.is_string()) return WrongType(absl::StrCat(key, "[", out.size(), "]"), item, "a string");
      out.push_back(item.get<std::string>());
    }
    return absl::OkStatus();
  }

  // An object, as compact text.
  absl::Status ReadObjectText(const std::string& key, std::string& out) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_object()) return WrongType(key, *value, "an object");
    out = value->dump();
    return absl::OkStatus();
  }

  absl::StatusOr<ObjectReader> Child(const std::string& key) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    ObjectReader child(*value, source_, PathOf(key));
    SDA_RETURN_IF_ERROR(child.Check());
    return child;
  }

  absl::StatusOr<std::vector<ObjectReader>> Children(const std::string& key) {
    SDA_ASSIGN_OR_RETURN(const Json* value, Take(key));
    if (!value->is_array()) return WrongType(key, *value, "an array of objects");
    std::vector<ObjectReader> children;
    for (const Json& item : *value) {
      children.emplace_back(item, source_, absl::StrCat(PathOf(key), "[", children.size(), "]"));
      SDA_RETURN_IF_ERROR(children.back().Check());
    }
    return children;
  }

  // To be called last: a key nobody asked for is an error.
  absl::Status Finish() const {
    for (const auto& item : json_.items()) {
      if (!taken_.contains(item.key())) return Error(PathOf(item.key()), "is not a known key");
    }
    return absl::OkStatus();
  }

  absl::Status Error(std::string_view path, std::string_view rule) const {
    return Annotate(InvalidField(path, rule), source_);
  }

  std::string PathOf(const std::string& key) const {
    return path_.empty() ? key : absl::StrCat(path_, ".", key);
  }

  const Json& json() const { return json_; }

 private:
  absl::Status WrongType(const std::string& key, const Json& value, const char* wanted) const {
    return Error(PathOf(key), absl::StrCat("is ", value.dump().substr(0, 80), "; must be ", wanted));
  }

  const Json& json_;
  std::string source_;
  std::string path_;
  std::set<std::string> taken_;
};

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
  SDA_RETURN_IF_ERROR(reader.ReadCount("table_rows", 2, column.table_rows));
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
  SDA_RETURN_IF_ERROR(reader.Read("id_order", manifest.id_order));
  SDA_RETURN_IF_ERROR(reader.Read("fit_scope", manifest.fit_scope));
  SDA_RETURN_IF_ERROR(ReadPipeline(reader, manifest));
  SDA_RETURN_IF_ERROR(ReadColumns(reader, manifest));
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
