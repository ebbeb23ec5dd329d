#ifndef SDA_SERVICES_OPTIMIZER_CORE_LEARNING_CURVE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_LEARNING_CURVE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/numerics/rng.h"
#include "services/optimizer/core/early_stopping.h"

namespace sda::optimizer {

// A belief about one number: a mixture of normal distributions.
class NormalMixture {
 public:
  struct Part {
    double weight = 0;  // all together 1
    double mean = 0, deviation = 1;
  };
  explicit NormalMixture(std::vector<Part> parts) : parts_(std::move(parts)) {}

  double Mean() const;
  double Cdf(double x) const;
  // By bisection; 0 < p < 1.
  double Quantile(double p) const;
  double Draw(Rng& rng) const;
  std::span<const Part> parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
};

// What the reading at `final_step` will be, given the readings so far. Averages over a small family of
// curves, y = c + a·φ(t) with φ a falling power, an exponential or a logarithm of the steps, each over a grid
// of its shape and of the noise: for given shape and noise the two linear coefficients have a normal
// posterior in closed form, and the shapes are weighed by their evidence (Bayesian model averaging; the
// families are those of Domhan et al. 2015 that are linear but for one parameter). A part that grows with the
// distance is added for what no member of the family describes. Deterministic; well under a millisecond.
//
// Nothing with fewer than four readings, readings at one step only, or readings that are not finite. Readings
// at or after `final_step` settle the matter: the belief is the last one's noise.
std::optional<NormalMixture> Extrapolate(const Curve& curve, int64_t final_step);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_LEARNING_CURVE_H_
