#ifndef SDA_SERVICES_PREPROCESSING_CORE_PARTIAL_DATASET_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PARTIAL_DATASET_H_

#include <array>
#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/fit.h"
#include "services/preprocessing/core/run_settings.h"
#include "services/preprocessing/core/shard_set.h"

namespace sda::preprocessing {

// What a job leaves for the next attempt when its process is killed: the fitted state, published whole behind
// the vocabularies it names, and each shard, published whole once it is finished.

inline constexpr char kFitPath[] = "fit/state.json";
inline constexpr char kFitBlocksPath[] = "fit/blocks.bin";

// A dataset of which the fit is done.
struct PartialDataset {
  std::vector<ManifestColumn> columns;
  Fit fit;
  std::map<ShardSet::Key, ManifestShard> shards;
};

// Publishes columns and counts of a fit, for plan and options that `key` stands for.
absl::Status SaveFit(const std::string& key, const std::vector<ManifestColumn>& columns, const Fit& fit,
                     DatasetOutput& output);

// The fit that SaveFit published with the same key, its vocabularies, and the shards written since. NOT_FOUND
// where there is none; any other error means that the attempt cannot be used.
absl::StatusOr<PartialDataset> LoadPartial(const std::string& key, const DatasetPlan& plan,
                                           const RunSettings& settings, int64_t table_bytes,
                                           DatasetOutput& output);

// The shards of splits with so many rows that an earlier attempt finished.
absl::StatusOr<std::map<ShardSet::Key, ManifestShard>> FindShards(
    const std::array<int64_t, kSplits>& split_rows, int64_t shard_rows, DatasetOutput& output);

// Stands for everything that decides what a dataset becomes: version of the code's format, input files with
// their sizes and times, and options.
std::string PartialKey(const DatasetPlan& plan, const std::string& options_json);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PARTIAL_DATASET_H_
