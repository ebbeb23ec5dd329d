#ifndef SDA_SERVICES_OPTIMIZER_CORE_SUGGESTER_H_
#define SDA_SERVICES_OPTIMIZER_CORE_SUGGESTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"

namespace sda::optimizer {

enum class Algorithm { kBayesian, kSobol, kRandom, kGrid };

// A trial as the search sees it.
struct ObservedTrial {
  enum class State { kPending, kSucceeded, kStopped, kInfeasible, kFailed };
  State state = State::kPending;
  Assignments assignments = {};
  MetricValues metrics = {};  // of kSucceeded and kStopped
  MetricValues stddevs = {};  // of those values that came with one
};

// Everything a suggestion may depend on.
struct SearchState {
  const Space& space;
  const std::vector<Metric>& metrics;
  std::vector<ObservedTrial> trials;  // in order of creation
  uint64_t seed = 0;
  // Points taken so far: suggestion number n is asked with n. Trials made by hand do not count.
  int64_t suggestions = 0;
  // Trials of earlier searches in this one's space, one list a search (see knowledge.h); for kBayesian only.
  std::vector<std::vector<ObservedTrial>> knowledge = {};
  // When a suggestion must be at hand at the latest; the infinite future for none.
  absl::Time deadline = absl::InfiniteFuture();
};

// Where a point came from and what is expected of it.
struct Suggestion {
  enum class Source { kSobol, kRandom, kGrid, kBayesian, kTransfer };
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
