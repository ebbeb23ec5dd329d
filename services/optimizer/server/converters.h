#ifndef SDA_SERVICES_OPTIMIZER_SERVER_CONVERTERS_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_CONVERTERS_H_

#include <vector>

#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/map.h>
#include <google/protobuf/timestamp.pb.h>

#include "sda/optimizer/v1/experiment.pb.h"
#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/core/lifecycle.h"
#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"
#include "services/optimizer/core/suggester.h"

// Between messages and the core's structs; in one place.
namespace sda::optimizer {

Space ToSpace(const v1::Experiment& experiment);
std::vector<Metric> ToMetrics(const v1::Experiment& experiment);
StoppingRule ToStoppingRule(const v1::EarlyStopping& early_stopping);
ExperimentLimits ToLimits(const v1::Experiment& experiment);

Assignments ToAssignments(const google::protobuf::Map<std::string, v1::ParameterValue>& assignments);
void FromAssignments(const Assignments& assignments,
                     google::protobuf::Map<std::string, v1::ParameterValue>& out);

MetricValues ToMetricValues(const google::protobuf::Map<std::string, v1::MetricValue>& metrics);

ObservedTrial ToObserved(const v1::Trial& trial);
v1::Explanation ToExplanation(const Suggestion& suggestion);
v1::TrialCounts FromCounts(const TrialCounts& counts);

absl::Duration ToDuration(const google::protobuf::Duration& duration);
void FromDuration(absl::Duration duration, google::protobuf::Duration& out);
absl::Time ToTime(const google::protobuf::Timestamp& time);
void FromTime(absl::Time time, google::protobuf::Timestamp& out);

// COMPLETED or STOPPED.
bool HasEnded(const v1::Experiment& experiment);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_CONVERTERS_H_
