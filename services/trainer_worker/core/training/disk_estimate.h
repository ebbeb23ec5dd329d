#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_DISK_ESTIMATE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_DISK_ESTIMATE_H_

#include <cstdint>

#include "services/trainer_worker/core/training/training.h"

namespace sda::trainer {

// The most that a training may have on the disk at one time below its output folder, in bytes: the model with
// its vocabularies and as many checkpoints as are kept at once. `job` has passed CheckSpec.
int64_t EstimateDiskBytes(const TrainingJob& job);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_DISK_ESTIMATE_H_
