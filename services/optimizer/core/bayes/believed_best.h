#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_BELIEVED_BEST_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_BELIEVED_BEST_H_

#include <cstddef>
#include <optional>

#include "services/optimizer/core/suggester.h"

namespace sda::optimizer::bayes {

// The trial of the lowest posterior mean of a lone objective among those that were measured and keep the
// constraints: what noisy values say together, where the best value alone is the luckiest one. An index into
// the state's trials; nothing without such a trial, or with several objectives.
std::optional<size_t> BelievedBest(const SearchState& state);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_BELIEVED_BEST_H_
