#ifndef SDA_SERVICES_ADVISOR_SERVER_EXPERIMENT_PROTO_H_
#define SDA_SERVICES_ADVISOR_SERVER_EXPERIMENT_PROTO_H_

#include <string>

#include "sda/advisor/v1/advisor.pb.h"
#include "sda/optimizer/v1/experiment.pb.h"
#include "sda/preprocessing/v1/dataset.pb.h"

namespace sda::advisor {

// The experiment that searches as `recipe` says on `dataset`, for the run `run_id`. Equal input gives an
// equal message.
optimizer::v1::Experiment ToExperiment(const v1::Recipe& recipe, const preprocessing::v1::Dataset& dataset,
                                       const std::string& run_id);

// The complete spec of a trial: the recipe's with the trial's assignments written over it.
trainer::v1::TrainingSpec SpecOfTrial(const v1::Recipe& recipe, const optimizer::v1::Trial& trial);

bool IsFinal(optimizer::v1::Experiment::State state);
bool IsFinal(optimizer::v1::Trial::State state);

// Whether trials in this state use up budget.
bool CountsAgainstBudget(optimizer::v1::Trial::State state);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_EXPERIMENT_PROTO_H_
