#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_MINIMIZE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_MINIMIZE_H_

#include <functional>
#include <span>
#include <vector>

namespace sda::optimizer::bayes {

struct MinimizeOptions {
  int max_evaluations = 50;
  double first_step = 0.2;  // length of the first step, in the variables' own unit
  double tolerance = 1e-8;  // stop when the value falls by less than this (1 + |value|)
  double flat_gradient = 1e-7;
  std::function<bool()> stop = nullptr;  // asked before each evaluation; true ends it with what there is
};

// Value at x, gradient into the second argument. May return infinity or NaN: such points are not entered.
using Objective = std::function<double(std::span<const double> x, std::span<double> gradient)>;

// A local minimum within the box, from x on, in place: L-BFGS on the variables that are not held at a bound
// (Bertsekas' two-metric projection), with backtracking. Returns the value at the final x; never above that
// at the first one. Deterministic.
double Minimize(const Objective& objective, std::span<const double> low, std::span<const double> high,
                const MinimizeOptions& options, std::span<double> x);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_MINIMIZE_H_
