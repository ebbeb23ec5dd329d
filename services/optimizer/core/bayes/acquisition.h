#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_ACQUISITION_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_ACQUISITION_H_

#include <optional>
#include <span>
#include <vector>

#include "services/optimizer/core/bayes/front.h"

namespace sda::optimizer::bayes {

// log E[improvement] over boxes of what no point dominates: log Σ_b Π_m [ψ_m(high) − ψ_m(low)], ψ_m(a) =
// E[max(a − Y_m, 0)] for independent normal Y_m. For one box of one objective this is the logarithm of the
// expected improvement; for the boxes of a two-objective front the exact hypervolume improvement (Emmerich
// 2005; Yang et al. 2019). Adds `factor` times the derivatives by means and deviations to the spans; empty
// ones ask for none.
class BoxImprovement {
 public:
  explicit BoxImprovement(std::span<const Box> boxes);

  double Log(std::span<const double> mean, std::span<const double> deviation) const;
  double Log(std::span<const double> mean, std::span<const double> deviation, std::span<double> by_mean,
             std::span<double> by_deviation) const;

 private:
  // Distinct ends of the boxes in each dimension, and the boxes as indices into them; end 0 of `ends` stands
  // for −infinity.
  std::vector<std::vector<double>> ends_;                      // [m]
  std::vector<std::vector<std::pair<size_t, size_t>>> boxes_;  // [box][m]: low, high
};

// What a point is worth, as a function of what the models predict there.
//
// Models are numbered; each predicts a mean for each fantasy (a draw of the values of pending trials) and one
// variance.
class Acquisition {
 public:
  struct Limit {
    size_t model = 0;
    double at_most = 0;         // the model's value must not exceed it
    double extra_variance = 0;  // of the noise that the value will have
    double optimism = 0;        // deviations by which the value is taken to be better
  };

  // A model of the logarithm of what a trial costs, up to a factor and a constant: the worth is divided by
  // it.
  struct Cost {
    size_t model = 0;
    double factor = 1;
  };

  size_t models = 0;
  size_t fantasies = 1;
  std::vector<size_t> objectives;            // models whose joint improvement counts
  std::vector<BoxImprovement> improvements;  // [fantasy], or empty: only the limits count
  std::vector<Limit> limits;                 // each multiplies by the probability to keep it
  std::optional<Cost> cost;

  // log of the mean over fantasies of improvement times probabilities. means [model][fantasy], variances
  // [model]; derivatives are written where the spans are not empty.
  double Log(std::span<const double> means, std::span<const double> variances, std::span<double> by_mean,
             std::span<double> by_variance) const;

  // Probability that all limits are kept, under fantasy 0.
  double FeasibilityProbability(std::span<const double> means, std::span<const double> variances) const;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_ACQUISITION_H_
