#ifndef SDA_SERVICES_PREPROCESSING_CORE_CREATE_DATASET_H_
#define SDA_SERVICES_PREPROCESSING_CORE_CREATE_DATASET_H_

#include <string>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

inline constexpr char kManifestPath[] = "manifest.json";

// Makes the dataset `name` ("datasets/{d}") in `output`: shards, vocabularies and, last, the manifest, whose
// appearance is the dataset's. On an error, and when cancelled (unless settings.keeps_partial), everything
// written is removed again. What a killed call leaves behind has no manifest: the next call with the same
// spec and files goes on from its fit and its finished shards, any other removes it first.
absl::StatusOr<DatasetManifest> CreateDataset(const DatasetSpec& spec, const std::string& name,
                                              const RunSettings& settings, DatasetOutput& output);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_CREATE_DATASET_H_
