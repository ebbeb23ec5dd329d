#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_SPEC_CONVERTER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_SPEC_CONVERTER_H_

#include "sda/trainer/v1/training_spec.pb.h"
#include "services/trainer_worker/core/training/training.h"

namespace sda::trainer {

// Model, options, optimizers and seed of a complete, valid spec; dataset, folders and threads are left to the
// caller.
TrainingJob ToTrainingJob(const trainer::v1::TrainingSpec& spec);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_SPEC_CONVERTER_H_
