#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CREATE_PIPELINE_DATASET_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CREATE_PIPELINE_DATASET_H_

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_plan.h"

namespace sda::preprocessing {

// Runs the plan's pipeline over the rows and writes shards and the fitted pipeline. Returns what the manifest
// says of columns, splits and files; name, options and provenance are the caller's to add, with the rows left
// out, in `bad_rows`. On an error some files may have been written.
//
// Errors: BAD_LABEL, BAD_NUMBER, BAD_TIME, BAD_TEXT with file, line, column and step; INVALID_ARGUMENT if no
// row is left to train on or all of them have one label.
absl::StatusOr<DatasetManifest> CreatePipelineDataset(const DatasetPlan& plan, const RunSettings& settings,
                                                      DatasetOutput& output, BadRows& bad_rows);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CREATE_PIPELINE_DATASET_H_
