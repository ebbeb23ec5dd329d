#ifndef SDA_SERVICES_OPTIMIZER_CORE_EARLY_STOPPING_H_
#define SDA_SERVICES_OPTIMIZER_CORE_EARLY_STOPPING_H_

#include <cstdint>
#include <variant>
#include <vector>

namespace sda::optimizer {

// The readings of one metric over the steps of one trial, in order of steps.
struct Curve {
  std::vector<int64_t> steps;
  std::vector<double> values;
};

struct MedianRule {
  int min_trials = 5;
  int64_t min_steps = 0;
};
struct HalvingRule {
  int64_t min_steps = 1;
  int factor = 4;
};
using StoppingRule = std::variant<std::monostate, MedianRule, HalvingRule>;

// Whether the trial with curve `current` should stop after its last reading, given the curves of all other
// trials that ever reported. Larger values are better iff `maximize`.
//   Median: its best value so far is worse than the median of the others' running averages up to the same
//   step (Golovin et al. 2017, section 3.2.1). Halving: at the highest rung min_steps · factor^k it has
//   passed since its reading before, it is not among the best 1/factor of those that have reached that rung
//   (Li et al. 2020, algorithm 2).
bool ShouldStop(const StoppingRule& rule, bool maximize, const Curve& current,
                const std::vector<Curve>& others);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_EARLY_STOPPING_H_
