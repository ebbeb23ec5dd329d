#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_WARP_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_WARP_H_

#include <span>
#include <vector>

namespace sda::optimizer::bayes {

// A rising map from a metric's values, smaller being better, to what the Gaussian process is told: values of
// mean 0 and variance 1.
class Warp {
 public:
  enum class Kind {
    // Shift and scale; values far worse than the bulk are drawn in.
    kLinear,
    // The worse half by rank, then a mild logarithm (after Vizier's output warpers: Song et al. 2024,
    // section 3.2): the model spends nothing on how bad the bad points are.
    kHalfRank,
    // Logarithm of the distance to the best value: for values over several orders of magnitude.
    kLog,
    // Logarithm of the value itself: for times and sizes, which are products of what parameters do to them.
    // The same as kLinear unless all values are above 0.
    kMagnitude,
    // Logarithm of the distance to a limit, on both sides of it (Eriksson and Poloczek 2021, for
    // constraints): the
    // model spends little on how far from it a value is.
    kAroundLimit,
    // The same around the median: for a few values far better than the rest, which lie in narrow pits.
    kAroundMedian,
  };

  // Learned from the finite values; works for any number of them, all equal or 1e300 apart. `limit` counts
  // for kAroundLimit only, and must be finite.
  Warp(Kind kind, std::span<const double> values, double limit = 0);

  Kind kind() const { return kind_; }
  double Apply(double value) const;
  double Invert(double warped) const;
  // Derivative of Apply; above 0.
  double Slope(double value) const;

 private:
  Kind kind_;
  double shift_ = 0, scale_ = 1;  // of values, before anything else
  // Of kLog what is added to the distance from the best, of kMagnitude the best value, of kAroundLimit and
  // kAroundMedian the distance up to which they are nearly linear; and what these are around. All in shifted
  // and scaled values.
  double log_offset_ = 1, limit_ = 0;
  double mean_ = 0, deviation_ = 1;
  double upper_fence_ = 0;
  std::vector<double> from_, to_;  // knots of kHalfRank's worse half, in shifted and scaled values

  double Shape(double x) const;  // of shifted and scaled values, before the last standardisation
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_WARP_H_
