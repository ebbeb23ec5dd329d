#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_METRIC_MODEL_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_METRIC_MODEL_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "services/optimizer/core/bayes/gp.h"
#include "services/optimizer/core/bayes/warp.h"

namespace sda::optimizer::bayes {

// Fitted hyperparameters by a hash of everything they depend on. A cache only: a miss is computed anew with
// the same result. Thread-safe.
class FitCache {
 public:
  std::optional<Hyper> Find(uint64_t key) const;
  void Store(uint64_t key, const Hyper& hyper);

 private:
  static constexpr size_t kMaxEntries = 20'000;
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, Hyper> fits_;
};

// One way to model a metric.
struct ModelKind {
  Warp::Kind warp = Warp::Kind::kLinear;
  HyperPrior prior = HyperPrior::kWide;
  // Prior variance of the unknown mean of the values. At 0 the mean is that of the trials: the more of them
  // crowd where values are good, the better is what is expected elsewhere, so that the search leaves a crowd
  // by itself.
  double mean_variance = kMeanVariance;
  Kernel kernel = Kernel::kMatern52;
  Structure structure = Structure::kJoint;
  // Which of the ways that are compared. Each is fitted thoroughly in its turn, not all with the same trial:
  // that one suggestion would take four times as long as any other.
  size_t turn = 0;
};

// Beyond this many values hyperparameters are fitted to a choice of them, and there is no evidence.
inline constexpr size_t kMaxWithEvidence = 300;

// What was observed of a metric, smaller values being better, in order of creation.
struct MetricData {
  const Layout* layout = nullptr;
  Points points;                         // those with a value
  std::vector<double> values = {};       // finite
  std::vector<double> known_noise = {};  // variances in units of the values; NaN where unknown
  bool exact = false;                    // the metric has no noise
  double limit = 0;                      // what Warp::Kind::kAroundLimit is around
};

// A fitted model: what a Gp needs besides pending points.
struct MetricFit {
  ModelKind kind;
  Warp warp;
  std::vector<double> y;            // warped, less `around`
  std::vector<double> around;       // what was expected of each point beforehand; empty: nothing
  std::vector<double> known_noise;  // of y; empty where nothing is known
  Hyper hyper;
  // Mean over the better half of log p(value | all other values), in the metric's own units: comparable
  // between kinds.
  double evidence = 0;
};

// The fit's data as a Gp takes them.
TrainingSet SetOf(const MetricData& data, const MetricFit& fit);

// Fits the kind to the data. The search for hyperparameters starts from those fitted to earlier, fixed parts
// of the data, so that it is short, and the result still depends on the data alone. Where `out_of_time` cuts
// it, the hyperparameters are those found so far, and nothing of them is cached.
MetricFit FitMetric(const MetricData& data, ModelKind kind, FitCache& cache,
                    const std::function<bool()>& out_of_time = nullptr);

// The same with the hyperparameters of the last such part, which costs next to nothing where that was fitted
// before; and the rest of the fit.
MetricFit FitRoughly(const MetricData& data, ModelKind kind, FitCache& cache,
                     const std::function<bool()>& out_of_time = nullptr);
void Refine(const MetricData& data, MetricFit& fit, const std::function<bool()>& out_of_time = nullptr);

// The same where something is expected of each point beforehand, in warped units: a process over the
// differences.
MetricFit FitAround(const MetricData& data, const MetricFit& plain, std::vector<double> around,
                    const std::function<bool()>& out_of_time = nullptr);

// The given points only, in their order.
MetricData SelectPoints(const MetricData& data, std::span<const size_t> points);

// Shares of belief in the fits: softmax of evidence times the number of points it was taken over, tempered.
// An additive fit has none where a joint one, which assumes less, predicts as well.
std::vector<double> BeliefShares(std::span<const MetricFit> fits, double temper);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_METRIC_MODEL_H_
