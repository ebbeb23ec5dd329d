#include "services/optimizer/core/bayes/bayesian_suggester.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/acquisition.h"
#include "services/optimizer/core/bayes/normal.h"
#include "services/optimizer/core/bayes/search.h"
#include "services/optimizer/core/bayes/study.h"
#include "services/optimizer/core/bayes/transfer.h"
#include "services/optimizer/core/sobol.h"

namespace sda::optimizer::bayes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Fantasies cost little for one model, but each has boxes of its own.
constexpr size_t kFewFantasies = 2;
// The share of failures is known well enough.
constexpr double kFailureOffset = 0.05;
// Points before the first model of a search that earlier ones inform.
constexpr size_t kFewestInformed = 3;
// Two trials at a time this close, in the unit cube, tell little more than one.
constexpr double kPendingDistance = 1e-3;

// One suggestion in the making.
class Round {
 public:
  Round(const Study& study, const BayesianOptions& options, FitCache& cache)
      : study_(study),
        options_(options),
        cache_(cache),
        seed_(HashOf(study.state.seed, {51, static_cast<uint64_t>(study.state.suggestions)})),
        rng_(seed_) {}

  std::optional<Suggestion> Run() {
    for (size_t m = 0; m < study_.modelled.size(); ++m) data_.push_back(study_.Data(m));
    for (const MetricData& data : data_) {
      if (data.values.empty()) return std::nullopt;
    }
    if (OutOfTime()) return std::nullopt;
    for (size_t m = 0; m < study_.modelled.size(); ++m) {
      fits_.push_back(FitOf(m));
      if (OutOfTime()) return std::nullopt;
    }
    if (!study_.infeasible.empty()) FitFailures();
    if (Stagnates() && rng_.Uniform() < options_.explore_share) {
      const double shrink = std::log(options_.explore_shrink) * rng_.Uniform();
      for (double& log_length : fits_[study_.objectives[0]].hyper.log_length) log_length += shrink;
      margin_ = options_.explore_margin * rng_.Uniform();
      least_gain_ = std::exp(rng_.Uniform(std::log(options_.explore_low), std::log(options_.explore_high)));
    }
    BuildModels();
    BuildAcquisition();
    return Search();
  }

 private:
  bool OutOfTime() const {
    return study_.state.deadline != absl::InfiniteFuture() && absl::Now() >= study_.state.deadline;
  }

  MetricFit FitOf(size_t m) {
    const bool lone = study_.objectives.size() == 1 && study_.objectives[0] == m;
    if (!lone) return FitMetric(data_[m], {Warp::Kind::kLinear, HyperPrior::kWide}, cache_);
    std::vector<MetricFit> fits;
    for (const ModelKind& kind : options_.kinds) fits.push_back(FitMetric(data_[m], kind, cache_));
    if (fits.size() == 1) return std::move(fits[0]);
    const std::vector<double> shares = BeliefShares(fits, options_.temper);
    double draw = rng_.Uniform();
    for (size_t k = 0; k < fits.size(); ++k) {
      draw -= shares[k];
      if (draw < 0) return std::move(fits[k]);
    }
    return std::move(fits.back());
  }

  // Whether the lone objective hardly moved over the last trials that ended.
  bool Stagnates() const {
    if (study_.objectives.size() != 1) return false;
    const size_t m = study_.objectives[0];
    std::vector<double> values;
    for (const Study::Outcome& outcome : study_.finished) {
      if (outcome.valued && study_.KeepsConstraints(outcome)) values.push_back(outcome.values[m]);
    }
    const size_t window = 3 + study_.encoding.size() / 2;
    if (values.size() < 2 * window) return false;
    const double best = *std::min_element(values.begin(), values.end());
    const double before =
        *std::min_element(values.begin(), values.end() - static_cast<std::ptrdiff_t>(window));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return before - best <= options_.stagnation * (values[values.size() / 2] - best);
  }

  // A process over −1 for trials that ended well and +1 for those that did not, about the share of both.
  void FitFailures() {
    failures_.layout = &study_.encoding.layout();
    failures_.points = Points(study_.encoding.layout().coordinates);
    for (const Study::Outcome& outcome : study_.finished) {
      failures_.points.Add(outcome.coordinates);
      failures_.values.push_back(-1);
    }
    for (const Study::Outcome& outcome : study_.infeasible) {
      failures_.points.Add(outcome.coordinates);
      failures_.values.push_back(1);
    }
    const size_t n = failures_.values.size();
    const auto failed = static_cast<double>(study_.infeasible.size());
    failure_mean_ = 2 * (failed + 0.5) / (static_cast<double>(n) + 2) - 1;
    for (double& value : failures_.values) value -= failure_mean_;
    const Hyper start = DefaultHyper(study_.encoding.layout(), HyperPrior::kDimensionScaled);
    const TrainingSet set{.layout = failures_.layout,
                          .points = &failures_.points,
                          .n = n,
                          .y = failures_.values,
                          .known_noise = {},
                          .offset = kFailureOffset};
    failure_hyper_ =
        FitMap(set, {.prior = HyperPrior::kDimensionScaled, .min_noise = 1e-2, .max_evaluations = 15},
               std::span(&start, 1));
  }

  void BuildModels() {
    const size_t pending = study_.pending.size();
    fantasies_ = pending == 0 ? 1 : (study_.objectives.size() == 1 ? options_.fantasies : kFewFantasies);
    models_.reserve(fits_.size() + 1);
    for (size_t m = 0; m < fits_.size(); ++m) {
      MetricData& data = data_[m];
      const MetricFit& fit = fits_[m];
      std::vector<double> known = fit.known_noise;
      for (const Study::Outcome& outcome : study_.pending) data.points.Add(outcome.coordinates);
      if (!known.empty()) known.resize(known.size() + pending, known.back());
      const TrainingSet set{.layout = data.layout,
                            .points = &data.points,
                            .n = data.points.size(),
                            .y = fit.y,
                            .known_noise = known};
      models_.emplace_back(set, fit.hyper, pending, Draws(m, pending), fantasies_);
    }
    if (!study_.infeasible.empty()) {
      const TrainingSet set{.layout = failures_.layout,
                            .points = &failures_.points,
                            .n = failures_.values.size(),
                            .y = failures_.values,
                            .known_noise = {},
                            .offset = kFailureOffset};
      models_.emplace_back(set, failure_hyper_, 0, std::span<const double>{}, fantasies_);
    }
  }

  // Standard normal draws for the values of pending trials, evenly spread over the fantasies.
  std::vector<double> Draws(size_t m, size_t pending) {
    std::vector<double> draws;
    if (pending == 0) return draws;
    const SobolSequence sequence(static_cast<int>(std::min<size_t>(pending, SobolSequence::kMaxDimensions)),
                                 HashOf(seed_, {52, m}));
    for (size_t f = 0; f < fantasies_; ++f) {
      const std::vector<double> unit = sequence.Point(static_cast<uint32_t>(f));
      for (size_t p = 0; p < pending; ++p)
        draws.push_back(NormalQuantile(std::clamp(unit[p % unit.size()], 1e-6, 1 - 1e-6)));
    }
    return draws;
  }

  void BuildAcquisition() {
    acquisition_.models = models_.size();
    acquisition_.fantasies = fantasies_;
    acquisition_.objectives = study_.objectives;
    const double optimism = rng_.Uniform() < options_.optimism_share ? options_.optimism : 0.0;
    for (const size_t m : study_.constraints) {
      acquisition_.limits.push_back(
          {.model = m, .at_most = fits_[m].warp.Apply(*study_.Limit(m)), .optimism = optimism});
    }
    if (!study_.infeasible.empty()) {
      acquisition_.limits.push_back({.model = fits_.size(),
                                     .at_most = -failure_mean_,
                                     .extra_variance = std::exp(failure_hyper_.log_noise)});
    }
    const bool kept = study_.constraints.empty() ||
                      std::any_of(study_.finished.begin(), study_.finished.end(), [&](const auto& outcome) {
                        return outcome.valued && study_.KeepsConstraints(outcome);
                      });
    if (study_.objectives.empty() || !kept) return;
    Objectives reference = study_.objectives.size() == 1 ? Objectives{kInfinity} : ReferencePoint();
    for (size_t f = 0; f < fantasies_; ++f) {
      std::vector<Objectives> achieved = Achieved(f);
      for (Objectives& point : achieved) point[0] -= least_gain_;
      acquisition_.improvements.emplace_back(NondominatedBoxes(achieved, reference));
    }
  }

  // What is believed to be achieved by trials that keep the constraints, pending ones included, in the
  // models' units.
  std::vector<Objectives> Achieved(size_t f) const {
    std::vector<Objectives> points;
    std::vector<size_t> position(fits_.size(), 0);
    for (const Study::Outcome& outcome : study_.finished) {
      if (outcome.valued && study_.KeepsConstraints(outcome)) {
        Objectives point;
        for (const size_t m : study_.objectives) point.push_back(models_[m].FittedMean(position[m], f));
        points.push_back(std::move(point));
      }
      for (size_t m = 0; m < fits_.size(); ++m) position[m] += !std::isnan(outcome.values[m]);
    }
    for (size_t p = 0; p < study_.pending.size(); ++p) {
      bool keeps = true;
      for (const auto& limit : acquisition_.limits) {
        if (limit.model >= fits_.size()) continue;
        keeps = keeps && models_[limit.model].FittedMean(position[limit.model] + p, f) <= limit.at_most;
      }
      if (!keeps) continue;
      Objectives point;
      for (const size_t m : study_.objectives) point.push_back(models_[m].FittedMean(position[m] + p, f));
      points.push_back(std::move(point));
    }
    return points;
  }

  // Thresholds where they are given; else a tenth of the front's extent beyond its worst.
  Objectives ReferencePoint() const {
    Objectives reference;
    const std::vector<Objectives> points = Achieved(0);
    std::vector<size_t> front = NondominatedIndices(points);
    for (size_t k = 0; k < study_.objectives.size(); ++k) {
      const size_t m = study_.objectives[k];
      if (const auto limit = study_.Limit(m)) {
        reference.push_back(fits_[m].warp.Apply(*limit));
        continue;
      }
      double best = kInfinity, worst = -kInfinity;
      for (const size_t i : front) {
        best = std::min(best, points[i][k]);
        worst = std::max(worst, points[i][k]);
      }
      if (front.size() == 1) {
        for (const Objectives& point : points) worst = std::max(worst, point[k]);
      }
      reference.push_back(worst + 0.1 * std::max(worst - best, 1e-3));
    }
    return reference;
  }

  // The trials around which it pays to look: the best, or the front.
  std::vector<Place> Anchors() const {
    std::vector<std::pair<double, size_t>> ranked;
    std::vector<Objectives> points;
    std::vector<size_t> owner;
    for (size_t i = 0; i < study_.finished.size(); ++i) {
      const Study::Outcome& outcome = study_.finished[i];
      if (!outcome.valued) continue;
      double broken = 0;
      for (const size_t m : study_.constraints)
        broken +=
            std::max(fits_[m].warp.Apply(outcome.values[m]) - fits_[m].warp.Apply(*study_.Limit(m)), 0.0);
      if (study_.objectives.size() <= 1) {
        const double value =
            study_.objectives.empty()
                ? 0
                : fits_[study_.objectives[0]].warp.Apply(outcome.values[study_.objectives[0]]);
        ranked.emplace_back(broken > 0 ? 1e6 + broken : value, i);
      } else if (broken > 0) {
        ranked.emplace_back(1e6 + broken, i);
      } else {
        Objectives point;
        for (const size_t m : study_.objectives) point.push_back(outcome.values[m]);
        points.push_back(std::move(point));
        owner.push_back(i);
      }
    }
    std::vector<Place> anchors;
    for (const size_t k : NondominatedIndices(points)) anchors.push_back(study_.finished[owner[k]].place);
    std::sort(ranked.begin(), ranked.end());
    for (const auto& entry : ranked) anchors.push_back(study_.finished[entry.second].place);
    const size_t keep = study_.objectives.size() <= 1 ? 3 : 6;
    if (anchors.size() > keep) anchors.resize(keep);
    return anchors;
  }

  std::optional<Suggestion> Search() {
    std::vector<const Gp*> models;
    for (const Gp& model : models_) models.push_back(&model);
    const Scorer scorer(study_.encoding, models, acquisition_);
    const std::vector<Place> anchors = Anchors();
    std::vector<double> lengths;
    for (const double log_length : models_[0].hyper().log_length) lengths.push_back(std::exp(log_length));
    SearchOptions options{.raw_points = options_.raw_points,
                          .starts = options_.starts,
                          .seed = HashOf(seed_, {53}),
                          .anchors = anchors,
                          .lengths = lengths,
                          .margin = margin_,
                          .out_of_time = [this] { return OutOfTime(); }};
    const SearchResult found = FindBest(scorer, study_.region, options);
    const Candidate* chosen = nullptr;
    Assignments assignments;
    for (const Candidate& candidate : found.candidates) {
      Assignments point = study_.encoding.ToAssignments(candidate.place);
      if (!SatisfiesConstraints(study_.state.space, point) || study_.taken.contains(PointKey(point)))
        continue;
      const bool crowds = NearPending(candidate.place);
      if (crowds && chosen != nullptr) continue;
      chosen = &candidate;
      assignments = std::move(point);
      if (!crowds) break;
    }
    if (chosen == nullptr) {
      // Every good place is taken; a new one is left to the even cover, unless the space has no more.
      return std::nullopt;
    }
    Suggestion suggestion;
    suggestion.assignments = std::move(assignments);
    suggestion.source = Suggestion::Source::kBayesian;
    suggestion.deadline_cut = found.cut;
    Explain(scorer, chosen->place, suggestion);
    return suggestion;
  }

  bool NearPending(const Place& place) const {
    std::vector<char> active;
    study_.encoding.ActiveAxes(place, active);
    return std::any_of(study_.pending.begin(), study_.pending.end(), [&](const Study::Outcome& other) {
      for (size_t i = 0; i < place.size(); ++i) {
        if (active[i] && std::abs(place[i] - other.place[i]) >= kPendingDistance) return false;
      }
      return true;
    });
  }

  void Explain(const Scorer& scorer, const Place& place, Suggestion& suggestion) const {
    std::vector<double> means, variances;
    scorer.Predict(place, means, variances);
    std::string text;
    for (size_t m = 0; m < fits_.size(); ++m) {
      const double sd = std::sqrt(variances[m]);
      const Warp& warp = fits_[m].warp;
      const double center = warp.Invert(means[m]);
      const double spread = 0.5 * (warp.Invert(means[m] + sd) - warp.Invert(means[m] - sd));
      const double value = study_.Sign(m) * center;
      suggestion.predictions[study_.metric(m).name] = {.value = value, .stddev = spread};
      absl::StrAppend(&text, text.empty() ? "" : ", ", study_.metric(m).name, " ",
                      absl::StrFormat("%.4g ± %.2g", value, spread));
    }
    // Thresholds of objectives count as well: they are what the user wants met.
    Acquisition all = acquisition_;
    for (const size_t m : study_.objectives) {
      if (const auto limit = study_.Limit(m))
        all.limits.push_back({.model = m, .at_most = fits_[m].warp.Apply(*limit)});
    }
    std::vector<double> all_means;
    for (const double mean : means) all_means.insert(all_means.end(), fantasies_, mean);
    suggestion.feasibility_probability = all.FeasibilityProbability(all_means, variances);
    const char* what = acquisition_.improvements.empty() ? "highest probability to keep the limits"
                       : study_.objectives.size() == 1   ? "largest expected improvement"
                                                         : "largest expected gain of the Pareto front";
    suggestion.text = absl::StrCat(
        what, " by Gaussian processes over ", study_.own, " trials",
        study_.finished.size() > study_.own
            ? absl::StrCat(" and ", study_.finished.size() - study_.own, " of earlier experiments")
            : "",
        "; expected: ", text);
    if (!all.limits.empty()) {
      absl::StrAppend(&suggestion.text, absl::StrFormat("; probability to meet all limits %.2f",
                                                        *suggestion.feasibility_probability));
    }
    if (!study_.pending.empty()) {
      absl::StrAppend(&suggestion.text, "; ", study_.pending.size(), " pending trials taken into account");
    }
  }

  const Study& study_;
  const BayesianOptions& options_;
  FitCache& cache_;
  const uint64_t seed_;
  Rng rng_;
  std::vector<MetricData> data_;
  std::vector<MetricFit> fits_;
  MetricData failures_;
  Hyper failure_hyper_;
  double failure_mean_ = 0;
  std::vector<Gp> models_;
  size_t fantasies_ = 1;
  double least_gain_ = 0;  // improvements below count nothing, in units of the model
  double margin_ = 0;
  Acquisition acquisition_;
};

}  // namespace

BayesianSuggester::BayesianSuggester(BayesianOptions options)
    : options_(std::move(options)), sobol_(MakeSuggester(Algorithm::kSobol)) {}

std::optional<Suggestion> BayesianSuggester::Suggest(const SearchState& state) const {
  const auto dimensions = static_cast<double>(state.space.parameters.size());
  auto initial =
      static_cast<size_t>(std::clamp(std::ceil(options_.initial_factor * (dimensions + 1)), 4.0, 20.0));
  const bool informed = std::any_of(state.knowledge.begin(), state.knowledge.end(),
                                    [](const auto& trials) { return !trials.empty(); });
  // What earlier searches tell replaces half of the even cover.
  if (informed) initial = std::max<size_t>(kFewestInformed, initial / 2);
  size_t tried = 0;
  for (const ObservedTrial& trial : state.trials) tried += trial.state != ObservedTrial::State::kFailed;
  if (tried >= initial) {
    Study study(state);
    if (informed) AddKnowledge(study, cache_);
    if (!study.finished.empty()) {
      if (auto suggestion = Round(study, options_, cache_).Run()) return suggestion;
    }
  }
  // In turn with the even cover, which sees what has changed.
  if (informed && tried < initial && tried % 2 == 0) {
    if (auto point = BestEarlierPoint(state)) {
      return Suggestion{.assignments = *std::move(point),
                        .source = Suggestion::Source::kTransfer,
                        .text = "among the best of an earlier experiment",
                        .suggestions_used = 0};
    }
  }
  auto suggestion = sobol_->Suggest(state);
  if (suggestion && tried >= initial && absl::Now() >= state.deadline) suggestion->deadline_cut = true;
  return suggestion;
}

}  // namespace sda::optimizer::bayes
