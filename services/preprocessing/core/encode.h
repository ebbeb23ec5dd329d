#ifndef SDA_SERVICES_PREPROCESSING_CORE_ENCODE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ENCODE_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/fit.h"

namespace sda::preprocessing {

// The second pass: every row through the fitted state into the shards of its split. Returns the shards of
// each split. On an error some shards may have been written.
absl::StatusOr<std::array<std::vector<ManifestShard>, kSplits>> EncodeDataset(const DatasetPlan& plan,
                                                                              const Fit& fit,
                                                                              const RunSettings& settings,
                                                                              DatasetOutput& output);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ENCODE_H_
