#include "services/optimizer/core/insights/metric_insights.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/metric_model.h"
#include "services/optimizer/core/bayes/study.h"
#include "services/optimizer/core/sobol.h"

namespace sda::optimizer {
namespace {

using bayes::Encoding;
using bayes::Gp;
using bayes::Matrix;
using bayes::Place;

constexpr size_t kMaxObservations = 300;
// Base points of the Sobol indices; each costs one prediction a parameter and two more.
constexpr size_t kBasePoints = 512;
// Models of resampled trials, over fewer points.
constexpr size_t kResamples = 12;
constexpr size_t kResampledBasePoints = 128;
// Points over which the other parameters are averaged.
constexpr size_t kAveragePoints = 128;
constexpr uint64_t kStream = 71;

// The parts of the indices of one model.
struct Shares {
  std::vector<double> main, total;
};

class Explainer {
 public:
  Explainer(const Space& space, const Metric& metric, const std::vector<ObservedTrial>& trials,
            const InsightsOptions& options)
      : space_(space), metric_{metric}, options_(options) {
    metric_[0].strategy = Strategy::kOptimize;
    metric_[0].threshold.reset();
    for (size_t i = trials.size(); i-- > 0 && used_.size() < kMaxObservations;) {
      const auto value = trials[i].metrics.find(metric.name);
      const bool finished = trials[i].state == ObservedTrial::State::kSucceeded ||
                            trials[i].state == ObservedTrial::State::kStopped;
      if (finished && value != trials[i].metrics.end() && std::isfinite(value->second)) used_.push_back(i);
    }
    std::reverse(used_.begin(), used_.end());
    for (const size_t i : used_) kept_.push_back(trials[i]);
  }

  MetricInsights Run() {
    MetricInsights insights;
    insights.observations = used_.size();
    if (used_.size() < kFewestForInsights) return insights;
    const SearchState state{.space = space_, .metrics = metric_, .trials = kept_};
    study_ = std::make_unique<bayes::Study>(state);
    data_ = study_->Data(0);
    const bayes::ModelKind kind{bayes::Warp::Kind::kLinear, bayes::HyperPrior::kWide};
    bayes::FitCache cache;
    fit_ = std::make_unique<bayes::MetricFit>(FitMetric(data_, kind, cache));
    const Gp model(Set(data_.points, fit_->y, fit_->known_noise), fit_->hyper);
    LeaveOneOut(model, insights);
    Rank(model, insights);
    for (size_t axis = 0; axis < encoding().size(); ++axis)
      insights.dependence.push_back(DependenceOn(axis, model));
    return insights;
  }

 private:
  const Encoding& encoding() const { return study_->encoding; }

  bayes::TrainingSet Set(const bayes::Points& points, std::span<const double> y,
                         std::span<const double> noise) const {
    return {.layout = &encoding().layout(), .points = &points, .n = y.size(), .y = y, .known_noise = noise};
  }

  double Sign() const { return metric_[0].maximize ? -1 : 1; }

  // From the model's units to the metric's: value and deviation.
  std::pair<double, double> Unwarp(double mean, double deviation) const {
    const bayes::Warp& warp = fit_->warp;
    return {Sign() * warp.Invert(mean),
            0.5 * (warp.Invert(mean + deviation) - warp.Invert(mean - deviation))};
  }

  void LeaveOneOut(const Gp& model, MetricInsights& insights) const {
    std::vector<double> means, variances;
    model.LeaveOneOut(means, variances);
    double error = 0, spread = 0, sum = 0;
    for (const double value : data_.values) sum += value;
    const double mean = sum / static_cast<double>(data_.values.size());
    size_t inside = 0;
    for (size_t i = 0; i < data_.values.size(); ++i) {
      LeftOut left{.trial = used_[i], .observed = Sign() * data_.values[i]};
      std::tie(left.mean, left.stddev) = Unwarp(means[i], std::sqrt(variances[i]));
      error += (left.observed - left.mean) * (left.observed - left.mean);
      spread += (data_.values[i] - mean) * (data_.values[i] - mean);
      inside += std::abs(left.observed - left.mean) <= 2 * left.stddev;
      insights.left_out.push_back(left);
    }
    const auto n = static_cast<double>(data_.values.size());
    insights.explained_variance = spread > 0 ? 1 - error / spread : (error > 0 ? 0 : 1);
    insights.two_sigma_coverage = static_cast<double>(inside) / n;
  }

  // Evenly over the space, two halves of each point for the two designs of Saltelli.
  std::vector<Place> Design(size_t count, uint64_t stream, size_t half) const {
    const size_t d = encoding().size();
    const bool sobol = 2 * d <= SobolSequence::kMaxDimensions;
    const SobolSequence sequence(sobol ? static_cast<int>(2 * d) : 1,
                                 HashOf(options_.seed, {kStream, stream}));
    Rng rng(HashOf(options_.seed, {kStream, stream, half}));
    std::vector<Place> places(count, Place(d));
    for (size_t i = 0; i < count; ++i) {
      std::vector<double> unit(d);
      if (sobol) {
        const std::vector<double> point = sequence.Point(static_cast<uint32_t>(i));
        std::copy_n(point.begin() + static_cast<std::ptrdiff_t>(half * d), d, unit.begin());
      } else {
        for (double& coordinate : unit) coordinate = rng.Uniform();
      }
      encoding().FromCube(unit, places[i]);
    }
    return places;
  }

  // Means of the model, and its variances.
  void Predict(const Gp& model, const std::vector<Place>& places, std::vector<double>& means,
               std::vector<double>& variances) const {
    Matrix points(places.size(), encoding().layout().coordinates);
    std::vector<char> active;
    for (size_t i = 0; i < places.size(); ++i) {
      encoding().ActiveAxes(places[i], active);
      encoding().Coordinates(places[i], active, points.row(i));
    }
    model.PredictMany(points, places.size(), means, variances);
  }

  Shares SharesOf(const Gp& model, size_t count, uint64_t stream) const {
    const size_t d = encoding().size();
    const std::vector<Place> a = Design(count, stream, 0), b = Design(count, stream, 1);
    std::vector<double> at_a, at_b, at_mixed, variances;
    Predict(model, a, at_a, variances);
    Predict(model, b, at_b, variances);
    double mean = 0, variance = 0;
    for (size_t i = 0; i < count; ++i) mean += (at_a[i] + at_b[i]) / (2.0 * static_cast<double>(count));
    for (size_t i = 0; i < count; ++i) {
      variance += ((at_a[i] - mean) * (at_a[i] - mean) + (at_b[i] - mean) * (at_b[i] - mean)) /
                  (2.0 * static_cast<double>(count));
    }
    Shares shares{.main = std::vector<double>(d, 0), .total = std::vector<double>(d, 0)};
    // A model that sees nothing but its mean gives every parameter nothing.
    if (!(variance > 1e-12)) return shares;
    for (size_t axis = 0; axis < d; ++axis) {
      std::vector<Place> mixed = a;
      for (size_t i = 0; i < count; ++i) mixed[i][axis] = b[i][axis];
      Predict(model, mixed, at_mixed, variances);
      double main = 0, total = 0;
      for (size_t i = 0; i < count; ++i) {
        main += (at_b[i] - mean) * (at_mixed[i] - at_a[i]);
        total += 0.5 * (at_a[i] - at_mixed[i]) * (at_a[i] - at_mixed[i]);
      }
      const double scale = 1 / (variance * static_cast<double>(count));
      shares.total[axis] = std::clamp(total * scale, 0.0, 1.0);
      shares.main[axis] = std::clamp(main * scale, 0.0, 1.0);
    }
    return shares;
  }

  void Rank(const Gp& model, MetricInsights& insights) const {
    const Shares shares = SharesOf(model, kBasePoints, 0);
    const size_t d = encoding().size(), n = fit_->y.size();
    std::vector<double> sum(d, 0), squares(d, 0);
    std::vector<double> point(encoding().layout().coordinates);
    for (size_t r = 0; r < kResamples; ++r) {
      Rng rng(HashOf(options_.seed, {kStream, 100 + r}));
      bayes::Points points(encoding().layout().coordinates);
      std::vector<double> y, noise;
      for (size_t i = 0; i < n; ++i) {
        const size_t k = rng.Below(n);
        data_.points.Get(k, point);
        points.Add(point);
        y.push_back(fit_->y[k]);
        if (!fit_->known_noise.empty()) noise.push_back(fit_->known_noise[k]);
      }
      const Gp resampled(Set(points, y, noise), fit_->hyper);
      const Shares other = SharesOf(resampled, kResampledBasePoints, 1 + r);
      for (size_t axis = 0; axis < d; ++axis) {
        sum[axis] += other.total[axis];
        squares[axis] += other.total[axis] * other.total[axis];
      }
    }
    for (size_t axis = 0; axis < d; ++axis) {
      const double mean = sum[axis] / kResamples;
      const double variance = (squares[axis] - mean * sum[axis]) / (kResamples - 1);
      insights.importance.push_back({.parameter = space_.parameters[axis].name,
                                     .main_share = shares.main[axis],
                                     .total_share = shares.total[axis],
                                     .total_share_stddev = std::sqrt(std::max(variance, 0.0))});
    }
    std::stable_sort(insights.importance.begin(), insights.importance.end(),
                     [](const Importance& a, const Importance& b) { return a.total_share > b.total_share; });
  }

  // The places of a curve: all values of a short list, else evenly over the axis.
  std::vector<double> PlacesOn(size_t axis) const {
    const bayes::Axis& info = encoding().axis(axis);
    const size_t points = std::max<size_t>(options_.dependence_points, 1);
    std::vector<double> places;
    if (info.kind == bayes::Axis::Kind::kCategory || (info.count > 0 && info.count <= points)) {
      for (size_t k = 0; k < info.count; ++k) places.push_back(encoding().At(axis, k));
      return places;
    }
    for (size_t k = 0; k < points; ++k) {
      const double x = points == 1 ? 0.5 : static_cast<double>(k) / static_cast<double>(points - 1);
      const double place = info.kind == bayes::Axis::Kind::kReal ? x : encoding().Nearest(axis, x);
      if (places.empty() || place > places.back()) places.push_back(place);
    }
    return places;
  }

  Dependence DependenceOn(size_t axis, const Gp& model) const {
    Dependence dependence{.parameter = space_.parameters[axis].name, .points = {}};
    std::vector<Place> others = Design(kAveragePoints, 50, 0);
    Space alone;
    alone.parameters.push_back(space_.parameters[axis]);
    alone.parameters[0].conditions.clear();
    const Encoding single(alone);
    std::vector<double> means, variances;
    std::vector<char> active;
    for (const double place : PlacesOn(axis)) {
      std::vector<Place> places;
      for (Place& other : others) {
        other[axis] = place;
        encoding().ActiveAxes(other, active);
        if (active[axis]) places.push_back(other);  // where it does not exist it has no value
      }
      if (places.empty()) continue;
      Predict(model, places, means, variances);
      const auto n = static_cast<double>(places.size());
      const double mean = std::accumulate(means.begin(), means.end(), 0.0) / n;
      // The errors of neighbouring places go together: their mean deviation, not that of independent ones.
      double deviation = 0;
      for (const double variance : variances) deviation += std::sqrt(variance) / n;
      Dependence::Point point{.value = single.ToAssignments({place}).begin()->second};
      std::tie(point.mean, point.stddev) = Unwarp(mean, deviation);
      dependence.points.push_back(std::move(point));
    }
    return dependence;
  }

  const Space& space_;
  std::vector<Metric> metric_;
  const InsightsOptions& options_;
  std::vector<size_t> used_;
  std::vector<ObservedTrial> kept_;
  std::unique_ptr<bayes::Study> study_;
  bayes::MetricData data_;
  std::unique_ptr<bayes::MetricFit> fit_;
};

}  // namespace

MetricInsights ExplainMetric(const Space& space, const Metric& metric,
                             const std::vector<ObservedTrial>& trials, const InsightsOptions& options) {
  return Explainer(space, metric, trials, options).Run();
}

}  // namespace sda::optimizer
