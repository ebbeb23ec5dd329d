#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_BELIEF_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_BELIEF_H_

#include <span>

#include "services/optimizer/core/bayes/encoding.h"

namespace sda::optimizer::bayes {

// What the priors on a space's parameters say of a place. In the search their logarithm is added to that of
// the acquisition with a weight that falls as trials come in (after Hvarfner et al. 2022, πBO): a wrong
// belief delays a search and never stops it.
class Belief {
 public:
  explicit Belief(const Encoding& encoding);

  bool any() const { return any_; }
  // log density up to a constant, never far below that of the likeliest place; adds `factor` times its
  // gradient by places where the span is not empty. Inactive parameters count nothing.
  double Log(const Place& place, std::span<const char> active, double factor,
             std::span<double> gradient) const;
  // As FromCube of the encoding, but parameters with priors as these say.
  void FromCube(std::span<const double> unit, Place& place) const;

 private:
  const Encoding& encoding_;
  bool any_ = false;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_BELIEF_H_
