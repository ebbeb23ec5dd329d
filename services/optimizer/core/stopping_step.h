#ifndef SDA_SERVICES_OPTIMIZER_CORE_STOPPING_STEP_H_
#define SDA_SERVICES_OPTIMIZER_CORE_STOPPING_STEP_H_

#include <cstdint>
#include <optional>

#include "services/optimizer/core/early_stopping.h"

namespace sda::optimizer {

// The step at which ShouldStop compares a trial with the others, given the steps of its last reading and of
// the one before (0 for none): that of the last reading for the median rule, the highest rung passed between
// the two for halving. Nothing where the rule has nothing to compare yet: then nobody is told to stop.
std::optional<int64_t> StepToCompare(const StoppingRule& rule, int64_t before, int64_t last);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_STOPPING_STEP_H_
