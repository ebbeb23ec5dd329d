#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_SPEC_OVERLAY_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_SPEC_OVERLAY_H_

#include <absl/status/statusor.h>

#include "sda/optimizer/v1/experiment.pb.h"
#include "sda/trainer/v1/training_spec.pb.h"

namespace sda::trainer {

// "type.googleapis.com/sda.trainer.v1.TrainingSpec": the work this worker takes.
const std::string& WorkTypeUrl();

// The spec of one trial: the experiment's, its assignments written over it, defaults filled in, every rule
// checked. INVALID_ARGUMENT lists the fields that are wrong.
absl::StatusOr<trainer::v1::TrainingSpec> SpecOfTrial(const optimizer::v1::Trial& trial);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_SPEC_OVERLAY_H_
