#ifndef SDA_SERVICES_ADVISOR_SERVER_OUTCOME_H_
#define SDA_SERVICES_ADVISOR_SERVER_OUTCOME_H_

#include <string>

#include "sda/advisor/v1/advisor.pb.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"

namespace sda::advisor {

// The outcome of a search as a run's result: the trial to deliver, whether the goal is met and why it was
// chosen. `best` must have a recommended trial.
v1::RunResult ToResult(const v1::Recipe& recipe, const optimizer::v1::ListBestTrialsResponse& best);

// "auc at least 0.8" for each metric with a threshold, joined by " and "; empty where there is none.
std::string ThresholdText(const v1::Recipe& recipe);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_OUTCOME_H_
