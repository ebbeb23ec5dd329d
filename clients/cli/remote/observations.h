#ifndef SDA_CLIENTS_CLI_REMOTE_OBSERVATIONS_H_
#define SDA_CLIENTS_CLI_REMOTE_OBSERVATIONS_H_

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "clients/cli/core/observations_csv.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"

namespace sda::cli {

// The rows as measured trials of the experiment: a column for each parameter and metric by its name,
// "<metric>.stddev" for standard deviations. An empty cell: a parameter that is not active, a metric or
// deviation that is not known. INVALID_ARGUMENT names every cell that is not of its type and every column
// that is neither.
absl::StatusOr<optimizer::v1::BatchCreateTrialsRequest> ToTrials(const ObservationTable& table,
                                                                 const std::string& file,
                                                                 const optimizer::v1::Experiment& experiment);

// The server's violations ("trials[3].assignments[rate]") as places in the file; other errors as they are.
absl::Status WithPlaces(const absl::Status& status, const ObservationTable& table, const std::string& file);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_OBSERVATIONS_H_
