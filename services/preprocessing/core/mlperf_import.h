#ifndef SDA_SERVICES_PREPROCESSING_CORE_MLPERF_IMPORT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_MLPERF_IMPORT_H_

#include <string>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

// The dataset `name` over files in the binary format of MLPerf's DLRM reference (ShardFormat::kMlperfBinary):
// its manifest names the files where they lie, nothing is copied. All rows are read once, to count clicks, to
// check labels, values and ids, to find the tables' sizes where they are not given, and for the checksums.
//
// Rows keep the order of the files. Without validation or test files those splits are the last rows of what
// there is to train on: first the test's share is cut off, then the validation's of the rest.
//
// INVALID_ARGUMENT with file, row (from 0) and column of a bad one: BAD_LABEL, BAD_NUMBER, BAD_ID; BAD_FORMAT
// for a file whose size is no multiple of 160. CANCELLED.
absl::StatusOr<DatasetManifest> ImportMlperf(const DatasetSpec& spec, const std::string& name,
                                             const RunSettings& settings, DatasetOutput& output);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_MLPERF_IMPORT_H_
