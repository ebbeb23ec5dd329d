#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_SEARCH_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_SEARCH_H_

#include <functional>
#include <span>
#include <vector>

#include "services/optimizer/core/bayes/acquisition.h"
#include "services/optimizer/core/bayes/belief.h"
#include "services/optimizer/core/bayes/encoding.h"
#include "services/optimizer/core/bayes/expectation.h"
#include "services/optimizer/core/bayes/gp.h"
#include "services/optimizer/core/bayes/linear_region.h"

namespace sda::optimizer::bayes {

// An acquisition over places: models, their predictions, the chain rule between them.
class Scorer {
 public:
  Scorer(const Encoding& encoding, std::vector<const Gp*> models, const Acquisition& acquisition);

  std::vector<double> ScoreMany(const std::vector<Place>& places) const;
  // The gradient by places where the span is not empty.
  double Score(const Place& place, std::span<double> gradient) const;
  // Means and variances [model] over all fantasies.
  void Predict(const Place& place, std::vector<double>& means, std::vector<double>& variances) const;

  // What models are to be added to: by model, null for nothing. Those beyond the span: nothing.
  void Expect(std::vector<const Expectation*> expectations) { expectations_ = std::move(expectations); }
  // Adds the weighted logarithm of the priors on parameters.
  void Believe(const Belief* belief, double weight) {
    belief_ = belief;
    belief_weight_ = weight;
  }

  const Encoding& encoding() const { return encoding_; }

 private:
  const Encoding& encoding_;
  const std::vector<const Gp*> models_;
  const Acquisition& acquisition_;
  std::vector<const Expectation*> expectations_;
  const Belief* belief_ = nullptr;
  double belief_weight_ = 0;
  mutable std::vector<double> expected_by_place_;
  mutable std::vector<Gp::Scratch> scratch_;
  mutable std::vector<double> means_, variances_, by_mean_, by_variance_, coordinates_, by_coordinate_;
  mutable std::vector<char> active_;
};

struct SearchOptions {
  size_t raw_points = 512;
  size_t starts = 6;
  int evaluations = 30;  // for each climb over the real axes
  int rounds = 4;        // of alternation with the lattices and categories
  uint64_t seed = 0;
  std::span<const Place> anchors = {};          // good places to look around
  std::span<const double> lengths = {};         // scale of a step along each axis
  std::span<const double> low = {}, high = {};  // the box that is searched; empty: everywhere
  double margin = 0;  // real axes stay this far from their ends, in the even cover and what climbs from it
  const Belief* belief = nullptr;  // half of the even cover follows it
  std::function<bool()> out_of_time = nullptr;
};

struct Candidate {
  Place place;
  double score = 0;
};

struct SearchResult {
  std::vector<Candidate> candidates;  // best first; all allowed, not all different
  bool cut = false;                   // by out_of_time
};

// Places of high score: an even cover and draws around the anchors, then local searches from the best, over
// the real axes by gradient, over lattices and categories value by value. Every candidate lies on allowed
// values and in the region.
SearchResult FindBest(const Scorer& scorer, const LinearRegion& region, const SearchOptions& options);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_SEARCH_H_
