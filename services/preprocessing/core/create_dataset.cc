#include "services/preprocessing/core/create_dataset.h"

#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/encode.h"
#include "services/preprocessing/core/fit.h"
#include "services/preprocessing/core/mlperf_import.h"
#include "services/preprocessing/core/pipeline/create_pipeline_dataset.h"
#include "services/preprocessing/core/spec_json.h"
#include "services/preprocessing/core/vocabulary.h"

namespace sda::preprocessing {
namespace {

// Remembers what was written, to take it back.
class RecordingOutput final : public DatasetOutput {
 public:
  explicit RecordingOutput(DatasetOutput& output) : output_(output) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    {
      const std::lock_guard lock(mutex_);
      written_.push_back(path);
    }
    return output_.Write(path, bytes);
  }

  absl::Status Remove(const std::string& path) override { return output_.Remove(path); }

  // What cannot be removed stays, without a manifest: it is no dataset, and the first error is the one to
  // report.
  void RemoveAll() {
    const std::lock_guard lock(mutex_);
    for (const std::string& path : written_) output_.Remove(path).IgnoreError();
    written_.clear();
  }

 private:
  DatasetOutput& output_;
  std::mutex mutex_;
  std::vector<std::string> written_;  // guarded by mutex_
};

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
  out.table_rows = static_cast<int64_t>(fitted.vocabulary.size()) + kFirstValueId;
  out.frequency_threshold = fitted.threshold;
  out.list_separator = column.list_separator;
  out.list_max_values = column.list_max_values;
  out.missing_rows = fitted.missing;
  out.distinct_count = fitted.distinct;
  out.vocabulary_path = VocabularyPath(column.name, position);
  SDA_ASSIGN_OR_RETURN(const std::string bytes, VocabularyToArrow(fitted.vocabulary));
  out.vocabulary_sha256 = Sha256Hex(bytes);
  SDA_RETURN_IF_ERROR(output.Write(out.vocabulary_path, bytes));
  return out;
}

std::string ProvenanceJson(const DatasetPlan& plan, const RunSettings& settings, absl::Time started,
                           const nlohmann::ordered_json& seconds) {
  nlohmann::ordered_json json;
  json["engine"] = "sda-preprocessing";
  json["threads"] = settings.threads;
  json["create_time"] = absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone());
  json["start_time"] = absl::FormatTime(absl::RFC3339_full, started, absl::UTCTimeZone());
  json["stage_seconds"] = seconds;
  json["inputs"] = nlohmann::ordered_json::array();
  for (size_t i = 0; i < plan.input.files.size(); ++i) {
    const InputFile& file = plan.input.files[i];
    json["inputs"].push_back({{"path", file.path},
                              {"bytes", file.bytes},
                              {"modified_nanos", file.modified_nanos},
                              {"test", static_cast<int>(i) >= plan.input.first_test_file}});
  }
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
absl::StatusOr<DatasetManifest> Publish(DatasetManifest manifest, const DatasetPlan& plan,
                                        const RunSettings& settings, absl::Time started,
                                        const nlohmann::ordered_json& seconds, DatasetOutput& output) {
  manifest.options_json = OptionsToJson(plan.spec, plan);
  manifest.digest = ComputeDatasetDigest(manifest);
  manifest.provenance_json = ProvenanceJson(plan, settings, started, seconds);
  if (settings.stop.stop_requested()) return error::Cancelled();
  SDA_RETURN_IF_ERROR(output.Write(kManifestPath, ManifestToJson(manifest)));
  return manifest;
}

absl::StatusOr<DatasetManifest> CreateByPipeline(const DatasetPlan& plan, const std::string& name,
                                                 const RunSettings& settings, absl::Time started,
                                                 nlohmann::ordered_json seconds, DatasetOutput& output) {
  Stopwatch watch;
  SDA_ASSIGN_OR_RETURN(DatasetManifest manifest, CreatePipelineDataset(plan, settings, output));
  seconds["pipeline"] = watch.Lap();
  manifest.name = name;
  manifest.label_column = plan.column(plan.label).name;
  manifest.positive_values = plan.spec.positive_values;
  return Publish(std::move(manifest), plan, settings, started, seconds, output);
}

absl::StatusOr<DatasetManifest> Create(const DatasetSpec& spec, const std::string& name,
                                       const RunSettings& settings, DatasetOutput& output) {
  const absl::Time started = absl::Now();
  Stopwatch watch;
  nlohmann::ordered_json seconds;
  SDA_ASSIGN_OR_RETURN(const DatasetPlan plan, PlanDataset(spec, settings));
  seconds["plan"] = watch.Lap();
  if (plan.program) return CreateByPipeline(plan, name, settings, started, seconds, output);
  SDA_ASSIGN_OR_RETURN(const Fit fit, FitDataset(plan, settings));
  seconds["fit"] = watch.Lap();

  DatasetManifest manifest;
  manifest.name = name;
  manifest.label_column = plan.column(plan.label).name;
  manifest.positive_values = spec.positive_values;
  if (plan.weight >= 0) manifest.weight_column = plan.column(plan.weight).name;
  for (size_t i = 0; i < plan.dense.size(); ++i) {
    manifest.columns.push_back(DenseColumn(plan.column(plan.dense[i]), fit.dense[i]));
  }
  for (size_t i = 0; i < plan.categorical.size(); ++i) {
    SDA_ASSIGN_OR_RETURN(manifest.columns.emplace_back(),
                         CategoricalColumn(plan.column(plan.categorical[i]), i, fit.categorical[i], output));
  }
  SDA_ASSIGN_OR_RETURN(auto shards, EncodeDataset(plan, fit, settings, output));
  seconds["encode"] = watch.Lap();
  for (size_t s = 0; s < kSplits; ++s) {
    manifest.splits[kSplitNames[s]] = {fit.splits[s].rows, fit.splits[s].positives, std::move(shards[s])};
  }
  return Publish(std::move(manifest), plan, settings, started, seconds, output);
}

}  // namespace

absl::StatusOr<DatasetManifest> CreateDataset(const DatasetSpec& spec, const std::string& name,
                                              const RunSettings& settings, DatasetOutput& output) {
  if (spec.format.kind == FormatSpec::Kind::kMlperf) return ImportMlperf(spec, name, settings, output);
  RecordingOutput recording(output);
  auto manifest = Create(spec, name, settings, recording);
  if (!manifest.ok()) recording.RemoveAll();
  return manifest;
}

}  // namespace sda::preprocessing
