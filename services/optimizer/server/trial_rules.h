#ifndef SDA_SERVICES_OPTIMIZER_SERVER_TRIAL_RULES_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_TRIAL_RULES_H_

#include <string>
#include <vector>

#include <google/protobuf/map.h>

#include "common/base/error.h"
#include "sda/optimizer/v1/experiment.pb.h"
#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"

// What trials and observations that come from outside must keep to.
namespace sda::optimizer {

// Every rule a trial given by a user breaks: assignments inside the space and of their types, metadata within
// its bounds, and, where there are values, all that a SUCCEEDED trial needs. Paths begin with `path`.
void CheckGivenTrial(const Space& space, const std::vector<Metric>& metrics, const v1::Trial& trial,
                     const std::string& path, std::vector<FieldViolation>& violations);

// Every rule the values break: names among the metrics, finite numbers, standard deviations of at least 0.
void CheckGivenMetrics(const std::vector<Metric>& metrics,
                       const google::protobuf::Map<std::string, v1::MetricValue>& values,
                       const std::string& path, std::vector<FieldViolation>& violations);

// Every assignment without a value: a message that was set but names none.
void CheckAssignmentValues(const google::protobuf::Map<std::string, v1::ParameterValue>& assignments,
                           const std::string& path, std::vector<FieldViolation>& violations);

// Of trials and experiments: at most 100 entries, keys of at most 200 bytes, values of at most 10000.
void CheckMetadata(const google::protobuf::Map<std::string, std::string>& metadata, const std::string& path,
                   std::vector<FieldViolation>& violations);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_TRIAL_RULES_H_
