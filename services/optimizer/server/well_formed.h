#ifndef SDA_SERVICES_OPTIMIZER_SERVER_WELL_FORMED_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_WELL_FORMED_H_

#include <absl/status/status.h>
#include <google/protobuf/message.h>

namespace sda::optimizer {

// What holds for every field of every request, whatever it means: numbers are finite, enums have a declared
// value, durations and timestamps are within the range that protobuf gives them and of one sign, names in
// maps have at most 1000 bytes. INVALID_ARGUMENT names every field that is not so by its path
// ("experiment.metrics[1].threshold"), the first 100 of them.
absl::Status CheckWellFormed(const google::protobuf::Message& request);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_WELL_FORMED_H_
