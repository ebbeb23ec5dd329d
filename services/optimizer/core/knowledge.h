#ifndef SDA_SERVICES_OPTIMIZER_CORE_KNOWLEDGE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_KNOWLEDGE_H_

#include <optional>
#include <vector>

#include "services/optimizer/core/space.h"
#include "services/optimizer/core/suggester.h"

namespace sda::optimizer {

// A point of an earlier search as a point of `space`: parameters of the same name keep their values, integers
// and real numbers being interchangeable where nothing is lost; parameters the earlier search did not have
// get their default, else the middle of their domain. Nothing where a value lies outside its domain, a
// constraint is broken, or no parameter is shared.
std::optional<Assignments> Translate(const Space& space, const Assignments& earlier);

// The finished trials of an earlier search that say something here: SUCCEEDED, translated, with at least one
// of the metrics; of more than `most` the best by the first such metric and, of the others, an even choice.
std::vector<ObservedTrial> TranslateTrials(const Space& space, const std::vector<Metric>& metrics,
                                           const std::vector<ObservedTrial>& earlier, size_t most);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_KNOWLEDGE_H_
