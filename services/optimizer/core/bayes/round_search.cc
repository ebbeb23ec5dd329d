#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "services/optimizer/core/bayes/round.h"

namespace sda::optimizer::bayes {
namespace {

// Two trials at a time this close, in the unit cube, tell little more than one.
constexpr double kPendingDistance = 1e-3;
// The weight of priors on parameters is so many trials over the number of trials.
constexpr double kPriorTrials = 4;

}  // namespace

Scorer Round::MakeScorer() const {
  std::vector<const Gp*> models;
  for (const Gp& model : models_) models.push_back(&model);
  Scorer scorer(study_.encoding, models, acquisition_);
  std::vector<const Expectation*> expectations;
  for (const auto& expectation : expectations_) expectations.push_back(expectation.get());
  scorer.Expect(std::move(expectations));
  if (belief_.any()) scorer.Believe(&belief_, kPriorTrials / static_cast<double>(trials_ + 1));
  return scorer;
}

std::optional<Suggestion> Round::Search() {
  const Scorer scorer = MakeScorer();
  std::vector<Place> anchors = Anchors();
  if (niche_) anchors = {study_.finished[niche_->trial].place};
  std::vector<double> lengths;
  for (const double log_length : models_[0].hyper().log_length) lengths.push_back(std::exp(log_length));
  SearchOptions options{.raw_points = options_.raw_points,
                        .starts = options_.starts,
                        .seed = HashOf(seed_, {53}),
                        .anchors = anchors,
                        .lengths = lengths,
                        .margin = margin_,
                        .belief = belief_.any() ? &belief_ : nullptr,
                        .out_of_time = [this] { return OutOfTime(); }};
  if (const auto& around = niche_ ? niche_ : box_) {
    options.low = around->low;
    options.high = around->high;
  } else if (locality_) {
    options.low = locality_->low;
    options.high = locality_->high;
  }
  const SearchResult found = FindBest(scorer, study_.region, options);
  const bool noisy = IsNoisy();
  const Candidate* chosen = nullptr;
  Assignments assignments;
  bool replicate = false;
  for (const Candidate& candidate : found.candidates) {
    Assignments point = study_.encoding.ToAssignments(candidate.place);
    if (!SatisfiesConstraints(study_.state.space, point)) continue;
    const std::string key = PointKey(point);
    const bool taken = study_.taken.contains(key);
    if (taken && !(noisy && study_.replicable.contains(key))) continue;
    const bool crowds = NearPending(candidate.place);
    if (crowds && chosen != nullptr) continue;
    chosen = &candidate;
    assignments = std::move(point);
    replicate = taken;
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
  if (replicate)
    absl::StrAppend(&suggestion.text, "; a second trial of this point, because values are noisy");
  return suggestion;
}

bool Round::NearPending(const Place& place) const {
  std::vector<char> active;
  study_.encoding.ActiveAxes(place, active);
  return std::any_of(study_.pending.begin(), study_.pending.end(), [&](const Study::Outcome& other) {
    for (size_t i = 0; i < place.size(); ++i) {
      if (active[i] && std::abs(place[i] - other.place[i]) >= kPendingDistance) return false;
    }
    return true;
  });
}

void Round::Explain(const Scorer& scorer, const Place& place, Suggestion& suggestion) const {
  std::vector<double> means, variances;
  scorer.Predict(place, means, variances);
  std::string text;
  const auto predict = [&](const std::string& name, const Warp& warp, size_t model, const auto& back) {
    const double sd = std::sqrt(variances[model]);
    const double value = back(warp.Invert(means[model]));
    const double spread =
        0.5 * std::abs(back(warp.Invert(means[model] + sd)) - back(warp.Invert(means[model] - sd)));
    if (!suggestion.predictions.emplace(name, Suggestion::Prediction{value, spread}).second) return;
    absl::StrAppend(&text, text.empty() ? "" : ", ", name, " ",
                    absl::StrFormat("%.4g ± %.2g", value, spread));
  };
  for (size_t m = 0; m < fits_.size(); ++m) {
    const double sign = study_.Sign(m);
    predict(study_.metric(m).name, fits_[m].warp, m, [sign](double value) { return sign * value; });
  }
  if (cost_fit_) {
    predict(study_.state.metrics[*study_.cost].name, cost_fit_->warp, models_.size() - 1,
            [](double value) { return std::exp(value); });
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
  suggestion.text =
      absl::StrCat(what, acquisition_.cost ? " per unit of cost" : "", " by Gaussian processes over ",
                   study_.finished.size(), " trials; expected: ", text);
  if (!all.limits.empty()) {
    absl::StrAppend(&suggestion.text, absl::StrFormat("; probability to meet all limits %.2f",
                                                      *suggestion.feasibility_probability));
  }
  absl::StrAppend(&suggestion.text, Notes());
}

// What else the suggestion rests on.
std::string Round::Notes() const {
  std::string notes;
  if (!study_.pending.empty())
    absl::StrAppend(&notes, "; ", study_.pending.size(), " pending trials taken into account");
  for (size_t m = 0; m < fits_.size(); ++m) {
    if (expectations_[m])
      absl::StrAppend(&notes, "; ", study_.metric(m).name, " starts from ", expectations_[m]->Source());
  }
  if (aim_ && acquisition_.improvements.empty()) {
    absl::StrAppend(&notes, "; no trial meets the thresholds yet, one that does is sought");
  } else if (aim_) {
    absl::StrAppend(&notes, "; the best ", study_.metric(*aim_).name, " within the thresholds is sought");
  }
  if (niche_) absl::StrAppend(&notes, "; around the best trial of another region, as the search stagnates");
  if (locality_) {
    absl::StrAppend(&notes, "; the models know the trials around one of the best, of ", trials_);
  }
  return notes;
}

}  // namespace sda::optimizer::bayes
