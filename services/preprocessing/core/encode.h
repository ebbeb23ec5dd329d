#ifndef SDA_SERVICES_PREPROCESSING_CORE_ENCODE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ENCODE_H_

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/fit.h"
#include "services/preprocessing/core/shard_set.h"

namespace sda::preprocessing {

using SplitShards = std::array<std::vector<ManifestShard>, kSplits>;

// The second pass: every row through the fitted state into the shards of its split. Returns the shards of
// each split, with those in `finished`, which an earlier attempt wrote and which are left alone. Vocabularies
// are released on the way. Where their tables exceed `table_bytes` (0: no limit), passes before note ids on
// disk. On an error some shards may have been written.
absl::StatusOr<SplitShards> EncodeDataset(const DatasetPlan& plan, Fit& fit, const RunSettings& settings,
                                          int64_t table_bytes,
                                          std::map<ShardSet::Key, ManifestShard> finished,
                                          DatasetOutput& output);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ENCODE_H_
