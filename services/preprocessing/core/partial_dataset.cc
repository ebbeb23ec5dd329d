#include "services/preprocessing/core/partial_dataset.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/bad_rows_json.h"
#include "services/preprocessing/core/sealed_json.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

// Raised when fitted state changes its meaning.
constexpr int kFitVersion = 1;

std::string BlocksToBytes(const std::vector<BlockOffsets>& blocks) {
  std::string bytes(blocks.size() * sizeof(BlockOffsets), '\0');
  if (!blocks.empty()) std::memcpy(bytes.data(), blocks.data(), bytes.size());
  return bytes;
}

std::vector<BlockOffsets> BlocksFromBytes(const std::string& bytes) {
  std::vector<BlockOffsets> blocks(bytes.size() / sizeof(BlockOffsets));
  if (!blocks.empty()) std::memcpy(blocks.data(), bytes.data(), blocks.size() * sizeof(BlockOffsets));
  return blocks;
}

absl::Status UnusableFit(std::string_view why) {
  return Unusable(kFitPath, why);
}

// Columns in the form of a manifest, whose reader checks them.
std::string ColumnsToText(const std::vector<ManifestColumn>& columns) {
  DatasetManifest manifest;
  manifest.columns = columns;
  for (const char* split : kSplitNames) manifest.splits[split] = {};
  manifest.options_json = "{}";
  manifest.provenance_json = "{}";
  return ManifestToJson(manifest);
}

absl::Status LoadVocabulary(const ManifestColumn& column, const RunSettings& settings, int64_t share,
                            DatasetOutput& output, Vocabulary& vocabulary) {
  SDA_ASSIGN_OR_RETURN(const auto file, output.Open(column.vocabulary_path));
  SDA_ASSIGN_OR_RETURN(const FileDigest digest, DigestOf(*file));
  if (digest.sha256 != column.vocabulary_sha256) return UnusableFit("names another vocabulary");
  const bool fits = share == 0 || column.table_rows * static_cast<int64_t>(sizeof(ValueCount)) <= share;
  SDA_ASSIGN_OR_RETURN(vocabulary, ReadVocabulary(file, fits, settings.scratch_folder));
  return vocabulary.size() + kFirstValueId == column.table_rows ? absl::OkStatus()
                                                                : UnusableFit("counts other values");
}

}  // namespace

absl::StatusOr<std::map<ShardSet::Key, ManifestShard>> FindShards(
    const std::array<int64_t, kSplits>& split_rows, int64_t shard_rows, DatasetOutput& output) {
  std::map<ShardSet::Key, ManifestShard> shards;
  for (size_t s = 0; s < kSplits; ++s) {
    for (int64_t first = 0; first < split_rows[s]; first += shard_rows) {
      const int64_t shard = first / shard_rows;
      const std::string path = ShardSet::PathOf(static_cast<Split>(s), shard);
      const auto file = output.Open(path);
      if (absl::IsNotFound(file.status())) continue;
      SDA_RETURN_IF_ERROR(file.status());
      SDA_ASSIGN_OR_RETURN(const FileDigest digest, DigestOf(**file));
      shards[{s, shard}] = {path, std::min(shard_rows, split_rows[s] - first), digest.bytes, digest.sha256};
    }
  }
  return shards;
}

std::string PartialKey(const DatasetPlan& plan, const std::string& options_json) {
  Json json = {{"version", kFitVersion},
               {"options", options_json},
               {"test", plan.input.first_test_file},
               {"time_bound", plan.time_bound}};
  for (const InputFile& file : plan.input.files)
    json["files"].push_back({file.path, file.bytes, file.modified_nanos});
  for (const ReadyJoin& join : plan.joins) {
    for (const InputFile& file : join.files)
      json["joins"].push_back({file.path, file.bytes, file.modified_nanos});
  }
  return Sha256Hex(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

absl::Status SaveFit(const std::string& key, const std::vector<ManifestColumn>& columns, const Fit& fit,
                     DatasetOutput& output) {
  const std::string blocks = BlocksToBytes(fit.blocks);
  SDA_RETURN_IF_ERROR(output.Write(kFitBlocksPath, blocks));
  Json json = {{"key", key}, {"rows", fit.rows}, {"blocks_sha256", Sha256Hex(blocks)}};
  for (const SplitCount& split : fit.splits) json["splits"].push_back({split.rows, split.positives});
  json["columns"] = ColumnsToText(columns);
  json["bad_rows"] = BadRowsToJson(fit.bad_rows);
  return output.Write(kFitPath, SealJson(json));
}

absl::StatusOr<PartialDataset> LoadPartial(const std::string& key, const DatasetPlan& plan,
                                           const RunSettings& settings, int64_t table_bytes,
                                           DatasetOutput& output) {
  SDA_ASSIGN_OR_RETURN(const std::string text, output.Read(kFitPath));
  SDA_ASSIGN_OR_RETURN(const Json json, UnsealJson(text, kFitPath));
  if (json.value("key", "") != key) return UnusableFit("is of another job");
  SDA_ASSIGN_OR_RETURN(const std::string blocks, output.Read(kFitBlocksPath));
  if (Sha256Hex(blocks) != json.value("blocks_sha256", "")) return UnusableFit("names other blocks");
  SDA_ASSIGN_OR_RETURN(DatasetManifest manifest, ManifestFromJson(json.value("columns", ""), kFitPath));

  PartialDataset partial;
  partial.fit.rows = json.value("rows", int64_t{0});
  partial.fit.blocks = BlocksFromBytes(blocks);
  const auto splits = json.find("splits");
  if (splits == json.end() || splits->size() != kSplits) return UnusableFit("has no splits");
  for (size_t s = 0; s < kSplits; ++s) partial.fit.splits[s] = {(*splits)[s].at(0), (*splits)[s].at(1)};
  partial.columns = std::move(manifest.columns);
  if (json.contains("bad_rows")) partial.fit.bad_rows = BadRowsFromJson(json["bad_rows"]);
  if (partial.columns.size() != plan.dense.size() + plan.categorical.size())
    return UnusableFit("has other columns");
  const auto columns = static_cast<int64_t>(std::max<size_t>(plan.categorical.size(), 1));
  for (const ManifestColumn& column : partial.columns) {
    if (column.role == ColumnRole::kDense) {
      partial.fit.dense.emplace_back().transform = column.dense;
      continue;
    }
    FittedCategorical& fitted = partial.fit.categorical.emplace_back();
    SDA_RETURN_IF_ERROR(
        LoadVocabulary(column, settings, table_bytes / (2 * columns), output, fitted.vocabulary));
  }
  if (partial.fit.dense.size() != plan.dense.size()) return UnusableFit("has other columns");
  std::array<int64_t, kSplits> split_rows{};
  for (size_t s = 0; s < kSplits; ++s) split_rows[s] = partial.fit.splits[s].rows;
  SDA_ASSIGN_OR_RETURN(partial.shards, FindShards(split_rows, plan.spec.shard_rows, output));
  return partial;
}

}  // namespace sda::preprocessing
