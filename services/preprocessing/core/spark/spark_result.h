#ifndef SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_RESULT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_RESULT_H_

#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_plan.h"

namespace sda::preprocessing {

// Files in the job's staging folder.
inline constexpr char kSparkResultFile[] = "result.json";  // the job's last word: what it made, or its error
inline constexpr char kSparkTablesFile[] =
    "tables.arrow";  // what its nodes learned, as pipeline.arrow has it

// Turns what the job left into a dataset: writes pipeline.arrow, then the manifest, with which the dataset
// exists. The numbers pass through the same code as those of the engine of one machine, so that equal rows
// and equal state have an equal digest. An error of the job comes back as the status that the other engine
// would have given; INTERNAL where the result cannot be read.
absl::StatusOr<DatasetManifest> FinishSparkDataset(const DatasetPlan& plan, const std::string& name,
                                                   std::string_view result_json, std::string_view tables,
                                                   absl::Time started, DatasetOutput& output);

// OK, or the error that a result holds.
absl::Status SparkResultStatus(std::string_view result_json);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_RESULT_H_
