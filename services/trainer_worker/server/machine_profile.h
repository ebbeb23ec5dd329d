#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_MACHINE_PROFILE_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_MACHINE_PROFILE_H_

#include "sda/common/v1/common.pb.h"

namespace sda::trainer {

// The machine as this process may use it: affinity and container limits applied, rates measured with one
// thread in about a third of a second.
common::v1::MachineProfile MeasureMachine();

// Cores by affinity and, where a container sets one, by its quota (rounded down, at least 1). Quick.
int UsableCores();

// Memory by the machine and, where a container sets one, by its limit, in bytes. Quick.
int64_t UsableMemoryBytes();

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_MACHINE_PROFILE_H_
