#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_PIPELINE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_PIPELINE_H_

#include <string>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/column_sample.h"
#include "services/preprocessing/core/profile/data_profile.h"
#include "services/preprocessing/core/schema.h"

namespace sda::preprocessing {

// A pipeline for a log nobody wrote one for, chosen from its profile, as YAML: a comment for each column says
// what becomes of it and by which figures of the profile, then come the steps. docs/pipelines.md,
// "Automatic", has the rules. `schema` and `sample` are of the same log; the profile has a label.
// INVALID_ARGUMENT where no column is left to learn from.
absl::StatusOr<std::string> ProfilePipelineYaml(const DataProfile& profile, const Schema& schema,
                                                const InputSample& sample);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_PIPELINE_H_
