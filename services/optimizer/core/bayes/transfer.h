#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_TRANSFER_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_TRANSFER_H_

#include <optional>

#include "services/optimizer/core/bayes/metric_model.h"
#include "services/optimizer/core/bayes/study.h"
#include "services/optimizer/core/suggester.h"

// What earlier searches tell a new one. Their values are not its values: another data set shifts and
// stretches them, and moves the best place a little. So only their order is taken at first, and their values
// only as far as the new search's own values bear them out.
namespace sda::optimizer::bayes {

// The best point of an earlier search that is not near one already tried here, or nothing. Ranks by the mean
// rank over the objectives, constraints kept before broken ones.
std::optional<Assignments> BestEarlierPoint(const SearchState& state);

// Adds the earlier searches' points to `study.finished`, as values that were not achieved here. Per search
// and metric: a Gaussian process of the earlier values is laid against the own ones by a straight line; the
// earlier values come in on that line, with the variance that the line leaves unexplained as their noise,
// growing with every own value. Nothing is added where the line does not rise, explains little, or the search
// has enough values of its own: then it is as it would be without them.
void AddKnowledge(Study& study, FitCache& cache);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_TRANSFER_H_
