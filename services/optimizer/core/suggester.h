#ifndef SDA_SERVICES_OPTIMIZER_CORE_SUGGESTER_H_
#define SDA_SERVICES_OPTIMIZER_CORE_SUGGESTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "services/optimizer/core/early_stopping.h"
#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"

namespace sda::optimizer {

// kParzen is the tree-structured Parzen estimator (Bergstra et al. 2011), for comparison.
enum class Algorithm { kBayesian, kSobol, kRandom, kGrid, kParzen };

// A trial as the search sees it.
struct ObservedTrial {
  enum class State { kPending, kSucceeded, kStopped, kInfeasible, kFailed };
  State state = State::kPending;
  Assignments assignments = {};
  MetricValues metrics = {};  // of kSucceeded and kStopped
  MetricValues stddevs = {};  // of those values that came with one
  // Readings while it ran, by metric; may be left out. Where some trials that succeeded have them, those of
  // stopped and pending trials are extrapolated to what a whole run would have given.
  std::map<std::string, Curve> curves = {};
};

// What an earlier experiment measured. Parameters and metrics that this search knows by the same names count,
// the others are ignored; values outside of this search's ranges are allowed. Only trials that succeeded
// count.
struct Knowledge {
  std::string experiment;  // for explanations
  std::vector<ObservedTrial> trials = {};
};

// What is expected of a metric before anything is measured, e.g. by a model of the machine's cost. Scale and
// offset are learned from the trials, so that only the shape need be right.
struct PriorMean {
  std::string metric;
  // In the metric's units; values that are not finite are taken as unknown. Must be pure.
  std::function<double(const Assignments&)> predict;
};

// Everything a suggestion may depend on.
struct SearchState {
  const Space& space;
  const std::vector<Metric>& metrics;
  std::vector<ObservedTrial> trials;  // in order of creation
  uint64_t seed = 0;
  // Points taken so far: suggestion number n is asked with n. Trials made by hand do not count.
  int64_t suggestions = 0;
  // Earlier experiments and predictions, used by kBayesian only.
  std::vector<Knowledge> knowledge = {};
  std::vector<PriorMean> prior_means = {};
  // When a suggestion must be at hand at the latest; the infinite future for none.
  absl::Time deadline = absl::InfiniteFuture();
  // Whether some trial has this point; where it is set, the algorithms without a model ask it instead of
  // reading `trials`.
  std::function<bool(const Assignments&)> is_taken = {};
};

// Where a point came from and what is expected of it.
struct Suggestion {
  enum class Source { kSobol, kRandom, kGrid, kBayesian, kTransfer, kParzen };
  // What a model expects of a metric, in the metric's own units.
  struct Prediction {
    double value = 0, stddev = 0;
  };
  Assignments assignments = {};
  Source source = Source::kSobol;
  std::string text;  // one sentence for people
  int64_t suggestions_used =
      1;  // positions of the sequence that were passed over to find it, itself included
  bool deadline_cut = false;
  std::map<std::string, Prediction> predictions = {};  // by metric; empty where no model was used
  // Of meeting all constraints and thresholds; nothing where no model was used.
  std::optional<double> feasibility_probability = {};
};

// Chooses the next point to try. Implementations are stateless: the same search state gives the same
// suggestion, also after a restart. Never a duplicate of an observed point unless the space is too small to
// avoid it.
class Suggester {
 public:
  virtual ~Suggester() = default;

  // Nothing when the space is exhausted (a full grid) or no point satisfies the constraints within the tries
  // allowed.
  virtual std::optional<Suggestion> Suggest(const SearchState& state) const = 0;
};

// Of kBayesian one should be kept and asked again: it remembers its fits, which saves time and changes
// nothing. Thread-safe.
std::unique_ptr<Suggester> MakeSuggester(Algorithm algorithm);

// Points of a grid of all values; nothing for spaces with continuous or conditional parameters, or more than
// 2^40 points.
std::optional<int64_t> GridSize(const Space& space);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_SUGGESTER_H_
