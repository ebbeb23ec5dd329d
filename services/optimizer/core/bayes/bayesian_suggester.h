#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_BAYESIAN_SUGGESTER_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_BAYESIAN_SUGGESTER_H_

#include <memory>
#include <optional>
#include <vector>

#include "services/optimizer/core/bayes/metric_model.h"
#include "services/optimizer/core/bayes/pace.h"
#include "services/optimizer/core/suggester.h"

namespace sda::optimizer::bayes {

// What is tuned by measurement; the defaults are what the benchmark's figures were taken with.
struct BayesianOptions {
  // Ways to model a lone objective, one of them joint; one is drawn for each suggestion by its share of
  // belief.
  std::vector<ModelKind> kinds = {
      {Warp::Kind::kHalfRank, HyperPrior::kDimensionScaled},
      {Warp::Kind::kAroundMedian, HyperPrior::kDimensionScaled},
      {Warp::Kind::kLinear, HyperPrior::kWide},
      {.prior = HyperPrior::kDimensionScaledFree, .structure = Structure::kAdditive}};
  // The same for a lone objective within limits, where its values are above 0 and the largest is more than
  // `magnitudes` times the least: a time or a size, as a rule, and those of trials within the limits lie in
  // the middle of its range, of which models of ranks and around the median see little.
  std::vector<ModelKind> magnitude_kinds = {{Warp::Kind::kMagnitude, HyperPrior::kWide},
                                            {.warp = Warp::Kind::kMagnitude,
                                             .prior = HyperPrior::kDimensionScaled,
                                             .structure = Structure::kAdditive}};
  double magnitudes = 3;
  // The same for each of several objectives, and for constraints.
  std::vector<ModelKind> front_kinds = {{Warp::Kind::kLinear, HyperPrior::kWide}};
  std::vector<ModelKind> constraint_kinds = {{Warp::Kind::kLinear, HyperPrior::kWide},
                                             {Warp::Kind::kAroundLimit, HyperPrior::kWide}};
  double temper = 0.3;        // 0: all kinds alike; large: the best only
  double initial_factor = 1;  // points of the initial design: this · (dimensions + 1), within [4, 20]
  size_t raw_points = 512;
  size_t starts = 6;
  size_t fantasies = 32;
  // Where the deviation of the noise, in units of that of the values, is above this by every way to model a
  // lone objective, the values are modelled as they are (kLinear), and what the trials are truly worth is
  // drawn so many times.
  double noisy = 0.12;
  size_t noise_draws = 16;
  // This share of suggestions takes constraints to be so many deviations easier: else a search that has found
  // one allowed region never looks for the others.
  double optimism_share = 0.2;
  double optimism = 3;
  // While the last few trials brought next to nothing, this share of suggestions looks for improvements of
  // at least a part of the spread of the values, with length scales shrunk: the model may be too sure.
  double explore_share = 0.5;
  double explore_shrink = 0.7;
  double explore_low = 0.01, explore_high = 0.3;
  double explore_margin = 0.3;
  // Before that this share looks around the best trial of another valley, for what would improve on that one.
  double niche_share = 0.2;
  // Of the others this share looks for such improvements along one axis through the best trial.
  double line_share = 0.4;
  // Where the expected gain around the best trial is below `settled` times what the search has gained so far,
  // that valley is done with, until the gain is above `called_back` times that. This share then goes on
  // around the best trial, for its last digits. Of the others `settled_niche_share` looks around the best
  // trial of another valley that is not worse by more than `promising` times what was gained, and the rest
  // for improvements of some size, as above.
  double settled = 1e-3, called_back = 3e-2;
  double polish_share = 0.15;
  double promising = 0.7;
  double settled_niche_share = 0.95;
  // Another valley is done with, too, where the expected gain on its own best is below so much of that.
  double exhausted = 1e-2;
  // A valley in which so many trials a dimension were in vain is no better than one that begins at a typical
  // trial.
  double valley_trials = 4;
  // Where some objectives have thresholds and others have none, this share looks for the least of one of the
  // others within the thresholds, or while none meets them for a trial that does. Of those some take the
  // thresholds to be easier, as above: what is cheap lies at their edge.
  double goal_share = 0.9;
  double goal_optimism_share = 0.5;
  double goal_optimism = 1;
  double stagnation = 0.01;  // "next to nothing": this part of the distance from median to best
};

// Bayesian optimisation with Gaussian processes. The first points come from a Sobol sequence; then a model of
// every metric is fitted to what is known and the point of highest log expected (hypervolume) improvement
// times the probability to keep limits and not to fail is searched. Pending trials are taken as draws from
// the models. Same state, same suggestion; what is cached only saves time. Thread-safe.
class BayesianSuggester final : public Suggester {
 public:
  explicit BayesianSuggester(BayesianOptions options = {});

  std::optional<Suggestion> Suggest(const SearchState& state) const override;

 private:
  const BayesianOptions options_;
  const std::unique_ptr<Suggester> sobol_;
  mutable FitCache cache_;
  mutable Pace pace_;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_BAYESIAN_SUGGESTER_H_
