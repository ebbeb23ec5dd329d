#ifndef SDA_SERVICES_PREPROCESSING_CORE_MLPERF_COUNTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_MLPERF_COUNTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::preprocessing {

// The cardinalities in the bytes of a `…_fea_count.npz` or `day_fea_count.npz` file, as the published DLRM
// preprocessing writes it: a zip archive, not compressed, whose first member "counts.npy" is a
// one-dimensional NumPy array of little-endian int32 or int64. INVALID_ARGUMENT names `path` and what it is
// instead.
absl::StatusOr<std::vector<int64_t>> ParseMlperfCounts(std::string_view bytes, const std::string& path);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_MLPERF_COUNTS_H_
