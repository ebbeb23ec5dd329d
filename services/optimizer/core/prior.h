#ifndef SDA_SERVICES_OPTIMIZER_CORE_PRIOR_H_
#define SDA_SERVICES_OPTIMIZER_CORE_PRIOR_H_

#include "services/optimizer/core/space.h"

namespace sda::optimizer {

// The value below which the prior, cut to [low, high], has the mass `unit` in [0, 1]. low < high, both on the
// parameter's scale. By bisection of the distribution function to the precision of a double.
double PriorQuantile(const Prior& prior, double low, double high, double unit);

// Distribution function of the beta distribution at x in [0, 1] (Press et al., Numerical Recipes,
// section 6.4: continued fraction of the incomplete beta function).
double BetaCdf(double alpha, double beta, double x);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_PRIOR_H_
