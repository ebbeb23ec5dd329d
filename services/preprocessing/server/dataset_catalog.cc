#include "services/preprocessing/server/dataset_catalog.h"

#include <algorithm>
#include <map>
#include <string_view>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <google/protobuf/util/time_util.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/pipeline/fitted_pipeline.h"
#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/artefact_output.h"
#include "services/preprocessing/core/bad_rows_json.h"
#include "services/preprocessing/server/resource_names.h"
#include "services/preprocessing/server/spec_converter.h"

namespace sda::preprocessing {
namespace {

absl::Status DatasetNotFound(const std::string& dataset) {
  return MakeError(
      absl::StatusCode::kNotFound, absl::StrCat("there is no dataset ", DatasetName(dataset)),
      {.reason = "DATASET_NOT_FOUND", .metadata = {{"dataset", DatasetName(dataset)}}, .violations = {}});
}

std::string CreateTime(const std::string& provenance_json) {
  const auto json = nlohmann::json::parse(provenance_json, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("create_time") && json["create_time"].is_string()
             ? json["create_time"].get<std::string>()
             : "";
}

void SplitsToProto(const DatasetManifest& manifest, v1::Profile& profile) {
  for (const auto& [name, split] : manifest.splits) {
    v1::SplitProfile& proto = (*profile.mutable_splits())[name];
    proto.set_rows_count(split.rows);
    proto.set_positive_rows_count(split.positive_rows);
    int64_t bytes = 0;
    for (const ManifestShard& shard : split.shards) bytes += shard.bytes;
    proto.set_size_bytes(bytes);
  }
}

void BadRowsToProto(const std::string& provenance_json, v1::Profile& profile) {
  const auto json = nlohmann::ordered_json::parse(provenance_json, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("bad_rows")) return;
  const BadRows bad = BadRowsFromJson(json["bad_rows"]);
  for (const auto& [reason, count] : bad.counts) (*profile.mutable_bad_rows())[reason] = count;
  for (const BadRowExample& example : bad.examples) {
    v1::BadRow& proto = *profile.add_bad_row_examples();
    proto.set_file(ToValidUtf8(example.file));
    proto.set_line(example.line);
    proto.set_column(example.column);
    proto.set_reason(example.reason);
    proto.set_rule(example.rule);
  }
}

void ColumnsToProto(const DatasetManifest& manifest, const v1::DatasetSpec& spec, v1::Profile& profile) {
  std::map<std::string, std::string> reasons;
  for (const v1::ColumnSpec& column : spec.columns()) reasons[column.name()] = column.reason();
  for (const ManifestColumn& column : manifest.columns) {
    v1::ColumnProfile& proto = *profile.add_columns();
    proto.set_name(column.name);
    const bool dense = column.role == ColumnRole::kDense;
    proto.set_role(dense ? v1::ColumnSpec::ROLE_DENSE : v1::ColumnSpec::ROLE_CATEGORICAL);
    proto.set_missing_rows_count(column.missing_rows);
    proto.set_distinct_count(column.distinct_count);
    if (!dense) proto.set_table_rows_count(column.table_rows);
    if (column.raw_min) proto.set_min(*column.raw_min);
    if (column.raw_max) proto.set_max(*column.raw_max);
    if (column.raw_mean) proto.set_mean(*column.raw_mean);
    if (column.raw_stddev) proto.set_stddev(*column.raw_stddev);
    proto.set_reason(reasons[column.name]);
    proto.set_log(dense && column.dense.log);
  }
}

}  // namespace

absl::StatusOr<bool> DatasetCatalog::Exists(const std::string& dataset) const {
  return store_.Exists(ManifestPath(dataset));
}

absl::StatusOr<v1::Dataset> DatasetCatalog::Get(const std::string& dataset) const {
  const std::string path = ManifestPath(dataset);
  const auto bytes = store_.Read(path);
  if (absl::IsNotFound(bytes.status())) return DatasetNotFound(dataset);
  SDA_RETURN_IF_ERROR(bytes.status());
  const auto manifest = ManifestFromJson(*bytes, path);
  if (!manifest.ok()) return absl::DataLossError(manifest.status().message());
  v1::Dataset proto;
  proto.set_name(DatasetName(dataset));
  proto.set_manifest_uri(path);
  proto.set_manifest_sha256(Sha256Hex(*bytes));
  proto.set_digest(manifest->digest);
  SDA_ASSIGN_OR_RETURN(*proto.mutable_spec(), SpecFromOptions(manifest->options_json, path));
  SplitsToProto(*manifest, *proto.mutable_profile());
  ColumnsToProto(*manifest, proto.spec(), *proto.mutable_profile());
  BadRowsToProto(manifest->provenance_json, *proto.mutable_profile());
  google::protobuf::util::TimeUtil::FromString(CreateTime(manifest->provenance_json),
                                               proto.mutable_create_time());
  return proto;
}

absl::StatusOr<DatasetCatalog::Page> DatasetCatalog::List(const std::string& after, int limit) const {
  SDA_ASSIGN_OR_RETURN(const std::vector<std::string> ids, store_.ListFolders("datasets"));
  Page page;
  for (auto id = std::upper_bound(ids.begin(), ids.end(), after); id != ids.end(); ++id) {
    if (!CheckDatasetId("", *id).ok()) continue;  // not ours
    SDA_ASSIGN_OR_RETURN(const bool exists, Exists(*id));
    if (!exists) continue;
    if (static_cast<int>(page.datasets.size()) == limit) {
      page.more = true;
      break;
    }
    auto dataset = Get(*id);
    if (absl::IsNotFound(dataset.status())) continue;  // removed meanwhile
    SDA_RETURN_IF_ERROR(dataset.status());
    page.datasets.push_back(*std::move(dataset));
  }
  return page;
}

absl::Status DatasetCatalog::RemoveFiles(const std::string& dataset) const {
  return ArtefactOutput(store_, DatasetName(dataset)).Clear();
}

}  // namespace sda::preprocessing
