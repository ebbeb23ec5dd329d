#ifndef SDA_TESTS_BENCHMARKS_SUGGEST_PROBLEMS_H_
#define SDA_TESTS_BENCHMARKS_SUGGEST_PROBLEMS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"

namespace sda::bench {

// Something to optimise, all metrics minimised.
struct Problem {
  std::string name = {};
  optimizer::Space space = {};
  // OPTIMIZE metrics first; thresholds of two of them are the reference point of the hypervolume.
  std::vector<optimizer::Metric> metrics = {};
  std::function<std::vector<double>(const optimizer::Assignments&)> evaluate = nullptr;  // one a metric
  // Where experiments differ from one another: what the experiment of a seed evaluates.
  std::function<decltype(evaluate)(uint64_t seed)> of_seed = nullptr;
  // Least value, or largest hypervolume, where known.
  std::optional<double> optimum = {};
  int default_budget = 50;

  int objectives() const;
};

// Each problem of several objectives is there a second time, as NAME_goal: the last objective alone, the
// thresholds of the others as constraints. Nothing for an unknown name. `dims` counts for families of any
// dimension (ackley, levy, rastrigin, rosenbrock, styblinski); 0: their default.
std::optional<Problem> FindProblem(const std::string& name, int dims);

std::vector<std::string> ProblemNames();

// Surfaces of real trainings (suggest_recorded.h).
std::vector<Problem> RecordedProblems();

// Tuning-like problems, with mixed and conditional parameters: in a file of their own.
std::vector<Problem> TuningProblems();

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_SUGGEST_PROBLEMS_H_
