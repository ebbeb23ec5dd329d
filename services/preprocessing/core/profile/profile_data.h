#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_DATA_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_DATA_H_

#include <absl/status/statusor.h>

#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/profile/data_profile.h"
#include "services/preprocessing/core/profile/profile_warnings.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

struct ProfileSpec {
  // Files, format, label, columns, split and seed are read. Without a label nothing is said of it.
  DatasetSpec data;
  // Whether data.split deals rows to training and test; else only data.test_uris are test rows.
  bool by_split = false;
  WarningBounds bounds = {};
};

// Goes through the rows once (twice for a split by time) and says what is in them. The same rows give the
// same profile, whatever the number of threads and however the rows are cut into files. Cells that are no
// number or no UTF-8 are counted, not refused; rows that cannot be read and labels that are none end it with
// file, line and column.
//
// Memory: each thread counts at most 2^20 values, divided among the columns (kExactValues at most in one),
// beyond that about 1 MB a column, and a sample of 2^15 rows.
absl::StatusOr<DataProfile> ProfileData(const ProfileSpec& spec, const RunSettings& settings);

// Values of one column that are counted one by one, where there are at most 32 columns.
inline constexpr size_t kExactValues = 32768;

// The same for so many columns.
size_t ExactValuesOf(size_t columns);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_DATA_H_
