#ifndef SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_JOIN_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_JOIN_H_

#include <string>

#include <absl/status/status.h>

#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/joins.h"

namespace sda::preprocessing {

// Writes the table of a join as an Arrow file: column "key", then the columns it adds, numbered from "0", all
// as bytes and null where missing. A row is a row of the table.
absl::Status WriteSparkJoin(const ReadyJoin& join, const std::string& path, DatasetOutput& output);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SPARK_SPARK_JOIN_H_
