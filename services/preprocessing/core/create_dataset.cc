#include "services/preprocessing/core/create_dataset.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/bad_rows_json.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/encode.h"
#include "services/preprocessing/core/fit.h"
#include "services/preprocessing/core/inputs_json.h"
#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/mlperf_import.h"
#include "services/preprocessing/core/partial_dataset.h"
#include "services/preprocessing/core/pipeline/create_pipeline_dataset.h"
#include "services/preprocessing/core/recording_output.h"
#include "services/preprocessing/core/spec_json.h"
#include "services/preprocessing/core/vocabulary.h"

namespace sda::preprocessing {
namespace {

// File names for column names: letters, digits, "-" and "_" stay, the position makes them unique.
std::string VocabularyPath(const std::string& column, size_t position) {
  std::string name;
  bool same = true;
  for (const char c : column) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    name.push_back(plain ? c : '_');
    same = same && plain;
  }
  constexpr size_t kLongest = 80;
  if (!same || name.empty() || name.size() > kLongest)
    name = absl::StrCat(name.substr(0, kLongest), ".", position);
  return absl::StrCat("vocabularies/", name, ".arrow");
}

ManifestColumn DenseColumn(const Column& column, const FittedDense& fitted) {
  ManifestColumn out;
  out.name = column.name;
  out.role = ColumnRole::kDense;
  out.dense = fitted.transform;
  out.missing_rows = fitted.missing;
  out.distinct_count = fitted.distinct;
  out.raw_min = fitted.min;
  out.raw_max = fitted.max;
  out.raw_mean = fitted.mean;
  out.raw_stddev = fitted.stddev;
  return out;
}

absl::StatusOr<ManifestColumn> CategoricalColumn(const Column& column, size_t position,
                                                 const FittedCategorical& fitted, DatasetOutput& output) {
  ManifestColumn out;
  out.name = column.name;
  out.role = ColumnRole::kCategorical;
  out.table_rows = fitted.vocabulary.size() + kFirstValueId;
  out.frequency_threshold = fitted.threshold;
  out.list_separator = column.list_separator;
  out.list_max_values = column.list_max_values;
  out.missing_rows = fitted.missing;
  out.distinct_count = fitted.distinct;
  out.vocabulary_path = VocabularyPath(column.name, position);
  SDA_ASSIGN_OR_RETURN(const auto writer, output.Create(out.vocabulary_path));
  SDA_ASSIGN_OR_RETURN(out.vocabulary_sha256, WriteVocabulary(fitted.vocabulary, *writer));
  return out;
}

std::string ProvenanceJson(const DatasetPlan& plan, const RunSettings& settings, absl::Time started,
                           size_t resumed_shards, const BadRows& bad_rows,
                           const nlohmann::ordered_json& seconds) {
  nlohmann::ordered_json json;
  json["engine"] = "sda-preprocessing";
  json["threads"] = settings.threads;
  if (plan.input.rules) json["bad_rows"] = BadRowsToJson(bad_rows);
  if (resumed_shards > 0) json["resumed_shards"] = resumed_shards;
  json["create_time"] = absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone());
  json["start_time"] = absl::FormatTime(absl::RFC3339_full, started, absl::UTCTimeZone());
  json["stage_seconds"] = seconds;
  json["inputs"] = InputsToJson(plan);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class Stopwatch {
 public:
  // Seconds since the last call, or since construction.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Writes the manifest, with which the dataset exists.
absl::StatusOr<DatasetManifest> Publish(DatasetManifest manifest, std::string provenance_json,
                                        const RunSettings& settings, DatasetOutput& output) {
  manifest.digest = ComputeDatasetDigest(manifest);
  manifest.provenance_json = std::move(provenance_json);
  if (settings.stop.stop_requested()) return error::Cancelled();
  SDA_RETURN_IF_ERROR(output.Write(kManifestPath, ManifestToJson(manifest)));
  return manifest;
}

absl::StatusOr<DatasetManifest> CreateByPipeline(const DatasetPlan& plan, const std::string& name,
                                                 const RunSettings& settings, absl::Time started,
                                                 nlohmann::ordered_json seconds, RecordingOutput& output) {
  Stopwatch watch;
  const std::string options = OptionsToJson(plan.spec, plan);
  SDA_ASSIGN_OR_RETURN(PipelineDataset made,
                       CreatePipelineDataset(plan, PartialKey(plan, options), settings, output));
  seconds["pipeline"] = watch.Lap();
  made.manifest.name = name;
  made.manifest.label_column = plan.column(plan.label).name;
  made.manifest.positive_values = plan.spec.positive_values;
  made.manifest.options_json = options;
  SDA_ASSIGN_OR_RETURN(
      DatasetManifest manifest,
      Publish(std::move(made.manifest),
              ProvenanceJson(plan, settings, started, made.resumed_shards, made.bad_rows, seconds), settings,
              output));
  // Of no use beside a manifest; a leftover does no harm.
  for (const std::string& path : made.saved) output.Remove(path).IgnoreError();
  return manifest;
}

// The first pass, and its results published, so that another attempt need not repeat it.
absl::StatusOr<PartialDataset> FitAndSave(const DatasetPlan& plan, const std::string& key,
                                          const RunSettings& settings, int64_t table_bytes,
                                          DatasetOutput& output) {
  PartialDataset partial;
  SDA_ASSIGN_OR_RETURN(partial.fit, FitDataset(plan, settings, table_bytes));
  for (size_t i = 0; i < plan.dense.size(); ++i) {
    partial.columns.push_back(DenseColumn(plan.column(plan.dense[i]), partial.fit.dense[i]));
  }
  for (size_t i = 0; i < plan.categorical.size(); ++i) {
    SDA_ASSIGN_OR_RETURN(
        partial.columns.emplace_back(),
        CategoricalColumn(plan.column(plan.categorical[i]), i, partial.fit.categorical[i], output));
  }
  SDA_RETURN_IF_ERROR(SaveFit(key, partial.columns, partial.fit, output));
  return partial;
}

// What an earlier attempt left, if it can be used; its files go with those of this attempt.
absl::StatusOr<PartialDataset> FitOrResume(const DatasetPlan& plan, const std::string& key,
                                           const RunSettings& settings, int64_t table_bytes,
                                           RecordingOutput& output) {
  auto partial = LoadPartial(key, plan, settings, table_bytes, output);
  if (!partial.ok()) {
    SDA_RETURN_IF_ERROR(output.Clear());
    return FitAndSave(plan, key, settings, table_bytes, output);
  }
  for (const char* path : {kFitPath, kFitBlocksPath}) output.Remember(path);
  for (const ManifestColumn& column : partial->columns) {
    if (!column.vocabulary_path.empty()) output.Remember(column.vocabulary_path);
  }
  for (const auto& [where, shard] : partial->shards) output.Remember(shard.path);
  return partial;
}

absl::StatusOr<DatasetManifest> Create(const DatasetSpec& spec, const std::string& name,
                                       const RunSettings& settings, RecordingOutput& output) {
  const absl::Time started = absl::Now();
  Stopwatch watch;
  nlohmann::ordered_json seconds;
  SDA_ASSIGN_OR_RETURN(const DatasetPlan plan, PlanDataset(spec, settings));
  seconds["plan"] = watch.Lap();
  if (plan.program) return CreateByPipeline(plan, name, settings, started, seconds, output);
  SDA_ASSIGN_OR_RETURN(const int64_t table_bytes, TableMemory(plan, settings));

  DatasetManifest manifest;
  manifest.name = name;
  manifest.label_column = plan.column(plan.label).name;
  manifest.positive_values = spec.positive_values;
  if (plan.weight >= 0) manifest.weight_column = plan.column(plan.weight).name;
  manifest.options_json = OptionsToJson(spec, plan);
  const std::string key = PartialKey(plan, manifest.options_json);
  SDA_ASSIGN_OR_RETURN(PartialDataset partial, FitOrResume(plan, key, settings, table_bytes, output));
  const size_t resumed_shards = partial.shards.size();
  manifest.columns = std::move(partial.columns);
  ReleaseFreeMemory(settings);
  seconds["fit"] = watch.Lap();

  SDA_ASSIGN_OR_RETURN(auto shards, EncodeDataset(plan, partial.fit, settings, table_bytes,
                                                  std::move(partial.shards), output));
  seconds["encode"] = watch.Lap();
  for (size_t s = 0; s < kSplits; ++s) {
    const SplitCount& count = partial.fit.splits[s];
    manifest.splits[kSplitNames[s]] = {count.rows, count.positives, std::move(shards[s])};
  }
  SDA_ASSIGN_OR_RETURN(manifest, Publish(std::move(manifest),
                                         ProvenanceJson(plan, settings, started, resumed_shards,
                                                        partial.fit.bad_rows, seconds),
                                         settings, output));
  // Of no use beside a manifest; a leftover does no harm.
  for (const char* path : {kFitPath, kFitBlocksPath}) output.Remove(path).IgnoreError();
  return manifest;
}

}  // namespace

absl::StatusOr<DatasetManifest> CreateDataset(const DatasetSpec& spec, const std::string& name,
                                              const RunSettings& settings, DatasetOutput& output) {
  if (spec.format.kind == FormatSpec::Kind::kMlperf) return ImportMlperf(spec, name, settings, output);
  RecordingOutput recording(output);
  auto manifest = Create(spec, name, settings, recording);
  const bool keeps =
      absl::IsCancelled(manifest.status()) && settings.keeps_partial && settings.keeps_partial();
  if (!manifest.ok() && !keeps) recording.RemoveAll();
  return manifest;
}

}  // namespace sda::preprocessing
