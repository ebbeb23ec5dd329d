#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_LINEAR_REGION_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_LINEAR_REGION_H_

#include <vector>

#include "services/optimizer/core/bayes/encoding.h"

namespace sda::optimizer::bayes {

// The places at which a space's linear constraints hold. An equality is a pair of constraints.
class LinearRegion {
 public:
  explicit LinearRegion(const Encoding& encoding);

  bool everywhere() const { return rows_.empty(); }
  bool Contains(const Place& place) const;
  // Moves the place into the region, not far from where it was: projections on the broken constraints in
  // turn, then whole steps of lattices, then the real coordinates again. False where that does not succeed.
  bool Repair(Place& place) const;

 private:
  struct Row {
    std::vector<std::pair<size_t, double>> terms;  // axis, weight; Σ weight·value <= bound
    double bound = 0;
  };
  // What is over the bound, less the slack that rounding is given; not above 0 where the row holds.
  double Excess(const Row& row, const std::vector<double>& values) const;
  bool Project(std::vector<double>& values, bool lattices) const;
  bool StepLattices(std::vector<double>& values, Place& place) const;

  const Encoding& encoding_;
  std::vector<Row> rows_;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_LINEAR_REGION_H_
