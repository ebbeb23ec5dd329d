#include "services/optimizer/core/bayes/round.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <absl/time/clock.h>

#include "services/optimizer/core/bayes/normal.h"
#include "services/optimizer/core/sobol.h"

namespace sda::optimizer::bayes {
namespace {

// Fantasies cost little for one model, but each has boxes of its own.
constexpr size_t kFewFantasies = 2;
// With more trials of its own a search learns next to nothing from earlier ones.
constexpr size_t kMaxInformed = 150;
// A kernel for each coordinate takes memory and time for each; sums of more terms than trials teach little.
constexpr size_t kMaxAdditive = 32;
// With fewer, there is no evidence against what is expected beforehand.
constexpr size_t kLeastEvidence = 4;
// Of more pending trials the newest count.
constexpr size_t kMaxPending = 200;
// Of the suggestions from a local model so many look everywhere.
constexpr double kGlobalShare = 0.2;
// Standard deviation of noise, in units of that of the values, from which a point may be worth a second
// trial.
constexpr double kNoisy = 0.05;

// Variance of the noise of a value, in units of the model.
double MeanNoise(const MetricFit& fit) {
  double noise = std::exp(fit.hyper.log_noise);
  for (const double variance : fit.known_noise)
    noise += variance / static_cast<double>(fit.known_noise.size());
  return noise;
}

size_t DrawByShare(std::span<const double> shares, Rng& rng) {
  double draw = rng.Uniform();
  for (size_t k = 0; k < shares.size(); ++k) {
    draw -= shares[k];
    if (draw < 0) return k;
  }
  return shares.size() - 1;
}

}  // namespace

Round::Round(Study& study, const BayesianOptions& options, FitCache& cache, Pace& pace)
    : study_(study),
      options_(options),
      cache_(cache),
      pace_(pace),
      seed_(HashOf(study.state.seed, {51, static_cast<uint64_t>(study.state.suggestions)})),
      rng_(seed_),
      belief_(study.encoding),
      trials_(study.finished.size()) {
  const std::vector<size_t> wanted = study_.Wanted();
  if (!wanted.empty() && rng_.Uniform() < options_.goal_share) {
    aim_ = wanted[rng_.Below(wanted.size())];
    study_.AimAt(*aim_);
  }
}

bool Round::OutOfTime() const {
  return study_.state.deadline != absl::InfiniteFuture() && absl::Now() >= study_.state.deadline;
}

bool Round::HasTimeForModels() const {
  const size_t n = study_.finished.size() + study_.pending.size();
  return study_.state.deadline == absl::InfiniteFuture() ||
         absl::Now() + pace_.Expected(n, fits_.size()) < study_.state.deadline;
}

std::optional<Suggestion> Round::Run() {
  for (size_t m = 0; m < study_.modelled.size(); ++m) data_.push_back(study_.Data(m));
  for (const MetricData& data : data_) {
    if (data.values.empty()) return std::nullopt;
  }
  if (OutOfTime()) return std::nullopt;
  for (size_t m = 0; m < study_.modelled.size(); ++m) {
    expectations_.emplace_back();
    fits_.push_back(FitOf(m));
    if (OutOfTime()) return std::nullopt;
  }
  if (study_.cost) FitCost();
  if (study_.pending.size() > kMaxPending)
    study_.pending.erase(study_.pending.begin(),
                         study_.pending.end() - static_cast<std::ptrdiff_t>(kMaxPending));
  if (study_.finished.size() > kMaxExact) Localize();
  if (!study_.infeasible.empty()) failures_.emplace(study_, [this] { return OutOfTime(); });
  if (!HasTimeForModels()) {
    cut_ = true;
    return std::nullopt;
  }
  for (MetricData& data : data_) {
    for (const Study::Outcome& outcome : study_.pending) data.points.Add(outcome.coordinates);
  }
  BuildModels();
  BuildAcquisition();
  if (Stagnates() && HasTimeForModels() && LookElsewhere()) BuildAcquisition();
  return Search();
}

// Whether the metric looks like a time or a size that is to be as small as limits of others allow.
bool Round::SpansMagnitudes(size_t m) const {
  if (study_.constraints.empty()) return false;
  const auto [least, largest] = std::minmax_element(data_[m].values.begin(), data_[m].values.end());
  return *least > 0 && *largest > options_.magnitudes * *least;
}

MetricFit Round::FitOf(size_t m) {
  const auto out_of_time = [this] { return OutOfTime(); };
  const bool lone = study_.objectives.size() == 1 && study_.objectives[0] == m;
  const bool constraint =
      std::find(study_.constraints.begin(), study_.constraints.end(), m) != study_.constraints.end() &&
      study_.Limit(m);
  std::vector<ModelKind> kinds = lone && SpansMagnitudes(m) ? options_.magnitude_kinds
                                 : lone                     ? options_.kinds
                                 : constraint               ? options_.constraint_kinds
                                                            : options_.front_kinds;
  const size_t n = data_[m].values.size(), coordinates = study_.encoding.layout().coordinates;
  if (coordinates < 2 || coordinates > kMaxAdditive || n > kMaxWithEvidence)
    std::erase_if(kinds, [](const ModelKind& kind) { return kind.structure == Structure::kAdditive; });
  std::vector<MetricFit> fits;
  std::vector<std::unique_ptr<Expectation>> expectations;
  const bool informed =
      (!study_.state.knowledge.empty() && n <= kMaxInformed) || !study_.state.prior_means.empty();
  // Rough fits are compared with one another, whole ones with those around an expectation.
  const auto fit_one = informed || kinds.size() == 1 ? FitMetric : FitRoughly;
  for (size_t k = 0; k < kinds.size(); ++k) kinds[k].turn = m + k;
  for (const ModelKind& kind : kinds) {
    fits.push_back(fit_one(data_[m], kind, cache_, out_of_time));
    expectations.emplace_back();
  }
  for (size_t k = 0; informed && k < kinds.size(); ++k) {
    for (const bool given : {true, false}) {
      auto expectation = given ? ExpectPriorMean(study_, m, fits[k])
                               : (n <= kMaxInformed ? ExpectKnowledge(study_, m, fits[k], cache_) : nullptr);
      if (!expectation || OutOfTime()) continue;
      std::vector<double> around;
      for (const Study::Outcome& outcome : study_.finished) {
        if (!std::isnan(outcome.values[m])) around.push_back(expectation->At(outcome.place, {}));
      }
      fits.push_back(FitAround(data_[m], fits[k], std::move(around), out_of_time));
      expectations.push_back(std::move(expectation));
    }
  }
  if (lone) {
    // What is noise to one model may be ripples to another. Warps would learn from the noise.
    const auto quietest =
        std::min_element(fits.begin(), fits.end(),
                         [](const MetricFit& a, const MetricFit& b) { return MeanNoise(a) < MeanNoise(b); });
    noisy_ = MeanNoise(*quietest) > options_.noisy * options_.noisy;
    const auto linear = [](const MetricFit& fit) { return fit.kind.warp == Warp::Kind::kLinear; };
    if (noisy_ && fits.size() == kinds.size() && std::any_of(fits.begin(), fits.end(), linear))
      std::erase_if(fits, std::not_fn(linear));
  }
  size_t chosen = 0;
  if (fits.size() > kinds.size() && n < kLeastEvidence) {
    chosen = kinds.size() + rng_.Below(fits.size() - kinds.size());
  } else if (fits.size() > 1) {
    chosen = DrawByShare(BeliefShares(fits, options_.temper), rng_);
  }
  // Only what is used is fitted to the last value.
  if (fit_one == FitRoughly) Refine(data_[m], fits[chosen], out_of_time);
  expectations_[m] = std::move(expectations[chosen]);
  return std::move(fits[chosen]);
}

// The logarithm of the cost has a process of its own, whatever else the metric is for.
void Round::FitCost() {
  cost_data_ = {.layout = &study_.encoding.layout(), .points = Points(study_.encoding.layout().coordinates)};
  for (size_t i = 0; i < study_.finished.size(); ++i) {
    if (std::isnan(study_.costs[i])) continue;
    cost_data_.points.Add(study_.finished[i].coordinates);
    cost_data_.values.push_back(std::log(study_.costs[i]));
  }
  if (cost_data_.values.size() < 2) return;
  cost_fit_ =
      FitMetric(cost_data_, {Warp::Kind::kLinear, HyperPrior::kWide}, cache_, [this] { return OutOfTime(); });
}

// Whether the lone objective hardly moved over the last trials that ended.
bool Round::Stagnates() const {
  if (study_.objectives.size() != 1) return false;
  const size_t m = study_.objectives[0];
  std::vector<double> values;
  for (const Study::Outcome& outcome : study_.finished) {
    if (outcome.valued && study_.KeepsConstraints(outcome)) values.push_back(outcome.values[m]);
  }
  // What is pending was begun with the last improvements in mind, and may bring the next.
  const size_t window = 3 + study_.encoding.size() / 2 + study_.pending.size();
  if (values.size() < 2 * window) return false;
  const double best = *std::min_element(values.begin(), values.end());
  const double before = *std::min_element(values.begin(), values.end() - static_cast<std::ptrdiff_t>(window));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return before - best <= options_.stagnation * (values[values.size() / 2] - best);
}

// Noise that only the model believes in is no reason: with few trials it is often wrong.
bool Round::IsNoisy() const {
  if (!study_.noise_stated) return false;
  for (size_t m = 0; m < fits_.size(); ++m) {
    double known = 0;
    for (const double variance : fits_[m].known_noise)
      known += variance / static_cast<double>(fits_[m].known_noise.size());
    if (known > kNoisy * kNoisy) return true;
  }
  return false;
}

void Round::Localize() {
  const double pick = rng_.Uniform();
  locality_ = ChooseLocality(study_, pick, rng_.Uniform() < kGlobalShare);
  // Positions of the chosen trials in the data of a metric that has a value of some trials only.
  const auto positions = [&](const auto& has_value) {
    std::vector<size_t> kept;
    size_t position = 0, next = 0;
    for (size_t i = 0; i < study_.finished.size(); ++i) {
      const bool chosen = next < locality_->finished.size() && locality_->finished[next] == i;
      next += chosen;
      if (!has_value(i)) continue;
      if (chosen) kept.push_back(position);
      ++position;
    }
    return kept;
  };
  const auto select = [&](MetricData& data, MetricFit& fit, const std::vector<size_t>& kept) {
    data = SelectPoints(data, kept);
    for (std::vector<double>* column : {&fit.y, &fit.around, &fit.known_noise}) {
      if (column->empty()) continue;
      std::vector<double> selected;
      for (const size_t i : kept) selected.push_back((*column)[i]);
      *column = std::move(selected);
    }
  };
  for (size_t m = 0; m < fits_.size(); ++m)
    select(data_[m], fits_[m],
           positions([&](size_t i) { return !std::isnan(study_.finished[i].values[m]); }));
  if (cost_fit_)
    select(cost_data_, *cost_fit_, positions([&](size_t i) { return !std::isnan(study_.costs[i]); }));
  study_.Restrict(locality_->finished, locality_->infeasible);
}

void Round::BuildModels() {
  const absl::Time began = absl::Now();
  const size_t pending = study_.pending.size();
  fantasies_ = pending == 0 ? 1 : (study_.objectives.size() == 1 ? options_.fantasies : kFewFantasies);
  if (noisy_) fantasies_ = options_.noise_draws;  // what the best so far is truly worth is open
  models_.clear();
  models_.reserve(fits_.size() + 2);
  expected_.resize(fits_.size());
  for (size_t m = 0; m < fits_.size(); ++m) {
    const MetricData& data = data_[m];
    const MetricFit& fit = fits_[m];
    std::vector<double> known = fit.known_noise;
    if (!known.empty()) known.resize(known.size() + pending, known.back());
    if (expectations_[m]) {
      expected_[m] = fit.around;
      for (const Study::Outcome& outcome : study_.pending)
        expected_[m].push_back(expectations_[m]->At(outcome.place, {}));
    }
    TrainingSet set = SetOf(data, fit);
    set.n = data.points.size();
    set.known_noise = known;
    if (noisy_ && m == study_.objectives[0]) {
      models_.emplace_back(Gp::OfTrueValues(), set, fit.hyper, pending, Draws(m, 2 * set.n - pending),
                           fantasies_);
    } else {
      models_.emplace_back(set, fit.hyper, pending, Draws(m, pending), fantasies_);
    }
  }
  if (failures_) {
    models_.emplace_back(failures_->Set(), failures_->hyper(), 0, std::span<const double>{}, fantasies_);
  }
  if (cost_fit_) {
    TrainingSet set = SetOf(cost_data_, *cost_fit_);
    set.known_noise = {};
    models_.emplace_back(set, cost_fit_->hyper, 0, std::span<const double>{}, fantasies_);
  }
  pace_.Took(study_.finished.size() + pending, models_.size(), absl::Now() - began);
}

// [fantasy][count] standard normal draws, evenly spread over the fantasies.
std::vector<double> Round::Draws(size_t m, size_t count) const {
  std::vector<double> draws;
  if (count == 0) return draws;
  const size_t dimensions = std::min<size_t>(count, SobolSequence::kMaxDimensions);
  const SobolSequence sequence(static_cast<int>(dimensions), HashOf(seed_, {52, m}));
  Rng rng(HashOf(seed_, {55, m}));
  for (size_t f = 0; f < fantasies_; ++f) {
    const std::vector<double> unit = sequence.Point(static_cast<uint32_t>(f));
    for (size_t k = 0; k < count; ++k)
      draws.push_back(k < dimensions ? NormalQuantile(std::clamp(unit[k], 1e-6, 1 - 1e-6)) : rng.Normal());
  }
  return draws;
}

}  // namespace sda::optimizer::bayes
