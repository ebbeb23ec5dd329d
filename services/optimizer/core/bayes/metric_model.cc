#include "services/optimizer/core/bayes/metric_model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/normal.h"

namespace sda::optimizer::bayes {
namespace {

// Up to this many points the hyperparameters follow every new value.
constexpr size_t kAlwaysRefined = 150;
constexpr double kMinNoise = 1e-6;
constexpr double kMinNoiseExact = 1e-8;

// Sizes of the data at which a thorough fit is made: 4, 6, 8, … and later a sixth more each time; of each
// turn another quarter of the way to the next.
constexpr size_t kTurns = 4;
size_t CheckpointBelow(size_t n, size_t turn) {
  size_t at = 0;
  for (size_t size = 4;;) {
    const size_t step = std::max<size_t>(2, size / 6);
    const size_t own = size + step * (turn % kTurns) / kTurns;
    if (own >= n) return at;
    at = own;
    size += step;
  }
}

using OutOfTime = std::function<bool()>;

struct Prepared {
  Warp warp;
  std::vector<double> y, noise;
};

Prepared Prepare(const MetricData& data, Warp::Kind kind, size_t n) {
  const std::span<const double> values(data.values.data(), n);
  Prepared prepared{.warp = Warp(kind, values, data.limit), .y = {}, .noise = {}};
  prepared.y.reserve(n);
  bool any = false;
  for (size_t i = 0; i < n; ++i) {
    prepared.y.push_back(prepared.warp.Apply(values[i]));
    const double slope = prepared.warp.Slope(values[i]);
    const double known = i < data.known_noise.size() ? data.known_noise[i] : NAN;
    const double noise = known * slope * slope;
    prepared.noise.push_back(std::isfinite(noise) ? std::min(noise, 4.0) : 0.0);
    any = any || prepared.noise.back() > 0;
  }
  if (!any) prepared.noise.clear();
  return prepared;
}

// For many points: the best third, the newest third, and of the rest every so-and-so-many-th.
std::vector<size_t> Subset(std::span<const double> y, size_t count) {
  std::vector<size_t> order(y.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return y[a] < y[b]; });
  std::vector<char> taken(y.size(), 0);
  for (size_t i = 0; i < count / 3; ++i) taken[order[i]] = 1;
  for (size_t i = y.size() - count / 3; i < y.size(); ++i) taken[i] = 1;
  std::vector<size_t> rest, subset;
  for (size_t i = 0; i < y.size(); ++i) {
    if (!taken[i]) rest.push_back(i);
  }
  const size_t more = count - count / 3 * 2;
  for (size_t k = 0; k < more && !rest.empty(); ++k) taken[rest[k * rest.size() / more]] = 1;
  for (size_t i = 0; i < y.size(); ++i) {
    if (taken[i]) subset.push_back(i);
  }
  return subset;
}

uint64_t HashData(const MetricData& data, ModelKind kind, size_t n) {
  uint64_t hash =
      HashOf(41, {static_cast<uint64_t>(kind.warp), static_cast<uint64_t>(kind.prior),
                  static_cast<uint64_t>(kind.kernel), static_cast<uint64_t>(kind.structure), kind.turn,
                  std::bit_cast<uint64_t>(kind.mean_variance), n, data.exact,
                  std::bit_cast<uint64_t>(data.limit), data.layout->coordinates, data.layout->numeric});
  std::vector<double> point(data.layout->coordinates);
  for (size_t i = 0; i < n; ++i) {
    data.points.Get(i, point);
    for (const double x : point) hash = MixBits(hash ^ std::bit_cast<uint64_t>(x)) + 1;
    hash = MixBits(hash ^ std::bit_cast<uint64_t>(data.values[i])) + 2;
    if (i < data.known_noise.size()) hash = MixBits(hash ^ std::bit_cast<uint64_t>(data.known_noise[i])) + 3;
  }
  return hash;
}

Hyper Fit(const MetricData& data, ModelKind kind, size_t n, const Prepared& prepared,
          std::span<const Hyper> starts, int evaluations, const OutOfTime& out_of_time) {
  FitOptions options{.prior = kind.prior,
                     .min_noise = data.exact ? kMinNoiseExact : kMinNoise,
                     .max_evaluations = evaluations,
                     .out_of_time = out_of_time};
  TrainingSet set{.layout = data.layout,
                  .points = &data.points,
                  .n = n,
                  .y = prepared.y,
                  .known_noise = prepared.noise,
                  .offset = kind.mean_variance,
                  .kernel = kind.kernel,
                  .structure = kind.structure};
  if (n <= kMaxWithEvidence) return FitMap(set, options, starts);
  Points points(data.layout->coordinates);
  std::vector<double> y, noise, point(data.layout->coordinates);
  for (const size_t i : Subset(prepared.y, kMaxWithEvidence)) {
    data.points.Get(i, point);
    points.Add(point);
    y.push_back(prepared.y[i]);
    if (!prepared.noise.empty()) noise.push_back(prepared.noise[i]);
  }
  set.points = &points;
  set.n = y.size();
  set.y = y;
  set.known_noise = noise;
  return FitMap(set, options, starts);
}

// Hyperparameters fitted to the first n values, n a checkpoint or 0.
Hyper FitCheckpoint(const MetricData& data, ModelKind kind, size_t n, FitCache& cache,
                    const OutOfTime& out_of_time) {
  if (n == 0) return DefaultHyper(*data.layout, kind.prior, kind.structure);
  const uint64_t key = HashData(data, kind, n);
  if (const auto found = cache.Find(key)) return *found;
  // Beyond the subset's size every fit costs the same: the chain goes on from the last whole one, so that a
  // service that starts with thousands of trials does not have to walk it.
  const Hyper before = FitCheckpoint(
      data, kind, CheckpointBelow(std::min(n, kMaxWithEvidence + 1), kind.turn), cache, out_of_time);
  const Hyper fresh = DefaultHyper(*data.layout, kind.prior, kind.structure);
  const Hyper fitted = Fit(data, kind, n, Prepare(data, kind.warp, n), std::array{before, fresh},
                           n > 100 ? 14 : 30, out_of_time);
  if (!out_of_time || !out_of_time()) cache.Store(key, fitted);
  return fitted;
}

MetricFit FitWithoutEvidence(const MetricData& data, ModelKind kind, FitCache& cache,
                             const OutOfTime& out_of_time) {
  const size_t n = data.values.size();
  Prepared prepared = Prepare(data, kind.warp, n);
  return {.kind = kind,
          .warp = prepared.warp,
          .y = std::move(prepared.y),
          .around = {},
          .known_noise = std::move(prepared.noise),
          .hyper = FitCheckpoint(data, kind, CheckpointBelow(n, kind.turn), cache, out_of_time)};
}

double Evidence(const MetricData& data, const MetricFit& fit) {
  const size_t n = data.values.size();
  std::vector<double> means, variances;
  Gp(SetOf(data, fit), fit.hyper).LeaveOneOut(means, variances);
  std::vector<double> warped = fit.y;
  for (size_t i = 0; i < fit.around.size(); ++i) warped[i] += fit.around[i];
  std::vector<double> sorted = warped;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  double sum = 0, count = 0;
  for (size_t i = 0; i < n; ++i) {
    if (warped[i] > *middle) continue;
    const double sd = std::sqrt(variances[i]);
    // Heavy tails: one value that no model foresaw must not decide alone.
    const double log = std::max(LogNormalPdf((fit.y[i] - means[i]) / sd), -8.0) - std::log(sd);
    sum += log + std::log(fit.warp.Slope(data.values[i]));
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

}  // namespace

std::optional<Hyper> FitCache::Find(uint64_t key) const {
  const std::lock_guard lock(mutex_);
  const auto found = fits_.find(key);
  if (found == fits_.end()) return std::nullopt;
  return found->second;
}

void FitCache::Store(uint64_t key, const Hyper& hyper) {
  const std::lock_guard lock(mutex_);
  if (fits_.size() >= kMaxEntries) fits_.clear();
  fits_[key] = hyper;
}

TrainingSet SetOf(const MetricData& data, const MetricFit& fit) {
  return {.layout = data.layout,
          .points = &data.points,
          .n = fit.y.size(),
          .y = fit.y,
          .known_noise = fit.known_noise,
          .offset = fit.kind.mean_variance,
          .kernel = fit.kind.kernel,
          .structure = fit.kind.structure};
}

MetricFit FitRoughly(const MetricData& data, ModelKind kind, FitCache& cache, const OutOfTime& out_of_time) {
  MetricFit fit = FitWithoutEvidence(data, kind, cache, out_of_time);
  if (fit.y.size() <= kMaxWithEvidence) fit.evidence = Evidence(data, fit);
  return fit;
}

void Refine(const MetricData& data, MetricFit& fit, const OutOfTime& out_of_time) {
  const size_t n = fit.y.size();
  if (n > kAlwaysRefined) return;
  const Prepared prepared{.warp = fit.warp, .y = fit.y, .noise = fit.known_noise};
  fit.hyper = Fit(data, fit.kind, n, prepared, std::array{fit.hyper}, 12, out_of_time);
}

MetricFit FitMetric(const MetricData& data, ModelKind kind, FitCache& cache, const OutOfTime& out_of_time) {
  MetricFit fit = FitWithoutEvidence(data, kind, cache, out_of_time);
  Refine(data, fit, out_of_time);
  if (fit.y.size() <= kMaxWithEvidence) fit.evidence = Evidence(data, fit);
  return fit;
}

MetricFit FitAround(const MetricData& data, const MetricFit& plain, std::vector<double> around,
                    const OutOfTime& out_of_time) {
  MetricFit fit = plain;
  for (size_t i = 0; i < around.size(); ++i) fit.y[i] -= around[i];
  fit.around = std::move(around);
  const size_t n = fit.y.size();
  if (n <= kAlwaysRefined) {
    const Prepared prepared{.warp = fit.warp, .y = fit.y, .noise = fit.known_noise};
    const Hyper fresh = DefaultHyper(*data.layout, fit.kind.prior, fit.kind.structure);
    fit.hyper = Fit(data, fit.kind, n, prepared, std::array{plain.hyper, fresh}, 12, out_of_time);
  }
  if (n <= kMaxWithEvidence) fit.evidence = Evidence(data, fit);
  return fit;
}

MetricData SelectPoints(const MetricData& data, std::span<const size_t> points) {
  MetricData selected{.layout = data.layout, .points = Points(data.layout->coordinates)};
  selected.exact = data.exact;
  selected.limit = data.limit;
  std::vector<double> point(data.layout->coordinates);
  for (const size_t i : points) {
    data.points.Get(i, point);
    selected.points.Add(point);
    selected.values.push_back(data.values[i]);
    if (!data.known_noise.empty()) selected.known_noise.push_back(data.known_noise[i]);
  }
  return selected;
}

std::vector<double> BeliefShares(std::span<const MetricFit> fits, double temper) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  double joint = kNone;
  for (const MetricFit& fit : fits) {
    if (fit.kind.structure == Structure::kJoint) joint = std::max(joint, fit.evidence);
  }
  std::vector<double> logs;
  for (const MetricFit& fit : fits) {
    const bool earned = fit.kind.structure == Structure::kJoint || fit.evidence > joint;
    logs.push_back(earned ? temper * std::sqrt(static_cast<double>(fit.y.size())) * fit.evidence : kNone);
  }
  const double total = LogSum(logs);
  for (double& log : logs)
    log = std::isfinite(total) ? std::exp(log - total) : 1.0 / static_cast<double>(logs.size());
  return logs;
}

}  // namespace sda::optimizer::bayes
