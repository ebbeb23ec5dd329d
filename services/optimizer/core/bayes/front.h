#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_FRONT_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_FRONT_H_

#include <span>
#include <vector>

// Pareto fronts of one to four objectives, all minimised.
namespace sda::optimizer::bayes {

using Objectives = std::vector<double>;

// Whether a is at most b everywhere and below it somewhere.
bool Dominates(const Objectives& a, const Objectives& b);

// Indices of the points that no other dominates, one of several equal points, in order.
std::vector<size_t> NondominatedIndices(std::span<const Objectives> points);

// Volume of what the points dominate, up to the reference point. Points beyond it count nothing. Exact, by
// slicing; O(n^(m−1) log n).
double Hypervolume(std::span<const Objectives> points, const Objectives& reference);

// A box: low < objective <= high in each dimension; low may be −infinity.
struct Box {
  Objectives low, high;
};

// The part of {z <= reference} that no point dominates, cut into boxes that do not overlap. For one
// objective one box, for two one more than points, for m about n^(m−1).
std::vector<Box> NondominatedBoxes(std::span<const Objectives> points, const Objectives& reference);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_FRONT_H_
