#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_LOG_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_LOG_H_

#include <array>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/datagen/criteo_row.h"

namespace sda::preprocessing::datagen {

struct CriteoLogOptions {
  int64_t rows = 0;  // in [1, 10^10]
  int64_t seed = 0;
  // Columns have as many values as in a log of so many rows; 0: as in one of `rows`.
  int64_t sizes_of_rows = 0;
  int threads = 1;  // >= 1; never changes what comes out
  std::stop_token stop = {};
  std::function<void(int64_t rows_done)> on_progress = {};  // one call at a time
};

struct CriteoLogSummary {
  int64_t rows = 0;
  int64_t positive_rows = 0;
  int64_t bytes = 0;
  // AUC of the true click probabilities against the drawn labels: what a perfect model reaches on these rows.
  double best_auc = 0;
  std::array<int32_t, kCriteoCategories> cardinalities{};
};

// Makes a click log in Criteo's format: label, I1 to I13, C1 to C26, tab separated, no header, missing fields
// empty (see CriteoSampler and CriteoTeacher). Hands it to `write` piece by piece, in order, from one thread
// at a time; the bytes depend on rows, seed and sizes alone. CANCELLED on a stop request; errors of `write`
// end the work.
absl::StatusOr<CriteoLogSummary> MakeCriteoLog(const CriteoLogOptions& options,
                                               const std::function<absl::Status(std::string_view)>& write);

// The same into a file, which appears whole or not at all and replaces what was there. RESOURCE_EXHAUSTED
// (DISK_FULL) where it does not fit.
absl::StatusOr<CriteoLogSummary> WriteCriteoLog(const CriteoLogOptions& options, const std::string& path);

}  // namespace sda::preprocessing::datagen

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_LOG_H_
