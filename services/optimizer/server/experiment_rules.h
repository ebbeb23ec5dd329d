#ifndef SDA_SERVICES_OPTIMIZER_SERVER_EXPERIMENT_RULES_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_EXPERIMENT_RULES_H_

#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/repeated_field.h>

#include "common/base/error.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"

// What requests must keep to; messages in, violations out.
namespace sda::optimizer {

// Fills the defaults of a new experiment in and clears what only the server sets.
void PrepareNewExperiment(v1::Experiment& experiment);

// Every rule a prepared new experiment breaks, paths beginning with "experiment.".
absl::Status CheckNewExperiment(const v1::Experiment& experiment);

// Writes the masked fields of `update` over `experiment`. INVALID_ARGUMENT for a field that may not change.
absl::Status ApplyUpdate(const v1::UpdateExperimentRequest& request, v1::Experiment& experiment);

// 1 to 128 bytes.
absl::Status CheckRequestId(const std::string& request_id);

// In [0, 1000]; the size to use.
absl::StatusOr<int32_t> PageSize(int32_t page_size);

// The number that a page begins behind; `first` without a token. INVALID_ARGUMENT for one that no list gave.
absl::StatusOr<int64_t> ParsePageToken(const std::string& token, int64_t first);

// Whether `order_by` is "`key` desc"; empty: `by_default`. INVALID_ARGUMENT unless it is that or "`key`".
absl::StatusOr<bool> IsDescending(const std::string& order_by, const std::string& key, bool by_default);

// INVALID_ARGUMENT for a number outside the enum, or its zero value.
absl::Status CheckStates(const google::protobuf::RepeatedField<int>& states, bool (*is_valid)(int));

// Names among the experiment's metrics, finite numbers.
absl::Status CheckMetricNames(const v1::Experiment& experiment,
                              const std::vector<std::pair<std::string, double>>& metrics,
                              const std::string& path);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_EXPERIMENT_RULES_H_
