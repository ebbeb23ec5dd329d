#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_LOCALITY_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_LOCALITY_H_

#include <vector>

#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {

// Where to look, and at which trials, once there are more than an exact model can take: a trust region (after
// Eriksson et al. 2019, TuRBO) around the best trial, or around one of the front. Its size follows from the
// trials alone: it is replayed over their history, doubled after successes, halved after failures, begun anew
// when it has become tiny.
struct Locality {
  std::vector<size_t> finished, infeasible;  // indices in the study that the models are built on, rising
  std::vector<double> low, high;             // box of the search by axis, in places; whole for categories
};

// More finished trials than this are too many for the factorisations within one suggestion.
inline constexpr size_t kMaxExact = 1000;

// `pick` in [0, 1) chooses the centre among the points of a front. A search that is to stay `global` keeps
// the whole box; the trials are chosen around the centre either way, with some from everywhere.
Locality ChooseLocality(const Study& study, double pick, bool global);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_LOCALITY_H_
