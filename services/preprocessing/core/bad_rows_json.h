#ifndef SDA_SERVICES_PREPROCESSING_CORE_BAD_ROWS_JSON_H_
#define SDA_SERVICES_PREPROCESSING_CORE_BAD_ROWS_JSON_H_

#include <nlohmann/json.hpp>

#include "services/preprocessing/core/bad_rows.h"

namespace sda::preprocessing {

// {"counts": {reason: number}, "examples": [{"file", "line", "column", "reason", "rule"}]}
nlohmann::ordered_json BadRowsToJson(const BadRows& bad);

// What is not as it should be is left out.
BadRows BadRowsFromJson(const nlohmann::ordered_json& json);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_BAD_ROWS_JSON_H_
