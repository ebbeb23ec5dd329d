#ifndef SDA_TESTS_BENCHMARKS_OPTIMIZER_SCALE_H_
#define SDA_TESTS_BENCHMARKS_OPTIMIZER_SCALE_H_

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <nlohmann/json.hpp>

#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"

namespace sda::bench {

// Writes `experiments` experiments with `trials` finished trials in all into an empty database, as a server
// would have, without calling one.
absl::Status FillOptimizerStore(const std::string& database, int64_t experiments, int64_t trials);

// Gets and pages of lists at random places of such a store, one after the other; 99th percentiles into
// `report`.
absl::Status ReadAtRandom(optimizer::v1::OptimizerService::Stub& stub, int64_t experiments, int64_t trials,
                          double seconds, nlohmann::ordered_json& report);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_OPTIMIZER_SCALE_H_
