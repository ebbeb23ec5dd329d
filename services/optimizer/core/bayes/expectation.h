#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_EXPECTATION_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_EXPECTATION_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "services/optimizer/core/bayes/metric_model.h"
#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {

// What is expected of a metric before this search has measured it, in the warped units of its model.
class Expectation {
 public:
  virtual ~Expectation() = default;

  // Adds the gradient by places where the span is not empty.
  virtual double At(const Place& place, std::span<double> gradient) const = 0;
  // Whose, for explanations: "a prediction given", "2 earlier experiments".
  virtual std::string Source() const = 0;
};

// The given prediction of metric m with scale and offset fitted to what was measured: by least squares that
// hold the scale near 1, until a few values say otherwise. Null where no prediction is given for the metric
// or it is nowhere finite.
std::unique_ptr<Expectation> ExpectPriorMean(const Study& study, size_t m, const MetricFit& plain);

// Earlier experiments as a mixture of processes over standardised values, each weighted by how well it ranks
// the trials of this search (after Feurer et al. 2018, ranking-weighted ensembles), the mixture with scale
// and offset fitted to them. An experiment that ranks no better than chance has no weight; null where none is
// left. Cached fits as everywhere.
std::unique_ptr<Expectation> ExpectKnowledge(const Study& study, size_t m, const MetricFit& plain,
                                             FitCache& cache);

// The assignments of an earlier trial as a place of this search: values of parameters that it does not have,
// or that are of another type, are the default or the middle.
Place PlaceOfEarlier(const Encoding& encoding, const Assignments& assignments);

// Good points of the earlier experiments that may be tried here, one of each in turn, the best first; each a
// distance from those before.
struct EarlierPoint {
  Assignments assignments;
  std::string experiment;
};
std::vector<EarlierPoint> BestEarlierPoints(const Study& study, size_t count);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_EXPECTATION_H_
