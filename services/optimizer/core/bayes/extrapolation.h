#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_EXTRAPOLATION_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_EXTRAPOLATION_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/optimizer/core/suggester.h"

namespace sda::optimizer::bayes {

struct Extrapolation {
  double value = 0, stddev = 0;
};

// What trials that were stopped or still run would end with, from their readings so far: by the trials that
// went all the way and had readings at the same step. Their final values are regressed on those readings, the
// slope being held near 1 (what a curve is worth early it mostly keeps, and all gain about as much); the
// deviation is that of a prediction by the regression. The search state must outlive it.
class CurveExtrapolator {
 public:
  explicit CurveExtrapolator(const SearchState& state);

  // Nothing without readings of the metric, or where fewer than three whole trials had come as far.
  std::optional<Extrapolation> Final(const ObservedTrial& trial, const std::string& metric) const;

 private:
  struct Whole {
    const Curve* curve = nullptr;
    double final_value = 0;
  };
  std::map<std::string, std::vector<Whole>> whole_;  // by metric
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_EXTRAPOLATION_H_
