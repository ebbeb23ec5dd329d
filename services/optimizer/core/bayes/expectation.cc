#include "services/optimizer/core/bayes/expectation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <absl/strings/str_cat.h>

namespace sda::optimizer::bayes {
namespace {

// Trials of one earlier experiment that are taken: the best, and an even choice of the rest.
constexpr size_t kMaxEarlierTrials = 150, kMaxEarlierBest = 50;
constexpr size_t kMaxExperiments = 8;
// The belief about the scale weighs as much as so many trials; that offsets are 0 nearly nothing.
constexpr double kScaleTrials = 3, kOffsetTrials = 0.1;
constexpr double kMostScale = 4;
// Fewer trials rank nothing.
constexpr size_t kLeastRanked = 3;
constexpr double kDifference = 1e-5;  // of places, for numerical derivatives

struct Line {
  double offset = 0, scale = 1;
};

// y ≈ offset + scale·x with the beliefs above, x and y about standardised.
Line FitLine(std::span<const double> x, std::span<const double> y, double believed_scale) {
  double n = kOffsetTrials, sx = 0, sy = 0, sxx = kScaleTrials, sxy = kScaleTrials * believed_scale;
  for (size_t i = 0; i < x.size(); ++i) {
    n += 1;
    sx += x[i];
    sy += y[i];
    sxx += x[i] * x[i];
    sxy += x[i] * y[i];
  }
  const double determinant = n * sxx - sx * sx;
  Line line;
  line.scale = std::clamp((n * sxy - sx * sy) / determinant, 0.0, kMostScale);
  line.offset = (sy - line.scale * sx) / n;
  return line;
}

std::vector<const Study::Outcome*> Measured(const Study& study, size_t m) {
  std::vector<const Study::Outcome*> measured;
  for (const Study::Outcome& outcome : study.finished) {
    if (!std::isnan(outcome.values[m])) measured.push_back(&outcome);
  }
  return measured;
}

class GivenMean final : public Expectation {
 public:
  GivenMean(const Study& study, size_t m, const PriorMean& given, const MetricFit& plain)
      : study_(study), given_(given), warp_(plain.warp), sign_(study.Sign(m)) {
    std::vector<double> x, y;
    for (const Study::Outcome* outcome : Measured(study, m)) {
      const double value = Raw(outcome->place);
      if (!std::isfinite(value)) continue;
      x.push_back(value);
      y.push_back(outcome->values[m]);
    }
    if (x.empty()) return;
    // Both standardised by their own spread. The belief that the prediction is right as it is holds within
    // reason only: a prediction whose spread is far from that of the values is known to be off.
    const double unit = 1 / warp_.Slope(warp_.Invert(0));
    const double center = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
    double spread = 0;
    for (const double value : x) spread += (value - center) * (value - center);
    spread = std::sqrt(spread / static_cast<double>(x.size()));
    if (!(spread > 0)) spread = unit;
    for (double& value : x) value = (value - center) / spread;
    for (double& value : y) value = (value - center) / unit;
    const Line line = FitLine(x, y, std::clamp(spread / unit, 0.1, 2.0));
    scale_ = line.scale * unit / spread;
    offset_ = center + line.offset * unit - scale_ * center;
    usable_ = std::isfinite(scale_) && std::isfinite(offset_) && scale_ > 0;
  }

  bool usable() const { return usable_; }

  double At(const Place& place, std::span<double> gradient) const override {
    const double value = Warped(place);
    if (gradient.empty()) return value;
    Place moved = place;
    for (size_t i = 0; i < place.size(); ++i) {
      if (study_.encoding.axis(i).kind != Axis::Kind::kReal) continue;
      const double up = std::min(place[i] + kDifference, 1.0), down = std::max(place[i] - kDifference, 0.0);
      moved[i] = up;
      const double above = Warped(moved);
      moved[i] = down;
      gradient[i] += (above - Warped(moved)) / (up - down);
      moved[i] = place[i];
    }
    return value;
  }

  std::string Source() const override { return "a prediction given beforehand"; }

 private:
  double Raw(const Place& place) const {
    return sign_ * given_.predict(study_.encoding.ToAssignments(place));
  }
  double Warped(const Place& place) const {
    const double raw = Raw(place);
    return std::isfinite(raw) ? std::clamp(warp_.Apply(offset_ + scale_ * raw), -50.0, 50.0) : 0.0;
  }

  const Study& study_;
  const PriorMean& given_;
  const Warp warp_;
  const double sign_;
  double offset_ = 0, scale_ = 1;
  bool usable_ = false;
};

bool TypeMatches(const Domain& domain, const Value& value) {
  const bool text = std::holds_alternative<std::string>(value);
  return std::holds_alternative<Categories>(domain) == text;
}

// One earlier experiment as a process over its standardised values.
struct Earlier {
  std::unique_ptr<MetricData> data;
  std::unique_ptr<Gp> process;
  double weight = 1;
};

std::optional<Earlier> FitEarlier(const Study& study, size_t m, const Knowledge& knowledge, ModelKind kind,
                                  FitCache& cache) {
  const Encoding& encoding = study.encoding;
  std::vector<std::pair<double, const ObservedTrial*>> values;
  for (const ObservedTrial& trial : knowledge.trials) {
    if (trial.state != ObservedTrial::State::kSucceeded) continue;
    const auto found = trial.metrics.find(study.metric(m).name);
    if (found != trial.metrics.end() && std::isfinite(found->second))
      values.emplace_back(study.Sign(m) * found->second, &trial);
  }
  if (values.size() < 4) return std::nullopt;
  std::stable_sort(values.begin(), values.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Earlier earlier;
  earlier.data = std::make_unique<MetricData>(
      MetricData{.layout = &encoding.layout(), .points = Points(encoding.layout().coordinates)});
  std::vector<char> active;
  std::vector<double> coordinates(encoding.layout().coordinates);
  const size_t best = std::min(kMaxEarlierBest, values.size());
  const size_t rest = values.size() - best, even = std::min(kMaxEarlierTrials - kMaxEarlierBest, rest);
  for (size_t k = 0; k < best + even; ++k) {
    const size_t i = k < best ? k : best + (k - best) * rest / even;
    const Place place = PlaceOfEarlier(encoding, values[i].second->assignments);
    encoding.ActiveAxes(place, active);
    encoding.Coordinates(place, active, coordinates.data());
    earlier.data->points.Add(coordinates);
    earlier.data->values.push_back(values[i].first);
  }
  const MetricFit fit = FitMetric(*earlier.data, kind, cache);
  earlier.process = std::make_unique<Gp>(SetOf(*earlier.data, fit), fit.hyper);
  return earlier;
}

class EarlierExperiments final : public Expectation {
 public:
  EarlierExperiments(const Study& study, std::vector<Earlier> earlier)
      : study_(study), earlier_(std::move(earlier)) {}

  void Calibrate(const Line& line) { line_ = line; }
  std::vector<Earlier>& earlier() { return earlier_; }

  // Of one experiment.
  double Predict(const Earlier& one, const Place& place, std::span<double> gradient, double factor) const {
    const Encoding& encoding = study_.encoding;
    encoding.ActiveAxes(place, active_);
    coordinates_.resize(encoding.layout().coordinates);
    encoding.Coordinates(place, active_, coordinates_.data());
    double mean = 0, variance = 0;
    one.process->Predict(coordinates_.data(), scratch_, &mean, &variance);
    if (!gradient.empty()) {
      by_coordinate_.assign(coordinates_.size(), 0.0);
      by_place_.assign(place.size(), 0.0);
      one.process->AddGradient(coordinates_.data(), scratch_, &factor, 0, by_coordinate_.data());
      encoding.GradientOfPlace(place, active_, by_coordinate_.data(), by_place_);
      for (size_t i = 0; i < place.size(); ++i) gradient[i] += by_place_[i];
    }
    return mean;
  }

  double At(const Place& place, std::span<double> gradient) const override {
    double sum = 0;
    for (const Earlier& one : earlier_)
      sum += one.weight * Predict(one, place, gradient, line_.scale * one.weight);
    return line_.offset + line_.scale * sum;
  }

  std::string Source() const override {
    return absl::StrCat(earlier_.size(),
                        earlier_.size() == 1 ? " earlier experiment" : " earlier experiments");
  }

 private:
  const Study& study_;
  std::vector<Earlier> earlier_;
  Line line_;
  mutable Gp::Scratch scratch_;
  mutable std::vector<char> active_;
  mutable std::vector<double> coordinates_, by_coordinate_, by_place_;
};

// Share of pairs in the right order less that of those in the wrong one.
double RankAgreement(std::span<const double> a, std::span<const double> b) {
  double agree = 0, pairs = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double product = (a[i] - a[j]) * (b[i] - b[j]);
      agree += product > 0 ? 1 : (product < 0 ? -1 : 0);
      ++pairs;
    }
  }
  return pairs > 0 ? agree / pairs : 0;
}

}  // namespace

Place PlaceOfEarlier(const Encoding& encoding, const Assignments& assignments) {
  Assignments known;
  for (const Parameter& parameter : encoding.space().parameters) {
    const auto found = assignments.find(parameter.name);
    if (found != assignments.end() && TypeMatches(parameter.domain, found->second)) {
      known[parameter.name] = found->second;
    } else if (parameter.default_value) {
      known[parameter.name] = *parameter.default_value;
    }
  }
  return encoding.FromAssignments(known);
}

std::unique_ptr<Expectation> ExpectPriorMean(const Study& study, size_t m, const MetricFit& plain) {
  for (const PriorMean& given : study.state.prior_means) {
    if (given.metric != study.metric(m).name || !given.predict) continue;
    auto mean = std::make_unique<GivenMean>(study, m, given, plain);
    if (mean->usable()) return mean;
  }
  return nullptr;
}

std::unique_ptr<Expectation> ExpectKnowledge(const Study& study, size_t m, const MetricFit& plain,
                                             FitCache& cache) {
  std::vector<Earlier> fitted;
  for (const Knowledge& knowledge : study.state.knowledge) {
    if (fitted.size() >= kMaxExperiments) break;
    const ModelKind kind{plain.kind.warp, HyperPrior::kDimensionScaled};
    if (auto earlier = FitEarlier(study, m, knowledge, kind, cache)) fitted.push_back(std::move(*earlier));
  }
  if (fitted.empty()) return nullptr;
  auto expectation = std::make_unique<EarlierExperiments>(study, std::move(fitted));
  auto& all = expectation->earlier();
  const std::vector<const Study::Outcome*> measured = Measured(study, m);
  std::vector<std::vector<double>> predictions(all.size());
  double total = 0;
  for (size_t k = 0; k < all.size(); ++k) {
    for (const Study::Outcome* outcome : measured)
      predictions[k].push_back(expectation->Predict(all[k], outcome->place, {}, 0));
    // Agreement is noisy where trials are few: some is added, to be lost as they get more.
    const auto n = static_cast<double>(measured.size());
    const double agreement =
        measured.size() < kLeastRanked ? 1 : RankAgreement(predictions[k], plain.y) + 0.3 / std::sqrt(n);
    all[k].weight = std::pow(std::clamp(agreement, 0.0, 1.0), 2);
    total += all[k].weight;
  }
  if (!(total > 0.02)) return nullptr;
  std::vector<double> mixture(measured.size(), 0.0);
  for (size_t k = 0; k < all.size(); ++k) {
    all[k].weight /= total;
    for (size_t i = 0; i < mixture.size(); ++i) mixture[i] += all[k].weight * predictions[k][i];
  }
  std::erase_if(all, [](const Earlier& one) { return !(one.weight > 1e-3); });
  expectation->Calibrate(FitLine(mixture, plain.y, 1));
  return expectation;
}

std::vector<EarlierPoint> BestEarlierPoints(const Study& study, size_t count) {
  struct Ranked {
    double broken = 0, value = 0;
    const ObservedTrial* trial = nullptr;
  };
  std::vector<std::vector<Ranked>> ranked;
  for (const Knowledge& knowledge : study.state.knowledge) {
    std::vector<Ranked> trials;
    for (const ObservedTrial& trial : knowledge.trials) {
      if (trial.state != ObservedTrial::State::kSucceeded) continue;
      Ranked entry{.trial = &trial};
      bool known = false;
      for (size_t m = 0; m < study.modelled.size(); ++m) {
        const auto found = trial.metrics.find(study.metric(m).name);
        if (found == trial.metrics.end() || !std::isfinite(found->second)) continue;
        known = true;
        const double value = study.Sign(m) * found->second;
        if (const auto limit = study.Limit(m))
          entry.broken += std::max(value - *limit, 0.0) / std::max(std::abs(*limit), 1e-9);
        if (!study.objectives.empty() && study.objectives[0] == m) entry.value = value;
      }
      if (known) trials.push_back(entry);
    }
    std::stable_sort(trials.begin(), trials.end(), [](const Ranked& a, const Ranked& b) {
      return a.broken < b.broken || (a.broken == b.broken && a.value < b.value);
    });
    ranked.push_back(std::move(trials));
  }
  std::vector<EarlierPoint> points;
  std::vector<Place> places;
  std::vector<size_t> next(ranked.size(), 0);
  for (bool progress = true; progress && points.size() < count;) {
    progress = false;
    for (size_t k = 0; k < ranked.size() && points.size() < count; ++k) {
      while (next[k] < ranked[k].size()) {
        progress = true;
        Place place = PlaceOfEarlier(study.encoding, ranked[k][next[k]++].trial->assignments);
        study.encoding.Settle(place);
        if (!study.region.Repair(place)) continue;
        const bool near = std::any_of(places.begin(), places.end(), [&](const Place& other) {
          double most = 0;
          for (size_t i = 0; i < place.size(); ++i) most = std::max(most, std::abs(place[i] - other[i]));
          return most < 0.1;
        });
        Assignments assignments = study.encoding.ToAssignments(place);
        if (near || !SatisfiesConstraints(study.state.space, assignments) ||
            !CheckAssignments(study.state.space, assignments, "").empty())
          continue;
        places.push_back(std::move(place));
        points.push_back({std::move(assignments), study.state.knowledge[k].experiment});
        break;
      }
    }
  }
  return points;
}

}  // namespace sda::optimizer::bayes
