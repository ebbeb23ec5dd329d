#ifndef SDA_CLIENTS_CLI_CORE_PREDICTION_ERROR_H_
#define SDA_CLIENTS_CLI_CORE_PREDICTION_ERROR_H_

#include <cstdint>

#include <absl/status/status.h>

namespace sda::cli {

// An error of Predict that names a row of its request ("columns[age].values[17]") as one that names the row
// of the user's data, of which `rows_before` were sent before; counted from 1. Other errors stay as they are.
absl::Status NameDataRow(const absl::Status& error, int64_t rows_before);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_PREDICTION_ERROR_H_
