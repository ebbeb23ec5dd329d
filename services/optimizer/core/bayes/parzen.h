#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_PARZEN_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_PARZEN_H_

#include <memory>
#include <optional>

#include "services/optimizer/core/suggester.h"

namespace sda::optimizer::bayes {

// The tree-structured Parzen estimator (Bergstra et al. 2011), over all parameters jointly (as Falkner et al.
// 2018): of draws from a kernel density of the better trials the one that is likeliest there relative to the
// density of the others. Better means: breaking constraints less, then nearer to the front. Pending and
// infeasible trials belong to the others. Cheap at any number of trials; for comparison with the models.
// Thread-safe.
class ParzenSuggester final : public Suggester {
 public:
  ParzenSuggester();

  std::optional<Suggestion> Suggest(const SearchState& state) const override;

 private:
  const std::unique_ptr<Suggester> sobol_;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_PARZEN_H_
