#ifndef SDA_TESTS_BENCHMARKS_OPTIMIZER_WATCH_H_
#define SDA_TESTS_BENCHMARKS_OPTIMIZER_WATCH_H_

#include <cstdint>
#include <string>

#include <absl/status/statusor.h>

#include "tests/benchmarks/optimizer_load.h"

namespace sda::bench {

// Reports `changes` measurements of a trial of experiment `id` through `makes`, one after the other, and
// waits for each at a watcher of the experiment through `sees`, which may be another server of the same
// store. Latencies are from the sending of a report to the arrival of its change.
absl::StatusOr<Timings> WatchChanges(OptimizerLoad& makes, OptimizerLoad& sees, const std::string& id,
                                     int64_t changes);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_OPTIMIZER_WATCH_H_
