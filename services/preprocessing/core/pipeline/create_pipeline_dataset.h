#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CREATE_PIPELINE_DATASET_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CREATE_PIPELINE_DATASET_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/recording_output.h"

namespace sda::preprocessing {

struct PipelineDataset {
  DatasetManifest manifest;  // but for name, options and provenance
  BadRows bad_rows;          // rows that were left out
  size_t resumed_shards = 0;
  std::vector<std::string> saved;  // files of no use beside a manifest
};

// Runs the plan's pipeline over the rows and writes shards and the fitted pipeline. `key` stands for
// everything that decides what comes out (PartialKey): what an earlier attempt with the same key left is not
// made again. On an error some files may have been written.
//
// Errors: BAD_LABEL, BAD_NUMBER, BAD_TIME, BAD_TEXT with file, line, column and step; INVALID_ARGUMENT if no
// row is left to train on or all of them have one label; MEMORY_LIMIT.
absl::StatusOr<PipelineDataset> CreatePipelineDataset(const DatasetPlan& plan, const std::string& key,
                                                      const RunSettings& settings, RecordingOutput& output);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CREATE_PIPELINE_DATASET_H_
