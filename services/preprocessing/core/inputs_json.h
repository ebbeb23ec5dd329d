#ifndef SDA_SERVICES_PREPROCESSING_CORE_INPUTS_JSON_H_
#define SDA_SERVICES_PREPROCESSING_CORE_INPUTS_JSON_H_

#include <nlohmann/json.hpp>

#include "services/preprocessing/core/dataset_plan.h"

namespace sda::preprocessing {

// The files a dataset is made of, as its provenance lists them: [{"path", "bytes", "modified_nanos"}], those
// of the log with "test", those of tables with "join", the number of the join.
nlohmann::ordered_json InputsToJson(const DatasetPlan& plan);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_INPUTS_JSON_H_
