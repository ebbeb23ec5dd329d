#ifndef SDA_TESTS_BENCHMARKS_SUGGEST_SERVE_H_
#define SDA_TESTS_BENCHMARKS_SUGGEST_SERVE_H_

#include <iosfwd>
#include <span>
#include <vector>

#include "services/optimizer/core/bayes/front.h"
#include "tests/benchmarks/suggest_problems.h"

namespace sda::bench {

// How good an experiment is: the least value, or the hypervolume within the thresholds, of the points of its
// trials that kept the constraints. Infinite, or 0, without any.
double QualityOf(const Problem& problem, std::span<const optimizer::bayes::Objectives> points);

// Lets other optimisers be measured on the very same problem. Writes one line of JSON that describes it, then
// answers each line {"parameter": value, …} with {"values": […], "quality": q} of all points so far, and the
// line "reset" with {}; "reset 7" begins the experiment of seed 7, where experiments differ. A list of
// numbers, what noisy measurements of those points gave, is answered with
// {"believed": i}: the point that a model takes to be the best (BelievedBest). What is not within the space
// is answered with {"error": …}. Returns at the end of the input.
void ServeProblem(const Problem& problem, std::istream& in, std::ostream& out);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_SUGGEST_SERVE_H_
