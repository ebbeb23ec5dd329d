#ifndef SDA_SERVICES_PREPROCESSING_CORE_SPEC_JSON_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SPEC_JSON_H_

#include <string>

#include "services/preprocessing/core/dataset_plan.h"

namespace sda::preprocessing {

// The spec with everything that was guessed or inferred filled in: format, label by name, every column with
// role and reason, shares. Keys and values are those of sda.preprocessing.v1.DatasetSpec in protobuf's JSON
// mapping, so that making a dataset from it again gives an equal one.
std::string OptionsToJson(const DatasetSpec& spec, const DatasetPlan& plan);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SPEC_JSON_H_
