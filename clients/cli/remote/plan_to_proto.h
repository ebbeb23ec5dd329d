#ifndef SDA_CLIENTS_CLI_REMOTE_PLAN_TO_PROTO_H_
#define SDA_CLIENTS_CLI_REMOTE_PLAN_TO_PROTO_H_

#include <vector>

#include "clients/cli/core/goal.h"
#include "clients/cli/core/input_plan.h"
#include "clients/cli/core/run_plan.h"
#include "sda/advisor/v1/advisor.pb.h"
#include "sda/preprocessing/v1/dataset.pb.h"

namespace sda::cli {

// What the user said, as the services are told. What was left out stays unset.
preprocessing::v1::DatasetSpec ToProto(const InputPlan& plan);
advisor::v1::Goal ToProto(const std::vector<GoalMetric>& goals);

// Of a plan that is no resumption; a recipe's dataset is left to the caller.
advisor::v1::RunSpec ToProto(const RunPlan& plan);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_PLAN_TO_PROTO_H_
